/** How many there were, and how long they took. */
export interface Summary {
	readonly count: number;
	/** NaN when there were none. */
	readonly p50Ms: number;
	readonly p99Ms: number;
}

export function summarise(latenciesMs: readonly number[]): Summary {
	const sorted = Float64Array.from(latenciesMs).sort();
	const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
	return {count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99)};
}
