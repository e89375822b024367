import type {Clock} from '../../domain/ports/clock.ts';

const WINDOW_MS = 10_000;

/** Many times what any client has to say: a subscription now and then, heartbeats. */
const MAX_MESSAGES = 200;

/** How much a client may say: 200 messages in 10 s, pings included. */
export class MessageBudget {
	readonly #clock: Clock;
	#windowEndsAtMs = 0;
	#used = 0;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** False when that was too much. */
	spend(): boolean {
		const now = this.#clock.now();
		if (now >= this.#windowEndsAtMs) {
			this.#windowEndsAtMs = now + WINDOW_MS;
			this.#used = 0;
		}
		return ++this.#used <= MAX_MESSAGES;
	}
}
