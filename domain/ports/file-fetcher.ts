/** The start of an answer whose body is still to be read. */
export interface FetchedFile {
	/** As the server names it; null = it says nothing. */
	readonly contentType: string | null;
	/** From `Content-Disposition`, else the last part of the path; null = none. */
	readonly filename: string | null;
	/** Null when the server does not say. */
	readonly sizeBytes: number | null;
	/** Read once; whoever stops early ends the transfer. */
	readonly content: AsyncIterable<Uint8Array>;
}

/** Fetches files from URLs that tenants give, never from addresses that are not theirs to reach. */
export interface FileFetcher {
	/** @throws {MediaFetchFailedError} refused address, no answer, no 2xx; the message says which */
	fetch(url: string, signal: AbortSignal): Promise<FetchedFile>;
}
