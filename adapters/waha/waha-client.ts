import {once} from 'node:events';
import {Agent as HttpAgent} from 'node:http';
import {Agent as HttpsAgent} from 'node:https';
import got, {RequestError, type Got, type Request} from 'got';
import pRetry from 'p-retry';
import {
	engineError,
	toAnswerError,
	toTransportError,
	WahaTransportError,
	type WahaAnswer,
	type WahaIntent,
} from './waha-failure.ts';

/** How long calls may take as a whole, in milliseconds; WAHA itself waits up to 15 s for a session to be ready. */
export interface WahaDeadlines {
	readonly connectMs: number;
	readonly readMs: number;
	readonly controlMs: number;
	readonly sendMs: number;
}

const DEFAULT_DEADLINES: WahaDeadlines = {connectMs: 5000, readMs: 20_000, controlMs: 45_000, sendMs: 60_000};

/** Node's HTTP servers close idle connections after 5 s: ours go first, so that no request meets a closing one. */
const IDLE_SOCKET_MS = 4000;

const RETRIES = 2;
const RETRY_DELAY_MS = 200;

/** A list of 500 sessions is about 1 MB. */
const MAX_ANSWER_BYTES = 10 * 1024 * 1024;

/** A 500 repeats the whole request, media included; what matters is at its start. */
const MAX_ERROR_BYTES = 64 * 1024;

interface Call {
	readonly intent: WahaIntent;
	readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	/** Below the base URL, without a leading slash. */
	readonly path: string;
	readonly json?: object;
	readonly signal?: AbortSignal;
}

/** Calls of one WAHA server: key, deadlines, retries where they are safe, and errors in the domain's words. */
export class WahaClient implements Disposable {
	readonly #baseUrl: string;
	readonly #http: Got;
	readonly #agents = {
		http: new HttpAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
		https: new HttpsAgent({keepAlive: true, timeout: IDLE_SOCKET_MS}),
	};
	readonly #deadlines: WahaDeadlines;

	constructor({baseUrl, apiKey, deadlines}: {baseUrl: string; apiKey: string; deadlines?: Partial<WahaDeadlines>}) {
		this.#baseUrl = baseUrl.replace(/\/+$/, '');
		this.#deadlines = {...DEFAULT_DEADLINES, ...deadlines};
		this.#http = got.extend({
			headers: {'x-api-key': apiKey},
			agent: this.#agents,
			timeout: {connect: this.#deadlines.connectMs},
			retry: {limit: 0},
			throwHttpErrors: false,
			followRedirect: false,
		});
	}

	/** Reads; repeats itself while the deadline allows. Undefined for an empty answer. @throws {EngineError} */
	async read(path: string, signal?: AbortSignal): Promise<unknown> {
		return parse(await this.#call({intent: 'read', method: 'GET', path, ...(signal !== undefined && {signal})}));
	}

	/** Changes a session. Undefined for an empty answer. @throws {EngineError} */
	async control(method: 'POST' | 'PUT' | 'DELETE', path: string, json?: object): Promise<unknown> {
		return parse(await this.#call({intent: 'control', method, path, ...(json !== undefined && {json})}));
	}

	/**
	 * Sends once. Undefined when it was accepted with an answer that says nothing.
	 * @throws {EngineError} `sideEffect: 'possible'` unless it is certain that nothing went out.
	 */
	async send(path: string, json: object, signal: AbortSignal): Promise<unknown> {
		return tryParse(await this.#call({intent: 'send', method: 'POST', path, json, signal}));
	}

	/** Closes idle connections. */
	[Symbol.dispose](): void {
		this.#agents.http.destroy();
		this.#agents.https.destroy();
	}

	async #call(call: Call): Promise<string> {
		const answer = await this.#repeat(call);
		if (answer.status < 200 || answer.status >= 300) {
			throw toAnswerError(answer, call.intent, `${call.method} ${call.path}`);
		}
		return answer.text;
	}

	/** Tries again what cannot have happened (nothing was sent) or may happen twice (a read). */
	async #repeat(call: Call): Promise<WahaAnswer> {
		const deadline = AbortSignal.timeout(this.#deadlines[`${call.intent}Ms`]);
		try {
			return await pRetry(() => this.#exchange(call, deadline), {
				retries: RETRIES,
				minTimeout: RETRY_DELAY_MS,
				randomize: true,
				shouldRetry: ({error}) =>
					error instanceof WahaTransportError && error.endedBy === 'network' && (!error.sent || call.intent === 'read'),
			});
		} catch (error) {
			throw error instanceof WahaTransportError ? toTransportError(error, call.intent) : error;
		}
	}

	async #exchange({method, path, json, signal: caller}: Call, deadline: AbortSignal): Promise<WahaAnswer> {
		const request = this.#http.stream(`${this.#baseUrl}/${path}`, {
			method,
			signal: caller === undefined ? deadline : AbortSignal.any([deadline, caller]),
			...(json !== undefined && {json}),
		});
		if (json === undefined && method !== 'GET') {
			request.end();
		}
		try {
			const [{statusCode: status}] = (await once(request, 'response')) as [{statusCode: number}];
			return {status, text: await readUpTo(request, status < 300 ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES)};
		} catch (error) {
			const endedBy = deadline.aborted ? 'deadline' : caller?.aborted === true ? 'caller' : 'network';
			throw new WahaTransportError(describe(error), {sent: mayHaveBeenSent(error), endedBy});
		}
	}
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

/** Nothing is written before there is a connection. */
function mayHaveBeenSent(error: unknown): boolean {
	return !(error instanceof RequestError) || error.timings?.connect !== undefined;
}

/** The library's own errors carry the request with its key: only their text goes on. */
function describe(error: unknown): string {
	return error instanceof RequestError ? `${error.code}: ${error.message}` : String(error);
}

/** @throws {EngineError} for text that is no JSON: a page of something else, or an answer without end. */
function parse(text: string): unknown {
	if (text === '') {
		return undefined;
	}
	const value = tryParse(text);
	if (value === undefined) {
		throw engineError('ENGINE_UNAVAILABLE', new Error('WAHA answered something else than JSON'));
	}
	return value;
}

/** Undefined for what is no JSON. */
function tryParse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
