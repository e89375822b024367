/** The middle one, or the lower of the two; NaN of none. */
export function medianOf(values: readonly number[]): number {
	return values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)] ?? NaN;
}
