import {createHash} from 'node:crypto';
import {setImmediate} from 'node:timers/promises';
import {MediaNotFoundError, MediaStoreUnavailableError, MediaTooLargeError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {
	ByteRange,
	IncomingMedia,
	MediaKey,
	MediaRecord,
	MediaStore,
	MissingMedia,
	StoredMedia,
} from '../../domain/ports/media-store.ts';
import {inChunks} from './media-content.ts';

const MEGABYTE = 1024 * 1024;

interface Entry {
	readonly key: MediaKey;
	readonly record: MediaRecord;
	readonly bytes: Buffer;
}

/** Files in memory, for tests of those who use them; can be taken away. */
export class MemoryMediaStore implements MediaStore {
	/** While true, every call fails. */
	away = false;
	readonly #clock: Clock;
	readonly #entries = new Map<string, Entry>();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** What is there: files, not notes. */
	get filenames(): readonly string[] {
		return [...this.#entries.values()].filter(({record}) => record.state === 'stored').map(({key}) => key.filename);
	}

	async put(key: MediaKey, {contentType, displayName, content, maxBytes}: IncomingMedia): Promise<StoredMedia> {
		await this.#arrive();
		const bytes = await readUpTo(maxBytes, content);
		const sha256 = createHash('sha256').update(bytes).digest('hex');
		const storedAt = new Date(this.#clock.now());
		const record = {state: 'stored', contentType, displayName, sizeBytes: bytes.length, sha256, storedAt} as const;
		this.#entries.set(nameOf(key), {key, record, bytes});
		return record;
	}

	async find(key: MediaKey): Promise<MediaRecord | undefined> {
		await this.#arrive();
		return this.#entries.get(nameOf(key))?.record;
	}

	async open(key: MediaKey, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
		await this.#arrive();
		const entry = this.#entries.get(nameOf(key));
		if (entry?.record.state !== 'stored') {
			throw new MediaNotFoundError();
		}
		return inChunks(entry.bytes.subarray(range?.start ?? 0, (range?.end ?? Infinity) + 1));
	}

	async noteMissing(key: MediaKey, reason: string, at: Date, retryAt?: Date): Promise<void> {
		await this.#arrive();
		if (this.#entries.get(nameOf(key))?.record.state !== 'stored') {
			this.#note(key, {state: 'missing', reason, at, ...(retryAt && {retryAt})});
		}
	}

	async remove(key: MediaKey): Promise<void> {
		await this.#arrive();
		this.#entries.delete(nameOf(key));
	}

	async removeAll(connectionId: string): Promise<void> {
		await this.#arrive();
		for (const [name, {key}] of this.#entries) {
			if (key.connectionId === connectionId) this.#entries.delete(name);
		}
	}

	async expire(before: Date, reason: string): Promise<number> {
		await this.#arrive();
		let deleted = 0;
		for (const [name, {key, record}] of this.#entries) {
			if (record.state === 'stored' && record.storedAt < before) {
				this.#note(key, {state: 'missing', reason, at: new Date(this.#clock.now())});
				deleted++;
			} else if (record.state === 'missing' && record.at < before) {
				this.#entries.delete(name);
			}
		}
		return deleted;
	}

	#note(key: MediaKey, record: MissingMedia): void {
		this.#entries.set(nameOf(key), {key, record, bytes: Buffer.alloc(0)});
	}

	/** Like a real store, never in the same turn. */
	async #arrive(): Promise<void> {
		await setImmediate();
		if (this.away) {
			throw new MediaStoreUnavailableError('switched off by the test');
		}
	}
}

function nameOf({connectionId, filename}: MediaKey): string {
	return JSON.stringify([connectionId, filename]);
}

async function readUpTo(maxBytes: number, content: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	let sizeBytes = 0;
	for await (const chunk of content) {
		sizeBytes += chunk.length;
		if (sizeBytes > maxBytes) {
			const limit = maxBytes % MEGABYTE === 0 ? `${maxBytes / MEGABYTE} MB` : `${maxBytes} bytes`;
			throw new MediaTooLargeError(`The file is larger than ${limit}`);
		}
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}
