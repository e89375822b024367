import type {SecretBox} from '../secret-box.ts';
import type {Webhook} from './webhook.ts';

const MAX_HEADERS = 20;
/** Of all names and values together. */
const MAX_BYTES = 4 * 1024;

/** RFC 9110: a token. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Visible ASCII with spaces and tabs between: no line break can begin another header. */
const VALUE = /^[\x21-\x7e]+([\t ]+[\x21-\x7e]+)*$/;

/** What we say ourselves … */
const OURS = /^(x-wahooks-|webhook-|content-)/;
/** … or what belongs to the connection and not to the message (RFC 9110, 7.6.1), or steers proxies and caches. */
const RESERVED = new Set([
	'connection',
	'expect',
	'forwarded',
	'host',
	'http2-settings',
	'keep-alive',
	'proxy-authenticate',
	'proxy-authorization',
	'proxy-connection',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
	'user-agent',
	'via',
]);

/** Why these headers cannot be sent with a webhook, one line per fault; values are secrets and not repeated. */
export function headerFaults(headers: Readonly<Record<string, string>>): readonly string[] {
	const entries = Object.entries(headers);
	const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
	const names = entries.map(([name]) => name.toLowerCase());
	return [
		...(entries.length > MAX_HEADERS ? [`headers must have at most ${MAX_HEADERS} entries`] : []),
		...(bytes > MAX_BYTES ? [`headers must have at most ${MAX_BYTES} bytes in all`] : []),
		...(new Set(names).size < names.length
			? ['headers must not name one twice: upper and lower case are the same']
			: []),
		...entries.flatMap(([name, value]) => faultOf(name, value) ?? []),
	];
}

function faultOf(name: string, value: string): string | undefined {
	const shown = `headers: "${name.slice(0, 80)}"`;
	if (!NAME.test(name)) {
		return `${shown} is not a header name`;
	}
	if (OURS.test(name.toLowerCase()) || RESERVED.has(name.toLowerCase())) {
		return `${shown} cannot be set: it is ours or the connection's`;
	}
	return VALUE.test(value) ? undefined : `${shown} must have a value of printable ASCII on one line`;
}

/** How they lie in the store. */
export function sealHeaders(headers: Readonly<Record<string, string>>, secretBox: SecretBox): string | null {
	return Object.keys(headers).length === 0 ? null : secretBox.seal(JSON.stringify(headers));
}

/** The headers of a webhook, in clear. */
export function openHeaders(
	{sealedHeaders}: Pick<Webhook, 'sealedHeaders'>,
	secretBox: SecretBox,
): Readonly<Record<string, string>> {
	return sealedHeaders === null ? {} : (JSON.parse(secretBox.open(sealedHeaders)) as Record<string, string>);
}
