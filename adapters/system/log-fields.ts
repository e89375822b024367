import {DomainError, SetupError} from '../../domain/errors.ts';

/** How deep objects and chains of causes are followed. */
const MAX_DEPTH = 5;
const REDACTED = '[redacted]';

/** Keys (without `-` and `_`) whose values are secrets, also as the end of a longer name: `webhookSecret`, `X-Api-Key`. */
const SECRET_KEY = /(?:tokens?|secrets?|passwords?|apikeys?|encryptionkey|ingestionkey|authorization|cookies?)$/i;
/** Keys that hold what people wrote, or what links a phone. */
const PRIVATE_KEY = /^(?:text|body|caption|content|payload|vcard|qr)$/i;

/** Most strings hold nothing of the kind: one cheap look before the replacements below. */
const SUSPICIOUS = /wh_|whsec_|:\/\/|bearer\s|[?&]/i;
const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
	[/\bwh(?:sec)?_[\w+/=-]{8,}/g, REDACTED],
	[/(:\/\/)[^/?#@\s]*@/g, `$1${REDACTED}@`],
	[/\b(bearer\s+)\S+/gi, `$1${REDACTED}`],
	[/([?&][\w-]*(?:token|key|secret|signature|password)=)[^&#\s]+/gi, `$1${REDACTED}`],
];

/**
 * Makes fields fit for a log: secrets and message text are replaced, errors become plain objects with their causes. The
 * words `set` and `unset` (the effective configuration), numbers and booleans stay.
 * @param withStack show where errors were thrown. Errors that nobody foresaw show it always.
 */
export function toLogFields(fields: object, withStack: boolean): Record<string, unknown> {
	return toFields(fields, withStack, 0);
}

function toFields(fields: object, withStack: boolean, depth: number): Record<string, unknown> {
	const result: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(fields)) {
		result[key] = isPrivate(key, value) ? REDACTED : toValue(value, withStack, depth);
	}
	return result;
}

function isPrivate(key: string, value: unknown): boolean {
	if (typeof value === 'string') {
		return value !== '' && value !== 'set' && value !== 'unset' && isPrivateKey(key);
	}
	return typeof value === 'object' && value !== null && isPrivateKey(key);
}

function isPrivateKey(key: string): boolean {
	return PRIVATE_KEY.test(key) || SECRET_KEY.test(key.replaceAll(/[-_]/g, ''));
}

function toValue(value: unknown, withStack: boolean, depth: number): unknown {
	if (typeof value === 'string') {
		return scrub(value);
	}
	if (typeof value === 'bigint') {
		return value.toString();
	}
	if (ArrayBuffer.isView(value)) {
		return `<${value.byteLength} bytes>`;
	}
	if (typeof value !== 'object' || value === null || 'toJSON' in value) {
		return value;
	}
	if (depth >= MAX_DEPTH) {
		return '…';
	}
	if (value instanceof Error) {
		return toError(value, withStack, depth);
	}
	if (Array.isArray(value)) {
		return value.map((item) => toValue(item, withStack, depth + 1));
	}
	return toFields(value, withStack, depth + 1);
}

function toError(error: Error, withStack: boolean, depth: number): Record<string, unknown> {
	const code = 'code' in error ? error.code : undefined;
	const foreseen = error instanceof DomainError || error instanceof SetupError || typeof code === 'string';
	return {
		type: error.name,
		...(code !== undefined && {code}),
		message: scrub(error.message),
		...(error instanceof AggregateError && {errors: toValue(error.errors, withStack, depth + 1)}),
		...(error.cause !== undefined && {cause: toValue(error.cause, withStack, depth + 1)}),
		...((withStack || !foreseen) && error.stack !== undefined && {stack: scrub(error.stack)}),
	};
}

/** Takes tokens and the credentials of URLs out of a text. */
function scrub(text: string): string {
	if (!SUSPICIOUS.test(text)) {
		return text;
	}
	return REPLACEMENTS.reduce((rest, [pattern, replacement]) => rest.replaceAll(pattern, replacement), text);
}
