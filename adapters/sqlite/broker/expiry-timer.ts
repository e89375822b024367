import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {WaitQueue} from './wait-queue.ts';

/** A timer runs no longer than this, so that a machine that slept or whose clock was set is late by a minute at most. */
const MAX_DELAY_MS = 60_000;

/** Pause after messages could not be handed on. */
const RETRY_AFTER_MS = 1000;

/** Lets waiting messages go at their time: one timer for all wait queues. */
export class ExpiryTimer implements Disposable {
	readonly #queues: readonly WaitQueue[];
	readonly #clock: Clock;
	readonly #log: Logger;
	#timer: Disposable | undefined;
	#firesAtMs = Infinity;
	#stopped = false;

	constructor({queues, clock, log}: {queues: readonly WaitQueue[]; clock: Clock; log: Logger}) {
		this.#queues = queues;
		this.#clock = clock;
		this.#log = log;
	}

	/** Sees to it that the next message goes in time. */
	arm(): void {
		const dueAtMs = Math.min(...this.#queues.map(({nextDueAtMs}) => nextDueAtMs ?? Infinity));
		if (dueAtMs < this.#firesAtMs) this.#fireAt(dueAtMs);
	}

	[Symbol.dispose](): void {
		this.#stopped = true;
		this.#timer?.[Symbol.dispose]();
	}

	#fireAt(dueAtMs: number): void {
		if (this.#stopped) return;
		const delayMs = Math.min(Math.max(dueAtMs - this.#clock.now(), 0), MAX_DELAY_MS);
		this.#timer?.[Symbol.dispose]();
		this.#firesAtMs = dueAtMs;
		this.#timer = this.#clock.after(delayMs, () => {
			void this.#fire();
		});
	}

	/** While this runs, `arm` does nothing: `#firesAtMs` is in the past. */
	async #fire(): Promise<void> {
		const now = this.#clock.now();
		this.#firesAtMs = -Infinity;
		const due = this.#queues.filter(({nextDueAtMs}) => nextDueAtMs !== undefined && nextDueAtMs <= now);
		try {
			await Promise.all(due.map((queue) => queue.release()));
			this.#firesAtMs = Infinity;
			this.arm();
		} catch (error) {
			if (this.#stopped) return;
			this.#log.error({error}, 'broker.expiry.failed');
			this.#fireAt(now + RETRY_AFTER_MS);
		}
	}
}
