import {readMessageId as readIdParts} from '../../domain/messaging/message-id.ts';
import type {Chat, ChatMessage, Contact} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaEngineName} from './waha-capabilities.ts';
import {
	fieldsOf,
	readJid,
	readMessageId,
	readNumber,
	readSeconds,
	readText,
	toChatId,
	type JsonObject,
} from './waha-values.ts';

/**
 * What WAHA documents of a message beside the fields that need care. Everything else is left out: raw data of the engine holds
 * keys and addresses of files.
 */
const PASSED_ON = ['from', 'to', 'participant', 'author', 'source', 'ack', 'ackName', 'location', 'vCards'] as const;

/** Reads a WAMessage, or the raw message of an engine. Undefined for what has no id, such as the `{}` of an empty chat. */
export function toChatMessage(value: unknown): ChatMessage | undefined {
	const fields = fieldsOf(value);
	const id = readMessageId(fields) ?? readMessageId(fieldsOf(fields['_data']));
	if (id === null) {
		return undefined;
	}
	const {timestamp, messageTimestamp, fromMe, body, hasMedia, media, replyTo} = fields;
	return {
		...pick(fields, PASSED_ON),
		id,
		timestamp: readSeconds(timestamp) ?? readSeconds(messageTimestamp) ?? 0,
		fromMe: typeof fromMe === 'boolean' ? fromMe : id.startsWith('true_'),
		body: readText(body) ?? '',
		hasMedia: hasMedia === true,
		media: toMedia(media),
		replyTo: toQuote(replyTo),
		senderPushName: id.startsWith('true_') ? null : readPushName(fieldsOf(fields['_data'])),
	};
}

/** What the sender calls himself: each engine tells it elsewhere in its raw message. */
function readPushName(raw: JsonObject): string | null {
	const {pushName, notifyName, Info} = raw;
	return readText(pushName) ?? readText(fieldsOf(Info)['PushName']) ?? readText(notifyName) ?? null;
}

/** Where a file is, and why it is not there, concerns only the worker. */
function toMedia(value: unknown): object | null {
	if (typeof value !== 'object' || value === null) {
		return null;
	}
	const {mimetype, filename} = fieldsOf(value);
	return {url: null, mimetype: readText(mimetype) ?? null, filename: readText(filename) ?? null};
}

function toQuote(value: unknown): object | null {
	const quote = fieldsOf(value);
	if (readText(quote['id']) === undefined) {
		return null;
	}
	return {
		...pick(quote, ['id', 'participant']),
		body: readText(quote['body']) ?? '',
		hasMedia: quote['hasMedia'] === true,
		media: toMedia(quote['media']),
	};
}

/** Reads a ChatSummary, whose `_chat` is the engine's own. Undefined for what has no id. */
export function toChat(value: unknown): Chat | undefined {
	const {id: jid, name, lastMessage, _chat} = fieldsOf(value);
	const id = readJid(jid);
	if (id === null) {
		return undefined;
	}
	const raw = fieldsOf(_chat);
	const last = toChatMessage(lastMessage) ?? null;
	const {conversationTimestamp, timestamp} = raw;
	return {
		id,
		name: readText(name) ?? readText(raw['name']) ?? null,
		isGroup: id.endsWith('@g.us'),
		timestamp: last?.timestamp ?? readSeconds(conversationTimestamp) ?? readSeconds(timestamp) ?? 0,
		unread: readUnread(raw['unreadCount']),
		lastMessage: last,
	};
}

/** -1 is a chat that somebody marked as unread. */
function readUnread(value: unknown): number {
	const count = readNumber(value);
	return Number.isInteger(count) ? Math.abs(count) : 0;
}

/** WhatsApp's own account. */
const WHATSAPP = '0@c.us';

/** Reads an engine's contact. Undefined for what is no person: groups, channels, broadcast lists, WhatsApp itself. */
export function toContact(value: unknown): Contact | undefined {
	const fields = fieldsOf(value);
	const id = readJid(fields['id']);
	const server = id === null ? undefined : serverOf(id);
	if (id === null || id === WHATSAPP || (server !== 'c.us' && server !== 'lid')) {
		return undefined;
	}
	const {name, pushname, pushName, notify, shortName, verifiedName} = fields;
	const named = [name, pushname, pushName, notify, shortName, verifiedName].map(readText);
	return {
		id,
		name: named.find((one) => one !== undefined) ?? null,
		phoneNumber: server === 'c.us' ? id.slice(0, id.indexOf('@')) : null,
	};
}

/** The ids under which a message may be found: GOWS and NOWEB know it by its key, WEBJS only by the full id. */
export function lookupIdsOf(engine: WahaEngineName, chatId: string, id: string): readonly string[] {
	if (engine !== 'WEBJS' || readIdParts(id) !== undefined) {
		return [id];
	}
	return [`true_${toChatId(chatId)}_${id}`, `false_${toChatId(chatId)}_${id}`];
}

/**
 * Whether a message that was found by its key belongs to the chat: GOWS looks in all of them. A person's chat has two ids, by phone
 * and by `@lid`, which only WAHA can tell to be the same.
 */
export function isOfChat({id}: ChatMessage, chatId: string): boolean {
	const found = readIdParts(id)?.chatId;
	if (found === undefined || found === toChatId(chatId)) return true;
	const servers = [serverOf(found), serverOf(chatId)];
	return servers.includes('c.us') && servers.includes('lid');
}

function serverOf(id: string): string | undefined {
	return toChatId(id).split('@')[1];
}

function pick(fields: JsonObject, names: readonly string[]): JsonObject {
	return Object.fromEntries(names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}
