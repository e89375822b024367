import {setImmediate as nextTurn} from 'node:timers/promises';
import type {Seed} from '../seed.ts';

const BLOCK_BYTES = 64 * 1024;
const NUMBER_BYTES = 4;

/** After so many blocks others get their turn: a megabyte. */
const BLOCKS_PER_TURN = 16;

/**
 * As many bytes as are wanted, always the same from one seed. Blocks begin with their number, so that a part which is missing or
 * in the wrong place shows; the rest of all blocks is one piece of memory, whatever the size.
 */
export async function* endlessBytes(seed: Seed, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
	const pattern = Buffer.concat(Array.from({length: BLOCK_BYTES / 32}, (_, index) => seed.of(`bytes ${index}`)));
	const rest = pattern.subarray(NUMBER_BYTES);
	for (let left = sizeBytes, block = 0; left > 0; left -= BLOCK_BYTES, block++) {
		if (block > 0 && block % BLOCKS_PER_TURN === 0) {
			await nextTurn();
		}
		const number = Buffer.alloc(NUMBER_BYTES);
		number.writeUInt32BE(block);
		yield number.subarray(0, left);
		if (left > NUMBER_BYTES) {
			yield rest.subarray(0, left - NUMBER_BYTES);
		}
	}
}
