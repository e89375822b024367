import type {Connection} from '../../domain/connections/connection.ts';
import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import {DomainError, EngineError, MediaStoreUnavailableError, MediaTooLargeError} from '../../domain/errors.ts';
import {describeSize} from '../../domain/media/describe-size.ts';
import {UNKNOWN_MIMETYPE} from '../../domain/media/infer-mimetype.ts';
import {messageMediaName} from '../../domain/media/message-media-name.ts';
import {mimetypeOfName} from '../../domain/media/mimetype-of-name.ts';
import {passingBack} from '../../domain/media/recyclable.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import type {EngineFile, MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import {KeyedLanes} from '../keyed-lanes.ts';

/** For one file: the largest ones at 6 Mbit/s, and well under the half hour after which RabbitMQ takes a message back. */
const TRANSFER_TIMEOUT_MS = 5 * 60_000;

/** Of the small file that tells what the file of a message is called. */
const MAX_NAME_BYTES = 1024 * 1024;

/** A file to copy, and what its event says of it. */
export interface MediaCopy {
	readonly connection: Connection;
	/** Its name in the store. */
	readonly filename: string;
	/** Where the engine has it. */
	readonly url: string;
	/** Undefined when the event does not say. */
	readonly contentType: string | undefined;
	readonly displayName: string | null;
	/** The message to have it fetched again for; undefined when that is not known. */
	readonly message: MessageTarget | undefined;
}

export type CopyOutcome =
	| {readonly kind: 'stored'}
	/** `reason` is for tenants; `final` = another try would end the same. */
	| {readonly kind: 'failed'; readonly reason: string; readonly final: boolean};

/** Copies files from engines into the media store, one copy of a file at a time. */
export class MediaCopier {
	readonly #store: MediaStore;
	readonly #engines: EngineDirectory;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #maxFileBytes: number;
	readonly #lanes = new KeyedLanes();

	constructor(options: {store: MediaStore; engines: EngineDirectory; clock: Clock; log: Logger; maxFileBytes: number}) {
		this.#store = options.store;
		this.#engines = options.engines;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#maxFileBytes = options.maxFileBytes;
	}

	/**
	 * Has the file in the store, unless it is there already: events repeat, and `message` and `message.any` have the same one.
	 * @param signal breaks the transfer off
	 * @throws {MediaStoreUnavailableError}
	 */
	copy(copy: MediaCopy, signal: AbortSignal): Promise<CopyOutcome> {
		return this.#lanes.run(`${copy.connection.id}/${copy.filename}`, () => this.#copy(copy, signal));
	}

	async #copy(copy: MediaCopy, signal: AbortSignal): Promise<CopyOutcome> {
		const {connection, filename} = copy;
		const record = await this.#store.find({connectionId: connection.id, filename});
		try {
			if (record?.state !== 'stored') await this.#transfer(copy, signal);
		} catch (error) {
			if (error instanceof MediaStoreUnavailableError) throw error;
			this.#log.warn({connectionId: connection.id, filename, error}, 'media.copy.failed');
			return this.#toFailure(error);
		}
		await this.#nameFileOf(copy);
		return {kind: 'stored'};
	}

	async #transfer(copy: MediaCopy, signal: AbortSignal): Promise<void> {
		const {connection, filename, displayName} = copy;
		const startedMs = this.#clock.now();
		const transfer = new AbortController();
		using _deadline = this.#clock.after(TRANSFER_TIMEOUT_MS, () => {
			transfer.abort();
		});
		try {
			const file = await this.#open(copy, AbortSignal.any([signal, transfer.signal]));
			if ((file.sizeBytes ?? 0) > this.#maxFileBytes) {
				throw new MediaTooLargeError('the engine says so');
			}
			const {sizeBytes} = await this.#store.put(
				{connectionId: connection.id, filename},
				{
					contentType: typeOf(copy, file),
					displayName,
					content: passingBack(file.content, whole(file)),
					maxBytes: this.#maxFileBytes,
				},
			);
			const durationMs = this.#clock.now() - startedMs;
			this.#log.info({connectionId: connection.id, filename, sizeBytes, durationMs}, 'media.stored');
		} finally {
			// Whatever ended it, the engine need not send the rest.
			transfer.abort();
		}
	}

	/** Engines forget files soon, at their own restart at the latest; WhatsApp keeps them for weeks. */
	async #open({connection, url, message}: MediaCopy, signal: AbortSignal): Promise<EngineFile> {
		if (connection.workerId === null) {
			throw new EngineError('ENGINE_UNAVAILABLE', 'No worker holds this connection');
		}
		const {media} = this.#engines.engineOf(connection.workerId);
		try {
			return await media.open(connection.sessionName, url, signal);
		} catch (error) {
			if (!isEngineError(error, 'MEDIA_NOT_FOUND') || message === undefined) throw error;
			return await media.openOfMessage(connection.sessionName, message, signal);
		}
	}

	/** So that a tenant who knows the message finds its file. */
	async #nameFileOf({connection, filename, message}: MediaCopy): Promise<void> {
		if (message === undefined) {
			return;
		}
		const key = {connectionId: connection.id, filename: messageMediaName(message.messageId)};
		if ((await this.#store.find(key))?.state === 'stored') {
			return;
		}
		const content = single(Buffer.from(filename));
		await this.#store.put(key, {contentType: 'text/plain', displayName: null, content, maxBytes: MAX_NAME_BYTES});
	}

	#toFailure(error: unknown): CopyOutcome {
		if (error instanceof DomainError && error.code === 'MEDIA_TOO_LARGE') {
			const limit = describeSize(this.#maxFileBytes);
			return {kind: 'failed', final: true, reason: `The file is larger than ${limit}, which is the most that is kept`};
		}
		const why = error instanceof DomainError ? error.message : 'the transfer broke off';
		const final = isEngineError(error, 'NOT_SUPPORTED');
		return {kind: 'failed', final, reason: `The file could not be fetched when it came: ${why}`};
	}
}

/** The sender's word first: engines tell the type of a file by its name. */
function typeOf({contentType, displayName, filename}: MediaCopy, file: EngineFile): string {
	const told = [contentType, toMimetype(file.contentType)].find(
		(type) => (type ?? UNKNOWN_MIMETYPE) !== UNKNOWN_MIMETYPE,
	);
	return told ?? mimetypeOfName(displayName ?? filename) ?? UNKNOWN_MIMETYPE;
}

/** @throws {EngineError} it is empty, or ended before its size */
async function* whole({content, sizeBytes}: EngineFile): AsyncIterable<Uint8Array> {
	let receivedBytes = 0;
	for await (const chunk of content) {
		receivedBytes += chunk.byteLength;
		yield chunk;
	}
	if (receivedBytes === 0) {
		throw new EngineError('MEDIA_NOT_FOUND', 'the engine sent an empty file');
	}
	if (sizeBytes !== null && receivedBytes !== sizeBytes) {
		throw new EngineError('ENGINE_UNAVAILABLE', `the engine sent ${receivedBytes} of ${sizeBytes} bytes`);
	}
}

async function* single(chunk: Uint8Array): AsyncIterable<Uint8Array> {
	yield await Promise.resolve(chunk);
}
