const TOKEN = String.raw`[!#$%&'*+.^\x60|~\w-]+`;

/** A media type as it may stand in a header (RFC 9110 §8.3.1): two tokens, and parameters if any. */
const MIMETYPE = new RegExp(`^${TOKEN}/${TOKEN}( *; *${TOKEN}=(${TOKEN}|"[ -!#-\\[\\]-~]*"))*$`);

const MAX_LENGTH = 255;

/** A media type that somebody else names, checked before it goes into a header; undefined for anything else. */
export function toMimetype(value: unknown): string | undefined {
	if (typeof value !== 'string' || value.length > MAX_LENGTH) {
		return undefined;
	}
	const trimmed = value.trim();
	return MIMETYPE.test(trimmed) ? trimmed : undefined;
}
