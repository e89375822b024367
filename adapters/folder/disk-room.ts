import {statfs} from 'node:fs/promises';
import {MediaStoreUnavailableError} from '../../domain/errors.ts';
import {onDisk} from './disk-failure.ts';

/** So often a file that is being written looks whether there is still room. */
const LOOK_EVERY_BYTES = 8 * 1024 * 1024;

/**
 * Keeps a part of the disk free of files that tenants and strangers send: what else lives on it (the embedded database by default)
 * must not stop because of them.
 */
export class DiskRoom {
	readonly #folder: string;
	readonly #reserveBytes: number;

	constructor({folder, reserveBytes}: {folder: string; reserveBytes: number}) {
		this.#folder = folder;
		this.#reserveBytes = reserveBytes;
	}

	/** Passes `content` on while there is room. @throws {MediaStoreUnavailableError} */
	async *limit(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
		let untilLook = 0;
		for await (const chunk of content) {
			if (untilLook <= 0) {
				await this.#require();
				untilLook = LOOK_EVERY_BYTES;
			}
			untilLook -= chunk.byteLength;
			yield chunk;
		}
	}

	async #require(): Promise<void> {
		const {bavail, bsize} = await onDisk(() => statfs(this.#folder));
		if (bavail * bsize < this.#reserveBytes) {
			throw new MediaStoreUnavailableError('too little space is left');
		}
	}
}
