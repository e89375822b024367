import {digest} from '../../domain/hashing.ts';

/**
 * Where everything comes from that looks random: the same seed gives the same values in any process. `of` names a value,
 * which stays the same however often it is asked for; `next` draws from an endless row.
 */
export class Seed {
	readonly #path: readonly string[];
	#drawn = 0;

	constructor(...path: readonly string[]) {
		this.#path = path;
	}

	/** An independent seed; drawing from it does not move this one. */
	child(...names: readonly string[]): Seed {
		return new Seed(...this.#path, ...names);
	}

	/** The 32 bytes of this name. */
	of(name: string): Buffer {
		return digest(...this.#path, 'of', name);
	}

	/** The next 32 bytes. */
	next(): Buffer {
		return digest(...this.#path, 'next', String(this.#drawn++));
	}
}

/** Upper-case hex, at most 64 digits. */
export function toHex(bytes: Buffer, length: number): string {
	return bytes.toString('hex').slice(0, length).toUpperCase();
}

/** Evenly spread over [0, 1). */
export function toFraction(bytes: Buffer): number {
	return bytes.readUInt32BE(0) / 2 ** 32;
}

/** Base64 of the first `length` bytes. */
export function toBase64(bytes: Buffer, length: number): string {
	return bytes.subarray(0, length).toString('base64');
}
