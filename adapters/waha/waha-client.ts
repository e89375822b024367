import pRetry from 'p-retry';
import type {EngineFile} from '../../domain/ports/whatsapp-engine.ts';
import type {FileBody} from './file-body.ts';
import {isSuccess} from './http-rules.ts';
import {WahaDownloads} from './waha-downloads.ts';
import {
	engineError,
	toAnswerError,
	toTransportError,
	WahaTransportError,
	type WahaIntent,
	type WahaMeanings,
} from './waha-failure.ts';
import {WahaHttp, type WahaRequest} from './waha-http.ts';

/**
 * How long calls may take as a whole, in milliseconds; WAHA itself waits up to 15 s for a session to be ready. `mediaMs` is for
 * what makes WAHA transfer or convert a file, `stallMs` for a download's next bytes.
 */
export interface WahaDeadlines {
	readonly connectMs: number;
	readonly readMs: number;
	readonly controlMs: number;
	readonly sendMs: number;
	readonly mediaMs: number;
	readonly stallMs: number;
}

const DEFAULT_DEADLINES: WahaDeadlines = {
	connectMs: 5000,
	readMs: 20_000,
	controlMs: 45_000,
	sendMs: 60_000,
	mediaMs: 120_000,
	stallMs: 30_000,
};

const RETRIES = 2;
const RETRY_DELAY_MS = 200;

interface CallOptions {
	readonly signal?: AbortSignal;
	readonly meanings?: WahaMeanings;
	/** Of the kind of call, if not given. */
	readonly deadline?: keyof WahaDeadlines;
}

interface Call extends CallOptions {
	readonly deadline: keyof WahaDeadlines;
	readonly intent: WahaIntent;
	readonly request: WahaRequest;
}

/** Calls of one WAHA server: key, deadlines, retries where they are safe, and errors in the domain's words. */
export class WahaClient implements Disposable {
	readonly #http: WahaHttp;
	readonly #downloads: WahaDownloads;
	readonly #deadlines: WahaDeadlines;

	constructor({baseUrl, apiKey, deadlines}: {baseUrl: string; apiKey: string; deadlines?: Partial<WahaDeadlines>}) {
		this.#deadlines = {...DEFAULT_DEADLINES, ...deadlines};
		const server = {baseUrl: baseUrl.replace(/\/+$/, ''), apiKey, connectMs: this.#deadlines.connectMs};
		this.#http = new WahaHttp(server);
		this.#downloads = new WahaDownloads(server);
	}

	/** Reads; repeats itself while the deadline allows. Undefined for an empty answer. @throws {EngineError} */
	async read(path: string, options: CallOptions = {}): Promise<unknown> {
		return parse(await this.#call({deadline: 'readMs', ...options, intent: 'read', request: {method: 'GET', path}}));
	}

	/** Changes a session. Undefined for an empty answer. @throws {EngineError} */
	async control(
		method: 'POST' | 'PUT' | 'DELETE',
		path: string,
		body?: object,
		options: CallOptions = {},
	): Promise<unknown> {
		const request = {method, path, ...(body !== undefined && {body})};
		return parse(await this.#call({deadline: 'controlMs', ...options, intent: 'change', request}));
	}

	/** Changes something in a chat that is the same when it is done twice. Undefined for an empty answer. @throws {EngineError} */
	change(
		method: 'POST' | 'PUT' | 'DELETE',
		path: string,
		body: object | undefined,
		options: CallOptions,
	): Promise<unknown> {
		return this.control(method, path, body, {deadline: 'sendMs', ...options});
	}

	/**
	 * Sends once. Undefined for an empty answer: whether that is one, the caller knows.
	 * @throws {EngineError} `sideEffect: 'possible'` unless it is certain that nothing went out; or what reading the file threw
	 */
	async send(path: string, body: object | FileBody, options: CallOptions): Promise<unknown> {
		const request = {method: 'POST', path, body} as const;
		return parse(await this.#call({deadline: 'sendMs', ...options, intent: 'send', request}), 'OUTCOME_UNKNOWN');
	}

	/** Opens a file; repeats itself until the first bytes are there. @throws {EngineError} MEDIA_NOT_FOUND for none, or an empty one */
	async download(path: string, signal: AbortSignal): Promise<EngineFile> {
		const {readMs: startMs, stallMs} = this.#deadlines;
		const call = `GET ${withoutQuery(path)}`;
		const file = await repeat('read', () => this.#downloads.open(path, {startMs, stallMs, signal}));
		if (file.kind === 'empty') {
			throw engineError('MEDIA_NOT_FOUND', new Error(`WAHA answered no bytes to ${call}`));
		}
		if (file.kind === 'refused') {
			throw toAnswerError(file.answer, {intent: 'read', call, meanings: {404: 'MEDIA_NOT_FOUND'}});
		}
		const {'content-type': contentType, 'content-length': length} = file.headers;
		return {
			contentType: contentType ?? 'application/octet-stream',
			sizeBytes: length === undefined ? null : Number(length),
			content: file.content,
		};
	}

	/** Closes all connections. */
	[Symbol.dispose](): void {
		this.#http[Symbol.dispose]();
		this.#downloads[Symbol.dispose]();
	}

	async #call({intent, request, signal, meanings, deadline}: Call): Promise<string> {
		const timeout = AbortSignal.timeout(this.#deadlines[deadline]);
		const whole = signal === undefined ? request : {...request, signal};
		const answer = await repeat(intent, () => this.#http.exchange(whole, timeout));
		if (!isSuccess(answer.status)) {
			throw toAnswerError(answer, {
				intent,
				call: `${request.method} ${withoutQuery(request.path)}`,
				...(meanings !== undefined && {meanings}),
			});
		}
		return answer.text;
	}
}

/** Tries again what cannot have happened (nothing was sent) or may happen twice (a read). */
async function repeat<T>(intent: WahaIntent, exchange: () => Promise<T>): Promise<T> {
	try {
		return await pRetry(exchange, {
			retries: RETRIES,
			minTimeout: RETRY_DELAY_MS,
			randomize: true,
			shouldRetry: ({error}) =>
				error instanceof WahaTransportError && error.endedBy === 'network' && (!error.sent || intent === 'read'),
		});
	} catch (error) {
		throw error instanceof WahaTransportError ? toTransportError(error, intent) : error;
	}
}

/** @throws {EngineError} for text that is no JSON: a page of something else, or an answer without end. Nobody knows then whether WAHA was asked */
function parse(text: string, failure: 'ENGINE_UNAVAILABLE' | 'OUTCOME_UNKNOWN' = 'ENGINE_UNAVAILABLE'): unknown {
	if (text === '') {
		return undefined;
	}
	try {
		return JSON.parse(text);
	} catch {
		// The parser's own message would repeat what was answered.
		throw engineError(failure, new Error('WAHA answered something else than JSON'));
	}
}

/** What is behind the question mark may be a key. */
function withoutQuery(path: string): string {
	return path.replace(/\?.*$/s, '');
}
