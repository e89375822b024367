import {once} from 'node:events';
import {Agent as HttpAgent, type IncomingHttpHeaders} from 'node:http';
import {Agent as HttpsAgent} from 'node:https';
import got, {RequestError, type Got, type Request} from 'got';
import {describeRequestError} from './describe-request-error.ts';
import {FileBody, type Upload} from './file-body.ts';
import {FileDownload} from './file-download.ts';
import {Patience} from './patience.ts';
import {WahaTransportError, type WahaAnswer} from './waha-failure.ts';

/** Node's HTTP servers close idle connections after 5 s: ours go first, so that no request meets a closing one. */
const IDLE_SOCKET_MS = 4000;

/** A list of 500 sessions is about 1 MB. */
const MAX_ANSWER_BYTES = 10 * 1024 * 1024;

/** A 500 repeats the whole request, media included; what matters is at its start. */
const MAX_ERROR_BYTES = 64 * 1024;

export interface WahaRequest {
	readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	/** Below the base URL, without a leading slash. */
	readonly path: string;
	readonly body?: object | FileBody;
	readonly signal?: AbortSignal;
}

/** What asking for a file gave. */
export type WahaFile =
	| {readonly kind: 'file'; readonly headers: IncomingHttpHeaders; readonly content: FileDownload}
	/** How WAHA serves what it failed to store. */
	| {readonly kind: 'empty'}
	| {readonly kind: 'refused'; readonly answer: WahaAnswer};

/** Single exchanges with one WAHA server, nothing repeated. @throws {WahaTransportError} there was no whole answer */
export class WahaHttp implements Disposable {
	readonly #baseUrl: string;
	readonly #http: Got;
	readonly #agents = {
		http: new HttpAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
		https: new HttpsAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
	};

	constructor({baseUrl, apiKey, connectMs}: {baseUrl: string; apiKey: string; connectMs: number}) {
		this.#baseUrl = baseUrl.replace(/\/+$/, '');
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
			// It answered without waiting for the end.
			if (upload?.isWhole === false) request.destroy();
		}
	}

	/**
	 * Begins to read a file.
	 * @param startMs how long its first bytes may take
	 * @param stallMs how long the next ones may take, each time they are asked for
	 */
	async download(
		path: string,
		{startMs, stallMs, signal: caller}: {startMs: number; stallMs: number; signal: AbortSignal},
	): Promise<WahaFile> {
		const patience = new Patience();
		const request = this.#http.stream(`${this.#baseUrl}/${path}`, {
			signal: AbortSignal.any([patience.signal, caller]),
			decompress: false,
		});
		const content = new FileDownload({request, patience, stallMs, caller});
		try {
			return await patience.within(startMs, begin(request, content));
		} catch (error) {
			throw new WahaTransportError(describeRequestError(error), {
				sent: mayHaveBeenSent(error),
				endedBy: content.endedBy,
			});
		}
	}

	/** Closes idle connections. */
	[Symbol.dispose](): void {
		this.#agents.http.destroy();
		this.#agents.https.destroy();
	}
}

async function begin(request: Request, content: FileDownload): Promise<WahaFile> {
	const [{statusCode: status, headers}] = (await once(request, 'response')) as [
		{statusCode: number; headers: IncomingHttpHeaders},
	];
	if (!isSuccess(status)) {
		return {kind: 'refused', answer: {status, text: await readUpTo(request, MAX_ERROR_BYTES)}};
	}
	const isThere = await content.begin();
	return isThere ? {kind: 'file', headers, content} : {kind: 'empty'};
}

/** Leaves what goes beyond; the connection is closed then. */
async function readUpTo(request: Request, limitBytes: number): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes > limitBytes) break;
	}
	return Buffer.concat(chunks).toString('utf8', 0, limitBytes);
}

function isSuccess(status: number): boolean {
	return status >= 200 && status < 300;
}

/** Nothing is written before there is a connection, and half a request is none. */
function mayHaveBeenSent(error: unknown, upload?: Upload): boolean {
	return upload?.isWhole !== false && (!(error instanceof RequestError) || error.timings?.connect !== undefined);
}
