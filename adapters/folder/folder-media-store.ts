import {accessSync, constants} from 'node:fs';
import {mkdir, open, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {MediaNotFoundError, SetupError} from '../../domain/errors.ts';
import {passingBack} from '../../domain/media/recyclable.ts';
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
import {createFolder} from './create-folder.ts';
import {codeOf, ifPresent, onDisk} from './disk-failure.ts';
import {DiskRoom} from './disk-room.ts';
import {FileContent} from './file-content.ts';
import {FolderSweep} from './folder-sweep.ts';
import {connectionFolder, contentName, mediaPaths, partialName, type MediaPaths} from './media-paths.ts';
import {decodeNote, decodeRecord, encodeNote, encodeRecord, type FolderRecord} from './media-record.ts';
import {replaceFile} from './replace-file.ts';
import {writeContent} from './write-content.ts';

const OWNER_ONLY_FOLDER = 0o700;

const RESERVE_BYTES = 256 * 1024 * 1024;

/** `rm` meets files that another process just made. */
const REMOVAL_RETRIES = 5;

/**
 * Files in a folder, which several processes and hosts may share. A content file gets a name of its own with every put; the record,
 * replaced by a rename, says which of them counts. So a file is there whole or not at all, whoever crashes when, puts of one key
 * cannot mix, and whoever reads a file that is replaced or deleted reads it to its end. What a crash leaves behind, no record names:
 * `expire` deletes it.
 */
export class FolderMediaStore implements MediaStore {
	readonly #root: string;
	readonly #clock: Clock;
	readonly #room: DiskRoom;

	/**
	 * Creates the folder, for this user alone.
	 * @param options.reserveBytes of the disk that files leave free; default 256 MB
	 * @throws {SetupError} it cannot be written to
	 */
	constructor(options: {folder: string; clock: Clock; reserveBytes?: number}) {
		const {folder, clock, reserveBytes = RESERVE_BYTES} = options;
		this.#root = folder;
		this.#clock = clock;
		this.#room = new DiskRoom({folder, reserveBytes});
		try {
			createFolder(folder);
			accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
		} catch (error) {
			throw new SetupError(
				`MEDIA_DIR ${folder} is not writable (${codeOf(error)}): create it for this user, or set MEDIA_DIR to another folder`,
				{cause: error},
			);
		}
	}

	async put(key: MediaKey, file: IncomingMedia): Promise<StoredMedia> {
		const paths = mediaPaths(this.#root, key);
		const partial = join(paths.folder, partialName(paths.name));
		await this.#createFolder(paths.folder);
		try {
			const {sizeBytes, sha256} = await writeContent(
				partial,
				passingBack(file.content, this.#room.limit(file.content)),
				file.maxBytes,
			);
			const {contentType, displayName} = file;
			return await onDisk(() => this.#commit(key, partial, {contentType, displayName, sizeBytes, sha256}));
		} catch (error) {
			await rm(partial, {force: true}).catch(() => undefined); // What cannot be deleted now is a leftover.
			throw error;
		}
	}

	async find(key: MediaKey): Promise<MediaRecord | undefined> {
		const paths = mediaPaths(this.#root, key);
		return (await this.#findStored(paths)) ?? (await this.#readNote(paths));
	}

	async open(key: MediaKey, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
		const content = await this.#withContent(mediaPaths(this.#root, key), async (path, {sizeBytes}) => {
			const end = Math.min(range?.end ?? Infinity, sizeBytes - 1);
			return new FileContent(await open(path, 'r'), {start: range?.start ?? 0, end});
		});
		if (content === undefined) {
			throw new MediaNotFoundError();
		}
		return content;
	}

	async noteMissing(key: MediaKey, reason: string, at: Date, retryAt?: Date): Promise<void> {
		const paths = mediaPaths(this.#root, key);
		if ((await this.#findStored(paths)) !== undefined) {
			return;
		}
		await this.#createFolder(paths.folder);
		const note: MissingMedia = {state: 'missing', reason, at, ...(retryAt && {retryAt})};
		await this.#replace(paths, paths.note, encodeNote(note, key.filename));
	}

	async remove(key: MediaKey): Promise<void> {
		const paths = mediaPaths(this.#root, key);
		const record = await this.#readRecord(paths);
		await onDisk(async () => {
			await rm(paths.note, {force: true});
			await rm(paths.record, {force: true});
			if (record !== undefined) await rm(join(paths.folder, record.content), {force: true});
		});
	}

	async removeAll(connectionId: string): Promise<void> {
		const folder = connectionFolder(this.#root, connectionId);
		await onDisk(() => rm(folder, {recursive: true, force: true, maxRetries: REMOVAL_RETRIES}));
	}

	async expire(before: Date, reason: string): Promise<number> {
		const sweep = new FolderSweep({root: this.#root, before, reason, now: new Date(this.#clock.now())});
		return onDisk(() => sweep.run());
	}

	/** Not recursive: a root that went away (an unmounted disk) must not be made anew somewhere else. */
	async #createFolder(folder: string): Promise<void> {
		await onDisk(async () => {
			try {
				await mkdir(folder, {mode: OWNER_ONLY_FOLDER});
			} catch (error) {
				if (codeOf(error) !== 'EEXIST') throw error;
			}
		});
	}

	/** From here on the content counts; what it replaces is deleted. */
	async #commit(key: MediaKey, partial: string, facts: Omit<StoredMedia, 'state' | 'storedAt'>): Promise<StoredMedia> {
		const paths = mediaPaths(this.#root, key);
		const storedAt = new Date(this.#clock.now());
		const content = contentName(paths.name, storedAt.getTime());
		const stored: StoredMedia = {state: 'stored', ...facts, storedAt};
		await rename(partial, join(paths.folder, content));
		try {
			const previous = await this.#readRecord(paths);
			await this.#replace(paths, paths.record, encodeRecord({...stored, content}, key.filename));
			await rm(paths.note, {force: true});
			if (previous !== undefined) await rm(join(paths.folder, previous.content), {force: true});
		} catch (error) {
			// On a full disk, above all, it must not stay for an hour.
			await rm(join(paths.folder, content), {force: true});
			throw error;
		}
		return stored;
	}

	#findStored(paths: MediaPaths): Promise<StoredMedia | undefined> {
		return this.#withContent(paths, async (path, {content: _, ...stored}) => {
			const {size} = await stat(path);
			return size === stored.sizeBytes ? stored : undefined;
		});
	}

	/** Tries again when the content went away, for then a put replaced the record meanwhile; undefined when nothing is stored. */
	async #withContent<T>(
		paths: MediaPaths,
		use: (path: string, record: FolderRecord) => Promise<T | undefined>,
	): Promise<T | undefined> {
		let previous: string | undefined;
		for (;;) {
			const record = await this.#readRecord(paths);
			if (record === undefined || record.content === previous) {
				return undefined;
			}
			const result = await ifPresent(() => use(join(paths.folder, record.content), record));
			if (result !== undefined) {
				return result;
			}
			previous = record.content;
		}
	}

	async #readRecord({record}: MediaPaths): Promise<FolderRecord | undefined> {
		const text = await ifPresent(() => readFile(record, 'utf8'));
		return text === undefined ? undefined : decodeRecord(text);
	}

	async #readNote({note}: MediaPaths): Promise<MissingMedia | undefined> {
		const text = await ifPresent(() => readFile(note, 'utf8'));
		return text === undefined ? undefined : decodeNote(text);
	}

	async #replace({folder, name}: MediaPaths, path: string, text: string): Promise<void> {
		await onDisk(() => replaceFile(path, text, join(folder, partialName(name))));
	}
}
