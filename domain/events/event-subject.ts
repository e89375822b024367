import {readMessageId} from '../messaging/message-id.ts';

/** What an event is about, as far as its payload tells. */
export interface EventSubject {
	/** In WhatsApp's own form (`…@c.us`, `@g.us`, `@lid`, `@newsletter`); undefined = it is about no chat. */
	readonly chatId: string | undefined;
	/** True for what was sent from the linked account itself; undefined = it is about no message. */
	readonly fromMe: boolean | undefined;
}

/** An id of a chat itself, as in `presence.update` and `chat.archive`. */
const CHAT_ID = /^[^_@]+@(c\.us|s\.whatsapp\.net|g\.us|lid|newsletter|broadcast)$/;

/**
 * Reads it from an event's payload. The chat is the second part of the message's id: `from` and `to` mean something else on each
 * engine. A revocation is about the message that was there before or after, a vote about itself.
 */
export function subjectOf(payload: unknown): EventSubject {
	for (const about of [payload, field(payload, 'after'), field(payload, 'before'), field(payload, 'vote')]) {
		const id = field(about, 'id');
		if (typeof id !== 'string') continue;
		const message = readMessageId(id);
		if (message !== undefined) {
			const fromMe = field(about, 'fromMe');
			return {chatId: toOwnForm(message.chatId), fromMe: typeof fromMe === 'boolean' ? fromMe : message.fromMe};
		}
		if (CHAT_ID.test(id)) {
			return {chatId: toOwnForm(id), fromMe: undefined};
		}
	}
	return {chatId: undefined, fromMe: undefined};
}

function field(value: unknown, name: string): unknown {
	return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function toOwnForm(chatId: string): string {
	return chatId.replace(/@s\.whatsapp\.net$/, '@c.us');
}
