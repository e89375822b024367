/** Readers of loosely typed answers: each takes whatever came, and none throws. */

/** What an object of JSON holds; nothing of it is sure. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The latest moment that a `Date` can hold. */
export const MAX_DATE_MS = 8.64e15;

/** `{}` for anything that is no object. */
export function fieldsOf(value: unknown): JsonObject {
	return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

/** NOWEB answers some lists as an object keyed by id. Undefined for what is neither. */
export function readList(value: unknown): readonly unknown[] | undefined {
	if (Array.isArray(value)) return value as readonly unknown[];
	return typeof value === 'object' && value !== null ? Object.values(value) : undefined;
}

/** Undefined for an empty string too. */
export function readText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/** WhatsApp's id in the form that tenants know: the engines' own server name and the number of the device are dropped. */
export function toChatId(jid: string): string {
	return jid.replace(/:\d+(?=@)/, '').replace(/@s\.whatsapp\.net$/, '@c.us');
}

/** An id of a chat or a person, which WEBJS may give as an object. */
export function readJid(value: unknown): string | null {
	const jid = readText(value) ?? serialized(value);
	return jid === null ? null : toChatId(jid);
}

/** The full id of a message. GOWS and WAMessage: a string. WEBJS: an object. NOWEB: a Baileys key. */
export function readMessageId({id, key}: JsonObject): string | null {
	return readText(id) ?? serialized(id) ?? fromParts(fieldsOf(id)) ?? fromParts(fieldsOf(key));
}

/** WhatsApp Web renamed `_serialized` to `$1` in July 2026. */
function serialized(value: unknown): string | null {
	const {_serialized, $1} = fieldsOf(value);
	return readText(_serialized) ?? readText($1) ?? null;
}

/** Builds `{fromMe}_{chat}_{key}[_{participant}]` from a WEBJS id (`remote`) or a Baileys key (`remoteJid`). */
function fromParts({id, fromMe, remote, remoteJid, participant}: JsonObject): string | null {
	const key = readText(id);
	const chat = readJid(remote) ?? readJid(remoteJid);
	if (key === undefined || chat === null) {
		return null;
	}
	const sender = readJid(participant);
	return [String(fromMe !== false), chat, key, ...(sender === null ? [] : [sender])].join('_');
}

/** Seconds from a number, a decimal string or a Long `{low, high}`; milliseconds are told by their size. What no `Date` can hold is none. */
export function readSeconds(value: unknown): number | undefined {
	const {low, high} = fieldsOf(value);
	const number = typeof low === 'number' && typeof high === 'number' ? high * 2 ** 32 + (low >>> 0) : readNumber(value);
	// NaN is neither.
	if (!(number > 0 && number <= MAX_DATE_MS)) {
		return undefined;
	}
	return Math.floor(number > 1e11 ? number / 1000 : number);
}

/** NaN for what is neither a number nor a string: an object may have a `toString` that is no function, and conversion throws then. */
export function readNumber(value: unknown): number {
	return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
}

/** Seconds from RFC 3339; a year 0001 is Go's word for "unset". */
export function readDate(value: unknown): number | undefined {
	return typeof value === 'string' ? readSeconds(Date.parse(value)) : undefined;
}
