import type {Clock} from '../../domain/ports/clock.ts';
import type {TicketStore} from '../../domain/ports/ticket-store.ts';

/** About 30 MB; beyond it the oldest are forgotten. */
const MAX_ENTRIES = 100_000;

interface Entry {
	readonly value: string;
	readonly expiresAtMs: number;
}

/** Tickets of one process. */
export class MemoryTicketStore implements TicketStore {
	readonly #clock: Clock;
	/** Oldest first. */
	readonly #entries = new Map<string, Entry>();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	put(key: string, value: string, ttlMs: number): Promise<void> {
		const now = this.#clock.now();
		this.#entries.set(key, {value, expiresAtMs: now + ttlMs});
		for (const [oldest, {expiresAtMs}] of this.#entries) {
			if (expiresAtMs > now && this.#entries.size <= MAX_ENTRIES) break;
			this.#entries.delete(oldest);
		}
		return Promise.resolve();
	}

	take(key: string): Promise<string | undefined> {
		const entry = this.#entries.get(key);
		this.#entries.delete(key);
		return Promise.resolve(entry !== undefined && entry.expiresAtMs > this.#clock.now() ? entry.value : undefined);
	}
}
