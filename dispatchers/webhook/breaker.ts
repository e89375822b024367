/** Failed attempts in a row that open a breaker, at least: one more than a lane has under way at once by default. */
const OPENS_AFTER_FAILURES = 11;

/** How long it stays open, doubled with each probe that fails … */
const FIRST_PAUSE_MS = 5000;
/** … up to this: an endpoint that is back is noticed within it. */
const LONGEST_PAUSE_MS = 5 * 60_000;

/** What failed last so long ago says nothing about today: no delivery that is parked stays away for longer. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;

/** `probe`: the one attempt that decides whether it closes; whoever makes it says so when it ended. */
export type Passage =
	{readonly pass: true; readonly isProbe: boolean} | {readonly pass: false; readonly untilMs: number};

/**
 * Spares an endpoint that only fails. Closed, it lets everything pass; open, nothing; half-open, once its pause is over, a single
 * probe at a time: one that succeeds closes it, one that fails doubles the pause.
 */
export class Breaker {
	#failures = 0;
	/** 0 = closed. */
	#pauseMs = 0;
	#openUntilMs = 0;
	#isProbing = false;
	#failedAtMs = 0;

	/** Has nothing to remember, or nothing that still matters. */
	isFresh(nowMs: number): boolean {
		return this.#failures === 0 || nowMs - this.#failedAtMs > FORGOTTEN_AFTER_MS;
	}

	ask(nowMs: number): Passage {
		if (this.#pauseMs === 0) {
			return {pass: true, isProbe: false};
		}
		if (nowMs < this.#openUntilMs) {
			return {pass: false, untilMs: this.#openUntilMs};
		}
		if (this.#isProbing) {
			return {pass: false, untilMs: nowMs + this.#pauseMs};
		}
		this.#isProbing = true;
		return {pass: true, isProbe: true};
	}

	/**
	 * An attempt ended.
	 * @param isAlive the endpoint answered like one that works
	 * @param concurrency attempts under way at once: one hiccup of them all does not open it
	 */
	record(isAlive: boolean, isProbe: boolean, nowMs: number, concurrency = 1): void {
		if (isProbe) this.#isProbing = false;
		if (isAlive) {
			this.#failures = 0;
			this.#pauseMs = 0;
			return;
		}
		this.#failures++;
		this.#failedAtMs = nowMs;
		const opens = this.#pauseMs === 0 && this.#failures >= Math.max(OPENS_AFTER_FAILURES, concurrency + 1);
		if (opens || isProbe) {
			this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
			this.#openUntilMs = nowMs + this.#pauseMs;
		}
	}

	/** An attempt that was let pass was not made after all. */
	forget(isProbe: boolean): void {
		if (isProbe) this.#isProbing = false;
	}
}
