/** The items in an order that depends on `seed` only. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
	const random = createRandom(seed);
	return items
		.map((item) => ({item, rank: random()}))
		.sort((a, b) => a.rank - b.rank)
		.map(({item}) => item);
}

/** Numbers in [0, 1) that depend on `seed` only (mulberry32). */
export function createRandom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let value = Math.imul(state ^ (state >>> 15), 1 | state);
		value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
		return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
	};
}
