import {once} from 'node:events';
import {Agent as HttpAgent} from 'node:http';
import {Agent as HttpsAgent} from 'node:https';
import got, {RequestError, type Got} from 'got';
import {describeRequestError} from './describe-request-error.ts';
import {FileBody, type Upload} from './file-body.ts';
import {IDLE_SOCKET_MS, isSuccess, MAX_ERROR_BYTES, type WahaServer} from './http-rules.ts';
import {readUpTo} from './read-up-to.ts';
import {WahaTransportError, type WahaAnswer} from './waha-failure.ts';

/** A list of 500 sessions is about 1 MB. */
const MAX_ANSWER_BYTES = 10 * 1024 * 1024;

export interface WahaRequest {
	readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	/** Below the base URL, without a leading slash. */
	readonly path: string;
	readonly body?: object | FileBody;
	readonly signal?: AbortSignal;
}

/** Single exchanges with one WAHA server, nothing repeated. @throws {WahaTransportError} there was no whole answer */
export class WahaHttp implements Disposable {
	readonly #baseUrl: string;
	readonly #http: Got;
	readonly #agents = {
		http: new HttpAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
		https: new HttpsAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
	};

	constructor({baseUrl, apiKey, connectMs}: WahaServer) {
		this.#baseUrl = baseUrl;
		this.#http = got.extend({
			headers: {'x-api-key': apiKey},
			agent: this.#agents,
			timeout: {connect: connectMs},
			retry: {limit: 0},
			throwHttpErrors: false,
			followRedirect: false,
		});
	}

	/** Sends a request and reads its answer. Whatever reading a file throws is thrown on: nothing was sent then. */
	async exchange({method, path, body, signal: caller}: WahaRequest, deadline: AbortSignal): Promise<WahaAnswer> {
		const upload = body instanceof FileBody ? body.open() : undefined;
		const request = this.#http.stream(`${this.#baseUrl}/${path}`, {
			method,
			signal: caller === undefined ? deadline : AbortSignal.any([deadline, caller]),
			...(upload !== undefined ? {body: upload.stream, headers: upload.headers} : body !== undefined && {json: body}),
		});
		if (body === undefined && method !== 'GET') {
			request.end();
		}
		try {
			const [{statusCode: status}] = (await once(request, 'response')) as [{statusCode: number}];
			return {status, text: await readUpTo(request, isSuccess(status) ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES)};
		} catch (error) {
			const endedBy = deadline.aborted ? 'deadline' : caller?.aborted === true ? 'caller' : 'network';
			if (endedBy === 'network' && upload?.failure !== undefined) throw upload.failure;
			throw new WahaTransportError(describeRequestError(error), {sent: mayHaveBeenSent(error, upload), endedBy});
		} finally {
			// It may have answered without waiting for the end. The deadline would still be heard then, and its error by nobody: that ends the
			// process. A connection whose exchange is over stays open for the next one.
			request.destroy();
		}
	}

	/** Closes idle connections. */
	[Symbol.dispose](): void {
		this.#agents.http.destroy();
		this.#agents.https.destroy();
	}
}

/** Nothing is written before there is a connection, and half a request is none. */
function mayHaveBeenSent(error: unknown, upload?: Upload): boolean {
	return upload?.isWhole !== false && (!(error instanceof RequestError) || error.timings?.connect !== undefined);
}
