import type {Connection} from '../connections/connection.ts';
import {answerWithin, READ_WAIT_MS} from '../engines/answer-within.ts';
import {isEngineError} from '../engines/is-engine-error.ts';
import {MediaExpiredError, MediaNotFoundError, MediaNotReadyError, type DomainError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {ByteRange, MediaKey, MediaStore, MissingMedia, StoredMedia} from '../ports/media-store.ts';
import type {EngineFile, EngineMedia, MessageTarget} from '../ports/whatsapp-engine.ts';
import {UNKNOWN_MIMETYPE} from './infer-mimetype.ts';
import {checkMediaName} from './media-name.ts';
import {messageMediaName} from './message-media-name.ts';
import {mimetypeOfName} from './mimetype-of-name.ts';
import {toDisplayName} from './to-display-name.ts';
import {toMimetype} from './to-mimetype.ts';

/** Nobody who wants the content of a file waits longer before the first byte; a transfer that nobody reads is ended. */
const UNREAD_MS = 10_000;

/** A try that is due has its turn, and its transfer, done in this time: five minutes for the latter alone. */
const OVERDUE_MS = 10 * 60_000;

/** Until one asks again for a file that is being fetched right now. */
const RETRY_AFTER_MS = 2000;

/** A file that is there, with its content still to be opened. */
export interface OpenMedia {
	/** May stand in a header as it is. */
	readonly contentType: string;
	/** The name under which people save it; null = none but the one that was asked for. */
	readonly displayName: string | null;
	/** Null when the engine does not say. */
	readonly sizeBytes: number | null;
	/** A strong validator with its quotes; null for what comes through from the engine. */
	readonly etag: string | null;
	readonly lastModified: Date | null;
	/** Whether parts can be asked for; `sizeBytes` is known then. */
	readonly rangeable: boolean;
	/**
	 * Once; whoever stops reading ends the transfer.
	 * @param range only if it is `rangeable`
	 * @throws {MediaNotFoundError} it was deleted a moment ago @throws {MediaStoreUnavailableError}
	 */
	readonly open: (range?: ByteRange) => Promise<AsyncIterable<Uint8Array>>;
}

/**
 * Files of a connection, for its tenant: from the media store, where the media dispatcher puts them, or straight from the engine while
 * that still holds them. What comes from the engine is passed through, not kept.
 */
export class Media {
	readonly #store: MediaStore;
	readonly #engines: EngineDirectory;
	readonly #clock: Clock;

	constructor({store, engines, clock}: {store: MediaStore; engines: EngineDirectory; clock: Clock}) {
		this.#store = store;
		this.#engines = engines;
		this.#clock = clock;
	}

	/**
	 * A file by the name that its link ends with.
	 * @param filename percent-decoded
	 * @param signal ends a transfer from the engine, its content included
	 * @throws {MediaNotFoundError} 'Invalid filename', or nobody knows it
	 * @throws {MediaNotReadyError} it is still being fetched
	 * @throws {MediaExpiredError} with the reason why it is not there (any more)
	 * @throws {EngineError} the store lacks it, and the engine cannot be asked @throws {MediaStoreUnavailableError}
	 */
	async open(connection: Connection, filename: string, signal: AbortSignal): Promise<OpenMedia> {
		const key = {connectionId: connection.id, filename: checkMediaName(filename)};
		const record = await this.#store.find(key);
		if (record?.state === 'stored') {
			return this.#stored(key, record);
		}
		// A note may be out of date: what could not be fetched then, perhaps can now.
		const file = await this.#ask(connection, signal, (engine, joined) =>
			engine.openByName(connection.sessionName, filename, joined),
		);
		if (file !== undefined) {
			return toOpenMedia(file, filename, null);
		}
		throw record === undefined ? new MediaNotFoundError() : this.#failureOf(record);
	}

	/**
	 * The file of a message: the stored one, else the engine fetches it from WhatsApp again.
	 * @throws {EngineError} MESSAGE_NOT_FOUND, or the engine cannot be asked
	 * @throws {MediaNotFoundError} it has no file, or WhatsApp has forgotten it @throws {MediaStoreUnavailableError}
	 */
	async openOfMessage(connection: Connection, target: MessageTarget, signal: AbortSignal): Promise<OpenMedia> {
		const stored = await this.#findOfMessage(connection, target);
		if (stored !== undefined) {
			return stored;
		}
		const file = await this.#ask(connection, signal, (engine, joined) =>
			engine.openOfMessage(connection.sessionName, target, joined),
		);
		if (file === undefined) {
			throw new MediaNotFoundError();
		}
		return toOpenMedia(file, file.filename, toDisplayName(file.filename));
	}

	/** A note whose next try should be over long since was left behind: nobody tries any more. */
	#failureOf({reason, retryAt}: MissingMedia): DomainError {
		const inMs = retryAt === undefined ? -Infinity : retryAt.getTime() - this.#clock.now();
		return inMs > -OVERDUE_MS ? new MediaNotReadyError(Math.max(inMs, RETRY_AFTER_MS)) : new MediaExpiredError(reason);
	}

	#stored(key: MediaKey, {contentType, displayName, sizeBytes, sha256, storedAt}: StoredMedia): OpenMedia {
		return {
			contentType,
			displayName,
			sizeBytes,
			etag: `"${sha256}"`,
			lastModified: storedAt,
			rangeable: true,
			open: (range) => this.#store.open(key, range),
		};
	}

	/** By the name that its file has in the store, where that is known. */
	async #findOfMessage({id: connectionId}: Connection, {messageId}: MessageTarget): Promise<OpenMedia | undefined> {
		const nameKey = {connectionId, filename: messageMediaName(messageId)};
		if ((await this.#store.find(nameKey))?.state !== 'stored') {
			return undefined;
		}
		const name: Uint8Array[] = [];
		for await (const chunk of await this.#store.open(nameKey)) name.push(chunk);
		const key = {connectionId, filename: Buffer.concat(name).toString()};
		const record = await this.#store.find(key);
		return record?.state === 'stored' ? this.#stored(key, record) : undefined;
	}

	/** @returns undefined when the engine says that it has no such file, or no engine holds the connection */
	async #ask<File extends EngineFile>(
		{workerId}: Connection,
		signal: AbortSignal,
		call: (engine: EngineMedia, signal: AbortSignal) => Promise<File>,
	): Promise<Transfer<File> | undefined> {
		if (workerId === null) {
			return undefined;
		}
		const {media} = this.#engines.engineOf(workerId);
		const transfer = new AbortController();
		try {
			const asked = call(media, AbortSignal.any([signal, transfer.signal]));
			const file = await answerWithin(this.#clock, READ_WAIT_MS, asked);
			const unread = this.#clock.after(UNREAD_MS, () => {
				transfer.abort();
			});
			return {...file, unread};
		} catch (error) {
			transfer.abort();
			if (isEngineError(error, 'MEDIA_NOT_FOUND')) return undefined;
			throw error;
		}
	}
}

/** A file whose transfer has begun; `unread` ends it unless it is disposed. */
type Transfer<File extends EngineFile> = File & {readonly unread: Disposable};

/** @param name tells the type where the engine does not */
function toOpenMedia(
	{contentType, sizeBytes, content, unread}: Transfer<EngineFile>,
	name: string,
	displayName: string | null,
): OpenMedia {
	const told = toMimetype(contentType) ?? UNKNOWN_MIMETYPE;
	return {
		contentType: told === UNKNOWN_MIMETYPE ? (mimetypeOfName(name) ?? told) : told,
		displayName,
		sizeBytes,
		etag: null,
		lastModified: null,
		rangeable: false,
		open: () => {
			unread[Symbol.dispose]();
			return Promise.resolve(content);
		},
	};
}
