import {DomainError, MediaFetchFailedError, MediaNotFoundError, MediaTooLargeError} from '../../domain/errors.ts';
import {describeSize} from '../../domain/media/describe-size.ts';
import {inferMimetype, UNKNOWN_MIMETYPE} from '../../domain/media/infer-mimetype.ts';
import {extensionOf} from '../../domain/media/mimetype-of-name.ts';
import {SNIFFED_BYTES} from '../../domain/media/sniff-mimetype.ts';
import {toDisplayName} from '../../domain/media/to-display-name.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';
import type {SendCommand} from '../../domain/messaging/command.ts';
import {fileOf, type OpenFile, type OutboundFile} from '../../domain/messaging/outbound.ts';
import type {FileFetcher} from '../../domain/ports/file-fetcher.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaKey, MediaStore, StoredMedia} from '../../domain/ports/media-store.ts';

/** For the whole of a file: 37 MB at 5 Mbit/s. A route that waits is answered before that with "queued". */
const FETCH_TIMEOUT_MS = 60_000;

/** Has the files of messages in the media store while they are sent, and not longer. */
export class Attachments {
	readonly #media: MediaStore;
	readonly #fetcher: FileFetcher;
	readonly #maxBytes: number;
	readonly #log: Logger;

	/** @param options.maxBytes larger files are refused */
	constructor(options: {media: MediaStore; fetcher: FileFetcher; maxBytes: number; log: Logger}) {
		this.#media = options.media;
		this.#fetcher = options.fetcher;
		this.#maxBytes = options.maxBytes;
		this.#log = options.log;
	}

	/**
	 * A file that an engine can read as often as it likes. One behind a URL is fetched once, however often its command is repeated.
	 * @throws {MediaFetchFailedError} @throws {MediaTooLargeError} @throws {MediaNotFoundError} an upload that is gone
	 * @throws {MediaStoreUnavailableError}
	 */
	async open(command: SendCommand, file: OutboundFile, signal: AbortSignal): Promise<OpenFile> {
		const key = keyOf(command, file);
		const stored = (await this.#find(key)) ?? (await this.#bring(key, file, signal));
		const {sizeBytes, displayName} = stored;
		if (sizeBytes === 0) {
			throw new MediaFetchFailedError('The file is empty');
		}
		this.#requireRoom(sizeBytes);
		const mimetype = file.mimetype ?? (await this.#infer(key, stored, file.filename ?? displayName));
		const filename = file.filename ?? displayName ?? `file.${extensionOf(mimetype) ?? 'bin'}`;
		return {mimetype, filename, sizeBytes, open: () => this.#read(key)};
	}

	/** Forgets the file of a command that has ended. What cannot be removed now goes when files expire. */
	async discard(command: SendCommand): Promise<void> {
		const file = command.kind === 'message.send' ? fileOf(command.message.content) : undefined;
		if (file === undefined) return;
		try {
			await this.#media.remove(keyOf(command, file));
		} catch (error) {
			this.#log.warn({error, commandId: command.id, connectionId: command.connectionId}, 'command.file.kept');
		}
	}

	async #find(key: MediaKey): Promise<StoredMedia | undefined> {
		const record = await this.#media.find(key);
		return record?.state === 'stored' ? record : undefined;
	}

	async #bring(key: MediaKey, {source}: OutboundFile, signal: AbortSignal): Promise<StoredMedia> {
		if (source.kind === 'stored') {
			throw new MediaNotFoundError('The uploaded file is not there any more: send it again');
		}
		// Aborted in any case in the end: a transfer that nobody reads must not stay open.
		const transfer = new AbortController();
		const deadline = AbortSignal.any([signal, transfer.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
		try {
			const {contentType, filename, sizeBytes, content} = await this.#fetcher.fetch(source.url, deadline);
			this.#requireRoom(sizeBytes ?? 0);
			return await this.#media.put(key, {
				contentType: toMimetype(contentType) ?? UNKNOWN_MIMETYPE,
				displayName: toDisplayName(filename),
				content,
				maxBytes: this.#maxBytes,
			});
		} catch (error) {
			if (error instanceof DomainError) throw error;
			throw new MediaFetchFailedError('The file could not be fetched: its transfer broke off', {cause: error});
		} finally {
			transfer.abort();
		}
	}

	#requireRoom(sizeBytes: number): void {
		if (sizeBytes > this.#maxBytes) {
			throw new MediaTooLargeError(`The file is larger than ${describeSize(this.#maxBytes)}`);
		}
	}

	/** Content tells most, then the name; what a server says of a file is often no more than a default. */
	async #infer(key: MediaKey, {sizeBytes, contentType}: StoredMedia, filename: string | null): Promise<string> {
		const head: Uint8Array[] = [];
		for await (const chunk of await this.#media.open(key, {start: 0, end: Math.min(SNIFFED_BYTES, sizeBytes) - 1})) {
			head.push(chunk);
		}
		const inferred = inferMimetype(Buffer.concat(head), filename);
		return inferred === UNKNOWN_MIMETYPE ? contentType : inferred;
	}

	async *#read(key: MediaKey): AsyncIterable<Uint8Array> {
		yield* await this.#media.open(key);
	}
}

/** What is fetched has a name that a repeat of the command finds again. */
function keyOf({id, connectionId}: SendCommand, {source}: OutboundFile): MediaKey {
	return {connectionId, filename: source.kind === 'stored' ? source.filename : `outgoing-${id}`};
}
