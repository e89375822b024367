import type {FakeMessage} from './fake-waha-messages.ts';

/** What the phone of one session knows. */
export class FakeChats {
	/** Names by id; groups too. */
	readonly contacts = new Map<string, string>();
	/** How many messages of a chat nobody has read. */
	readonly unread = new Map<string, number>();
	readonly #messages: FakeMessage[] = [];

	add(message: FakeMessage): void {
		this.#messages.push(message);
		// They are among the contacts, as people are.
		if (message.chatId.endsWith('@g.us')) this.contacts.set(message.chatId, 'A group');
		if (!message.fromMe) this.unread.set(message.chatId, (this.unread.get(message.chatId) ?? 0) + 1);
	}

	remove(message: FakeMessage): void {
		this.#messages.splice(this.#messages.indexOf(message), 1);
	}

	/** @param byKey whether the bare key will do */
	find(id: string, byKey: boolean): FakeMessage | undefined {
		return this.#messages.find((message) => message.id === id || (byKey && message.key === id));
	}

	/** Newest first. */
	messagesOf(chatId: string): readonly FakeMessage[] {
		return this.#messages
			.filter((message) => message.chatId === chatId)
			.toReversed()
			.toSorted((left, right) => right.timestamp - left.timestamp);
	}

	/** Ids, the one with the latest message first. */
	get ids(): readonly string[] {
		const latestFirst = this.#messages.toReversed().toSorted((left, right) => right.timestamp - left.timestamp);
		return [...new Set(latestFirst.map(({chatId}) => chatId))];
	}
}
