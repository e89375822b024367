import {messageKeyOf} from '../../domain/messaging/message-id.ts';
import type {Chat, ChatMessage, Contact, Slice} from '../../domain/ports/whatsapp-engine.ts';
import {viewOf, type ConversationHost} from './conversation-host.ts';
import type {StoredChat} from './history.ts';
import {messagePayload} from './noweb/message.ts';
import {isPerson, pictureUrl, pushName, subject} from './people.ts';
import type {StoredMessage} from './stored-message.ts';

/** Shows what the phone remembers. */
export class HistoryReader {
	readonly #host: ConversationHost;

	constructor(host: ConversationHost) {
		this.#host = host;
	}

	/** Latest first. */
	chats(slice: Slice): readonly Chat[] {
		return this.#host.storage.history.chats(slice).map((chat) => this.#chatOf(chat));
	}

	/** Newest first. */
	messages(chatId: string, slice: Slice & {readonly untilTimestamp?: number}): readonly ChatMessage[] {
		const {untilTimestamp: until = Infinity} = slice;
		return this.#host.storage.history.messages(chatId, {...slice, until}).map((message) => this.#messageOf(message));
	}

	/** @param id full, or the key alone */
	findMessage(chatId: string, id: string): ChatMessage | undefined {
		const message = this.#host.storage.history.find(messageKeyOf(id));
		return message?.chatId === chatId ? this.#messageOf(message) : undefined;
	}

	/** Everybody with whom there is a chat, by id. */
	contacts({limit, offset}: Slice): readonly Contact[] {
		const everything = {limit: Infinity, offset: 0};
		const ids = this.#host.storage.history.chats(everything).map(({id}) => id);
		return ids
			.filter(isPerson)
			.sort()
			.slice(offset, offset + limit)
			.map((id) => ({
				id,
				name: pushName(this.#host.seed, id),
				phoneNumber: id.endsWith('@c.us') ? id.slice(0, id.indexOf('@')) : null,
			}));
	}

	/** The same for ever; null for a third of them. */
	picture(chatId: string): string | null {
		return pictureUrl(this.#host.seed, chatId);
	}

	#chatOf({id, unread, messages}: StoredChat): Chat {
		const last = messages.at(-1);
		const {seed} = this.#host;
		return {
			id,
			name: isPerson(id) ? pushName(seed, id) : subject(seed, id),
			isGroup: id.endsWith('@g.us'),
			timestamp: last?.timestamp ?? 0,
			unread,
			lastMessage: last === undefined ? null : this.#messageOf(last),
		};
	}

	/** Without what is the engine's own: its raw message, and where it has files. */
	#messageOf(message: StoredMessage): ChatMessage {
		const {_data, media, replyTo, ...shown} = messagePayload(message, viewOf(this.#host, message, null));
		const {timestamp, fromMe, participant, chatId} = message;
		return {
			...shown,
			timestamp,
			fromMe,
			body: shown.body ?? '',
			hasMedia: shown['hasMedia'] === true,
			media: withoutUrl(media),
			replyTo: withoutRaw(replyTo),
			senderPushName: fromMe ? null : pushName(this.#host.seed, participant ?? chatId),
		};
	}
}

function withoutUrl(media: unknown): unknown {
	if (typeof media !== 'object' || media === null) {
		return null;
	}
	const {url: _, ...told} = media as {url?: unknown};
	return told;
}

function withoutRaw(quote: unknown): unknown {
	if (typeof quote !== 'object' || quote === null) {
		return null;
	}
	const {_data, ...told} = quote as {_data?: unknown};
	return told;
}
