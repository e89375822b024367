import {MediaFetchFailedError} from '../../domain/errors.ts';
import type {FetchedFile, FileFetcher} from '../../domain/ports/file-fetcher.ts';
import {inChunks} from './media-content.ts';

/** A file at a URL: its bytes and what the server says of it, or how fetching it goes wrong. */
export type ScriptedFile =
	| (Partial<Omit<FetchedFile, 'content'>> & {readonly bytes: Buffer; readonly breaksOff?: Error})
	| {readonly failure: Error}
	/** The server takes the request and never answers. */
	| 'hang';

/** A web of a few files. */
export class ScriptedFileFetcher implements FileFetcher {
	/** By URL. */
	readonly files = new Map<string, ScriptedFile>();
	/** What was asked for, in order. */
	readonly fetched: string[] = [];
	/** How many transfers were not called off yet. */
	open = 0;

	async fetch(url: string, signal: AbortSignal): Promise<FetchedFile> {
		await Promise.resolve();
		this.fetched.push(url);
		const file = this.files.get(url);
		if (file === undefined) {
			throw new MediaFetchFailedError('The file could not be fetched: the server answered 404');
		}
		if (file === 'hang') {
			return aborted(signal);
		}
		if ('failure' in file) {
			throw file.failure;
		}
		const {bytes, breaksOff, contentType = null, filename = null, sizeBytes = null} = file;
		this.open++;
		signal.addEventListener('abort', () => this.open--, {once: true});
		return {contentType, filename, sizeBytes, content: transfer(bytes, breaksOff)};
	}
}

async function* transfer(bytes: Buffer, breaksOff: Error | undefined): AsyncGenerator<Uint8Array> {
	yield* inChunks(bytes);
	if (breaksOff !== undefined) throw breaksOff;
}

async function aborted(signal: AbortSignal): Promise<never> {
	const {promise, reject} = Promise.withResolvers<never>();
	signal.addEventListener('abort', () => {
		reject(signal.reason as Error);
	});
	return promise;
}
