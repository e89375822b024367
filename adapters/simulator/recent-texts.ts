/** How many texts a session remembers. */
const MAX_TEXTS = 500;

interface RecentText {
	readonly fromMe: boolean;
	readonly chatId: string;
	readonly body: string;
}

/** The latest texts of a session, for quotes and echoes; forgotten when the process ends. */
export class RecentTexts {
	readonly #texts = new Map<string, RecentText>();

	add(key: string, text: RecentText): void {
		this.#texts.set(key, text);
		if (this.#texts.size > MAX_TEXTS) {
			const [oldest] = this.#texts.keys();
			if (oldest !== undefined) this.#texts.delete(oldest);
		}
	}

	/** @param key WhatsApp's own key of the message */
	find(key: string): RecentText | undefined {
		return this.#texts.get(key);
	}
}
