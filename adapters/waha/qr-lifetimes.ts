import type {Clock} from '../../domain/ports/clock.ts';

/**
 * How long WhatsApp accepts a code: the first one after a start for 60 s, each of the next ones for 20 s, six in all. The figures
 * are those of its own web client, which the engines follow (Baileys: `qrTimeout`); WAHA passes on the codes without them.
 */
const FIRST_LIFETIME_MS = 60_000;
const NEXT_LIFETIME_MS = 20_000;

/** Nobody looked for longer than this: when a code appeared in between is anybody's guess. People's pages ask every 3 s. */
const MAX_GAP_MS = 10_000;

/** About what 20 workers hold; the longest unseen ones go first. */
const MAX_SESSIONS = 10_000;

interface Sighting {
	/** Undefined while the session showed none. */
	readonly value: string | undefined;
	readonly expiresAt: Date | undefined;
	readonly seenAtMs: number;
}

/** Remembers when this process saw which code of a session, and tells from that until when the code is good. */
export class QrLifetimes {
	readonly #clock: Clock;
	readonly #last = new Map<string, Sighting>();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** Notes that the session shows no code: the one that follows is the first of a start. */
	noteAbsent(session: string): void {
		this.#note(session, undefined, undefined);
	}

	/**
	 * Notes the code that the session shows. Resolves to the moment until which WhatsApp accepts it at least: a code is as old as the
	 * last look that found another, or none. Undefined when that was too long ago to tell.
	 */
	note(session: string, value: string): Date | undefined {
		const last = this.#last.get(session);
		const expiresAt = last?.value === value ? last.expiresAt : this.#expiryAfter(last);
		this.#note(session, value, expiresAt);
		return expiresAt;
	}

	#expiryAfter(last: Sighting | undefined): Date | undefined {
		if (last === undefined || this.#clock.now() - last.seenAtMs > MAX_GAP_MS) {
			return undefined;
		}
		return new Date(last.seenAtMs + (last.value === undefined ? FIRST_LIFETIME_MS : NEXT_LIFETIME_MS));
	}

	#note(session: string, value: string | undefined, expiresAt: Date | undefined): void {
		this.#last.delete(session);
		this.#last.set(session, {value, expiresAt, seenAtMs: this.#clock.now()});
		const [oldest] = this.#last.keys();
		if (this.#last.size > MAX_SESSIONS && oldest !== undefined) this.#last.delete(oldest);
	}
}
