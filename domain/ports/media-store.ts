/** Names a file: each connection has its own names. */
export interface MediaKey {
	readonly connectionId: string;
	readonly filename: string;
}

/** A whole file that is there. */
export interface StoredMedia {
	readonly state: 'stored';
	readonly contentType: string;
	/** The name under which people save it; null = none. */
	readonly displayName: string | null;
	readonly sizeBytes: number;
	/** Of the content, in hex. */
	readonly sha256: string;
	readonly storedAt: Date;
}

/** A file that is known, but not (or no longer) there. */
export interface MissingMedia {
	readonly state: 'missing';
	/** What a tenant may read. */
	readonly reason: string;
	readonly at: Date;
	/** When it is fetched again; absent = it was given up. */
	readonly retryAt?: Date;
}

export type MediaRecord = StoredMedia | MissingMedia;

/** Bytes `start` to `end`, both included. */
export interface ByteRange {
	readonly start: number;
	readonly end: number;
}

/** A file on its way in. */
export interface IncomingMedia {
	readonly contentType: string;
	readonly displayName: string | null;
	/** Read once, to the end; may throw. */
	readonly content: AsyncIterable<Uint8Array>;
	/** More than this is refused. */
	readonly maxBytes: number;
}

/** Files of connections: what came in with events, and what is on its way out. @throws {MediaStoreUnavailableError} */
export interface MediaStore {
	/**
	 * Writes a file in constant memory; it is there only when it is whole, and replaces what had its name.
	 * @throws {MediaTooLargeError} and whatever reading `content` throws; nothing is left of it then
	 */
	put(key: MediaKey, file: IncomingMedia): Promise<StoredMedia>;
	find(key: MediaKey): Promise<MediaRecord | undefined>;
	/** The bytes of a stored file; whoever stops reading early ends it. @throws {MediaNotFoundError} it is not there (any more) */
	open(key: MediaKey, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
	/** Notes why a file is not there, in the place of an earlier note; does nothing to one that is. @param retryAt as in `MissingMedia` */
	noteMissing(key: MediaKey, reason: string, at: Date, retryAt?: Date): Promise<void>;
	/** Forgets a file without a trace; does nothing when there is none. */
	remove(key: MediaKey): Promise<void>;
	/** Forgets all files of a connection. */
	removeAll(connectionId: string): Promise<void>;
	/**
	 * Deletes the content of files stored before `before` and keeps a note with `reason`; notes older than that again go too.
	 * Resolves to how many files were deleted.
	 */
	expire(before: Date, reason: string): Promise<number>;
}
