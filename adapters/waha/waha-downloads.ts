import type {IncomingHttpHeaders} from 'node:http';
import type {Readable} from 'node:stream';
import {Agent} from 'undici';
import {describeRequestError} from './describe-request-error.ts';
import {FileDownload} from './file-download.ts';
import {IDLE_SOCKET_MS, isSuccess, MAX_ERROR_BYTES, type WahaServer} from './http-rules.ts';
import {Patience} from './patience.ts';
import {readUpTo} from './read-up-to.ts';
import {WahaTransportError, type WahaAnswer} from './waha-failure.ts';

/** What asking for a file gave. */
export type WahaFile =
	| {readonly kind: 'file'; readonly headers: IncomingHttpHeaders; readonly content: FileDownload}
	/** How WAHA serves what it failed to store. */
	| {readonly kind: 'empty'}
	| {readonly kind: 'refused'; readonly answer: WahaAnswer};

/**
 * Files of one WAHA server, by undici: its chunks are the very memory into which the socket was read, so that a reader who gives them
 * back frees it. Node's own client (below `WahaHttp`) hands out copies, and what they were made of waits for the garbage collector:
 * copying a file of 100 MB and passing it on four times at once added 84 to 110 MB with it, and adds 13 to 43 now, most of which is
 * V8's young generation.
 */
export class WahaDownloads implements Disposable {
	readonly #baseUrl: string;
	readonly #apiKey: string;
	readonly #agent: Agent;

	constructor({baseUrl, apiKey, connectMs}: WahaServer) {
		this.#baseUrl = baseUrl;
		this.#apiKey = apiKey;
		this.#agent = new Agent({
			// As many as there are transfers: a slow one must not hold up the others.
			connections: null,
			pipelining: 1,
			allowH2: false,
			keepAliveTimeout: IDLE_SOCKET_MS,
			connectTimeout: connectMs,
			// Each step has a deadline of its own instead.
			headersTimeout: 0,
			bodyTimeout: 0,
		});
	}

	/**
	 * Begins to read a file. Nothing is repeated, and redirects are answers.
	 * @param startMs how long its first bytes may take
	 * @param stallMs how long the next ones may take, each time they are asked for
	 * @throws {WahaTransportError} there was no answer, or it ended before its first bytes
	 */
	async open(
		path: string,
		{startMs, stallMs, signal: caller}: {startMs: number; stallMs: number; signal: AbortSignal},
	): Promise<WahaFile> {
		const patience = new Patience();
		const toFailure = (error: unknown): WahaTransportError => {
			const endedBy = patience.signal.aborted ? 'deadline' : caller.aborted ? 'caller' : 'network';
			// For a read it makes no difference whether it arrived.
			return new WahaTransportError(describeRequestError(error), {sent: true, endedBy});
		};
		const begin = async (): Promise<WahaFile> => {
			const {statusCode: status, headers, body} = await this.#get(path, AbortSignal.any([patience.signal, caller]));
			if (!isSuccess(status)) {
				return {kind: 'refused', answer: {status, text: await readUpTo(body, MAX_ERROR_BYTES)}};
			}
			const content = new FileDownload({body, patience, stallMs, toFailure});
			return (await content.begin()) ? {kind: 'file', headers, content} : {kind: 'empty'};
		};
		try {
			return await patience.within(startMs, begin());
		} catch (error) {
			throw toFailure(error);
		}
	}

	/** Ends what is running and closes all connections. */
	[Symbol.dispose](): void {
		void this.#agent.destroy();
	}

	#get(path: string, signal: AbortSignal): Promise<{statusCode: number; headers: IncomingHttpHeaders; body: Readable}> {
		const {origin, pathname, search} = new URL(`${this.#baseUrl}/${path}`);
		const headers = {'x-api-key': this.#apiKey};
		return this.#agent.request({origin, path: pathname + search, method: 'GET', headers, signal});
	}
}
