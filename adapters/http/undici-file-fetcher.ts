import type {Agent, Dispatcher} from 'undici';
import {DomainError, MediaFetchFailedError} from '../../domain/errors.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';
import type {FetchedFile, FileFetcher} from '../../domain/ports/file-fetcher.ts';
import {AddressGuard} from './address-guard.ts';
import {describeFailure} from './failure-class.ts';
import {FetchedContent} from './fetched-content.ts';
import {guardedAgent} from './guarded-agent.ts';
import type {ResolveName} from './guarded-lookup.ts';
import {servedFilename} from './served-filename.ts';

const MAX_REDIRECTS = 3;
const REDIRECTS = [301, 302, 303, 307, 308];

/** For the head of the answer, once connected; and for each next piece of the body. */
const SILENCE_MS = 15_000;

/** What a fetcher may reach, and how patient it is. */
export interface UndiciFileFetcherOptions {
	/** Ours; goes into the `User-Agent`. */
	readonly version: string;
	/** Ranges besides the public ones that may be asked, see `AddressGuard`. */
	readonly allowCidrs: readonly string[];
	/** How long a server may be silent, before its answer and within it. Default: 15 s. */
	readonly silenceMs?: number;
	/** Default: the system's resolver. */
	readonly resolveName?: ResolveName;
}

type Answer = Dispatcher.ResponseData & {readonly url: string};

/**
 * Gets files by GET, up to three redirects on. Every hop is a connection of its own, to an address that was checked: literal ones before
 * anything else, resolved ones when the socket connects. Nothing is decompressed: a bomb stays as small as it came.
 */
export class UndiciFileFetcher implements FileFetcher, AsyncDisposable {
	readonly #guard: AddressGuard;
	readonly #agent: Agent;
	readonly #userAgent: string;
	readonly #silenceMs: number;

	/** @throws {SetupError} `allowCidrs` holds something else than ranges */
	constructor({version, allowCidrs, silenceMs = SILENCE_MS, resolveName}: UndiciFileFetcherOptions) {
		this.#guard = new AddressGuard(allowCidrs);
		this.#userAgent = `WAHooks/${version}`;
		this.#silenceMs = silenceMs;
		this.#agent = guardedAgent({
			guard: this.#guard,
			resolveName,
			// No connection is used twice: files come from many places, and what was checked is what is connected.
			pipelining: 0,
			headersTimeout: silenceMs,
			bodyTimeout: silenceMs,
		});
	}

	/** @param signal ends the transfer at any time, the body included */
	async fetch(url: string, signal: AbortSignal): Promise<FetchedFile> {
		const toFailure = (error: unknown): Error => this.#toFailure(error, signal);
		try {
			const {url: servedUrl, headers, body} = await this.#follow(url, signal);
			return {
				contentType: toMimetype(headers['content-type']) ?? null,
				filename: servedFilename(single(headers['content-disposition']), url, servedUrl),
				sizeBytes: toSize(single(headers['content-length'])),
				content: new FetchedContent(body, toFailure),
			};
		} catch (error) {
			throw toFailure(error);
		}
	}

	/** Ends what is running and closes all connections. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#agent.destroy();
	}

	async #follow(asked: string, signal: AbortSignal): Promise<Answer> {
		let url = asked;
		for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
			const answer = await this.#get(url, signal);
			const location = single(answer.headers['location']);
			if (!REDIRECTS.includes(answer.statusCode) || location === undefined) {
				return {...checked(answer), url};
			}
			discard(answer);
			if (!URL.canParse(location, url)) {
				throw new MediaFetchFailedError('The file could not be fetched: its server redirects to what is no URL');
			}
			url = new URL(location, url).href;
		}
		throw new MediaFetchFailedError(`The file could not be fetched: more than ${MAX_REDIRECTS} redirects`);
	}

	#get(url: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
		const refusal = this.#guard.refusal(url);
		if (refusal !== undefined) {
			throw new MediaFetchFailedError(`The file could not be fetched: ${refusal}`);
		}
		const {origin, pathname, search} = new URL(url);
		const headers = {'user-agent': this.#userAgent, accept: '*/*', 'accept-encoding': 'identity'};
		return unlessAborted(signal, () =>
			this.#agent.request({origin, path: pathname + search, method: 'GET', headers, signal}),
		);
	}

	#toFailure(error: unknown, signal: AbortSignal): Error {
		if (error instanceof DomainError) {
			return error;
		}
		return new MediaFetchFailedError(`The file could not be fetched: ${this.#describe(error, signal)}`, {cause: error});
	}

	#describe(error: unknown, signal: AbortSignal): string {
		if (signal.aborted) {
			return 'it was not here in time';
		}
		const code = error instanceof Error && 'code' in error ? error.code : undefined;
		switch (code) {
			case 'UND_ERR_HEADERS_TIMEOUT':
				return `no answer within ${this.#silenceMs / 1000} s`;
			case 'UND_ERR_BODY_TIMEOUT':
				return `nothing came for ${this.#silenceMs / 1000} s`;
			default:
				return describeFailure(error).text;
		}
	}
}

/** undici looks at the signal only once it is connected, and a name server may take its time. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	signal.throwIfAborted();
	const aborted = Promise.withResolvers<never>();
	const onAbort = (): void => {
		aborted.reject(signal.reason as Error);
	};
	signal.addEventListener('abort', onAbort, {once: true});
	try {
		return await Promise.race([work(), aborted.promise]);
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
}

/** @throws {MediaFetchFailedError} it is not the file */
function checked(answer: Dispatcher.ResponseData): Dispatcher.ResponseData {
	const {statusCode, headers} = answer;
	const encoding = single(headers['content-encoding']) ?? 'identity';
	if (statusCode >= 200 && statusCode < 300 && encoding === 'identity') {
		return answer;
	}
	discard(answer);
	throw new MediaFetchFailedError(
		encoding === 'identity'
			? `The file could not be fetched: its server answered ${statusCode}`
			: `The file could not be fetched: its server sends it compressed (${encoding}), although it was asked not to`,
	);
}

/** Ends an answer whose body nobody wants. */
function discard({body}: Dispatcher.ResponseData): void {
	body.on('error', () => undefined).destroy();
}

/** Header fields that are allowed once come as a list when a server sends them twice. */
function single(value: string | string[] | undefined): string | undefined {
	return Array.isArray(value) ? value[0] : value;
}

function toSize(contentLength: string | undefined): number | null {
	return contentLength !== undefined && /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : null;
}
