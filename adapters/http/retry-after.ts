/**
 * Reads a `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date.
 * @returns milliseconds from `nowMs`, never negative; undefined for anything else
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
	const text = value?.trim() ?? '';
	if (/^\d+$/.test(text)) {
		return Number(text) * 1000;
	}
	// Of the date forms only those that name their zone: what `Date.parse` reads into others is a guess.
	const dateMs = text.endsWith(' GMT') ? Date.parse(text) : Number.NaN;
	return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
