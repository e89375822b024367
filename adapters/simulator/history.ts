import type {Slice} from '../../domain/ports/whatsapp-engine.ts';
import {ACK} from './ack.ts';
import {bodyOf, type StoredMessage} from './stored-message.ts';

/** What a session remembers: small enough to be written whole. */
const MAX_CHATS = 50;
const MAX_MESSAGES_PER_CHAT = 100;

/** Over all chats, in characters of the document; about. */
const MAX_WEIGHT = 1_000_000;

/** What a message weighs beside its text. */
const MESSAGE_WEIGHT = 400;

/** A chat with what is remembered of it. */
export interface StoredChat {
	readonly id: string;
	/** Messages of others since it was last marked as read. */
	unread: number;
	/** Oldest first; never empty. */
	readonly messages: StoredMessage[];
}

/** The chats of one session: the latest 50 with up to 100 messages each, fewer when they are long. */
export class History {
	/** Latest first. */
	readonly #chats: StoredChat[];
	readonly #messages = new Map<string, {readonly message: StoredMessage; readonly weight: number}>();
	#weight = 0;

	/** @param chats as `toJSON` gave them */
	constructor(chats: readonly StoredChat[] = []) {
		this.#chats = [...chats];
		for (const message of this.#chats.flatMap(({messages}) => messages)) this.#note(message);
	}

	/** Adds the newest message of its chat. */
	add(message: StoredMessage): void {
		const chat = this.#take(message.chatId) ?? {id: message.chatId, unread: 0, messages: []};
		this.#chats.unshift(chat);
		chat.messages.push(message);
		if (!message.fromMe) {
			chat.unread++;
		}
		this.#note(message);
		this.#prune(chat);
	}

	/** @param key WhatsApp's own key of the message */
	find(key: string): StoredMessage | undefined {
		return this.#messages.get(key)?.message;
	}

	/** Latest first. */
	chats({limit, offset}: Slice): readonly StoredChat[] {
		return this.#chats.slice(offset, offset + limit);
	}

	/** Newest first. @param until Unix seconds: nothing later than this */
	messages(chatId: string, {limit, offset, until}: Slice & {readonly until: number}): readonly StoredMessage[] {
		const messages = this.#chats.find(({id}) => id === chatId)?.messages ?? [];
		return messages
			.filter(({timestamp}) => timestamp <= until)
			.reverse()
			.slice(offset, offset + limit);
	}

	/** Everything in the chat is read. */
	markRead(chatId: string): void {
		const chat = this.#chats.find(({id}) => id === chatId);
		if (chat === undefined) {
			return;
		}
		chat.unread = 0;
		for (const message of chat.messages) {
			if (!message.fromMe && message.ack === ACK.DEVICE) message.ack = ACK.READ;
		}
	}

	/** Forgets everything, as with the credentials. */
	clear(): void {
		this.#chats.length = 0;
		this.#messages.clear();
		this.#weight = 0;
	}

	/** What the constructor takes. */
	toJSON(): readonly StoredChat[] {
		return this.#chats;
	}

	#take(chatId: string): StoredChat | undefined {
		const index = this.#chats.findIndex(({id}) => id === chatId);
		return index === -1 ? undefined : this.#chats.splice(index, 1)[0];
	}

	#note(message: StoredMessage): void {
		const weight = MESSAGE_WEIGHT + (bodyOf(message.content)?.length ?? 0);
		this.#messages.set(message.key, {message, weight});
		this.#weight += weight;
	}

	/** @param latest stays, with its last message */
	#prune(latest: StoredChat): void {
		if (latest.messages.length > MAX_MESSAGES_PER_CHAT) {
			this.#forget(latest.messages.shift());
		}
		while (this.#chats.length > MAX_CHATS || (this.#weight > MAX_WEIGHT && this.#chats.length > 1)) {
			for (const message of this.#chats.pop()?.messages ?? []) this.#forget(message);
		}
		while (this.#weight > MAX_WEIGHT && latest.messages.length > 1) {
			this.#forget(latest.messages.shift());
		}
	}

	#forget(message: StoredMessage | undefined): void {
		if (message !== undefined) {
			this.#weight -= this.#messages.get(message.key)?.weight ?? 0;
			this.#messages.delete(message.key);
		}
	}
}
