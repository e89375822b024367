import {hash} from 'node:crypto';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** SHA-256 over the parts, unambiguous at their borders. */
export function digest(...parts: readonly string[]): Buffer {
	return hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'buffer');
}

/**
 * A ULID made from a moment and a hash instead of a random number: 10 characters of time, 16 of hash (80 bits).
 * The same inputs give the same id in every process, and ids sort by time.
 * @param timeMs milliseconds since the epoch; clamped to the 48 bits that a ULID holds
 */
export function hashedUlid(timeMs: number, hash: Buffer): string {
	let time = Math.min(Math.max(0, Math.floor(timeMs)), 2 ** 48 - 1);
	let head = '';
	for (let index = 0; index < 10; index++) {
		head = CROCKFORD.charAt(time % 32) + head;
		time = Math.floor(time / 32);
	}
	let tail = '';
	for (let offset = 0; offset < 10; offset += 5) {
		let bits = hash.readUIntBE(offset, 5);
		let group = '';
		for (let index = 0; index < 8; index++) {
			group = CROCKFORD.charAt(bits % 32) + group;
			bits = Math.floor(bits / 32);
		}
		tail += group;
	}
	return head + tail;
}

/** The moment that a ULID carries, milliseconds since the epoch. */
export function ulidTimeMs(ulid: string): number {
	let time = 0;
	for (const character of ulid.slice(0, 10)) {
		time = time * 32 + CROCKFORD.indexOf(character);
	}
	return time;
}

/** The partition of a key: stable for ever, so that everything of one key meets the same queue. */
export function partitionOf(key: string, partitions: number): number {
	return digest(key).readUInt32BE(0) % partitions;
}
