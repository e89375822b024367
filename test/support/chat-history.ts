import type {Chat, ChatMessage, EngineHistory} from '../../domain/ports/whatsapp-engine.ts';

export const CHAT_ID = '15550110000@c.us';

/** A message of the chat; its key is `name`. */
export function sampleMessage(name: string, timestamp: number, changes: Partial<ChatMessage> = {}): ChatMessage {
	const fromMe = changes.fromMe ?? false;
	return {
		id: `${String(fromMe)}_${CHAT_ID}_${name}`,
		timestamp,
		fromMe,
		body: `text of ${name}`,
		hasMedia: false,
		...changes,
	};
}

export function sampleChat(id: string, changes: Partial<Chat> = {}): Chat {
	return {
		id,
		name: null,
		isGroup: id.endsWith('@g.us'),
		timestamp: 1_774_612_800,
		unread: 0,
		lastMessage: null,
		...changes,
	};
}

/** One chat's messages and a list of chats, read as engines read them; counts how often. */
export class ChatHistory implements EngineHistory {
	/** Newest first. */
	readonly #messages: ChatMessage[];
	readonly #chats: readonly Chat[];
	reads = 0;

	constructor({messages = [], chats = []}: {messages?: readonly ChatMessage[]; chats?: readonly Chat[]}) {
		this.#messages = [...messages];
		this.#chats = chats;
	}

	/** A message that arrives now. */
	receive(message: ChatMessage): void {
		this.#messages.unshift(message);
	}

	chats: EngineHistory['chats'] = (_session, {limit, offset}) => {
		this.reads++;
		return Promise.resolve(this.#chats.slice(offset, offset + limit));
	};

	messages: EngineHistory['messages'] = (_session, _chatId, {limit, offset, untilTimestamp = Infinity}) => {
		this.reads++;
		const found = this.#messages.filter(({timestamp}) => timestamp <= untilTimestamp);
		return Promise.resolve(found.slice(offset, offset + limit));
	};

	findMessage: EngineHistory['findMessage'] = (_session, chatId, id) => {
		this.reads++;
		const found = this.#messages.find((message) => message.id === id || message.id.endsWith(`_${id}`));
		return Promise.resolve(found?.id.includes(`_${chatId}_`) === true ? found : undefined);
	};

	contacts: EngineHistory['contacts'] = () => Promise.resolve([]);

	profilePicture: EngineHistory['profilePicture'] = () => Promise.resolve(null);
}
