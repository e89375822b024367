import type {Clock} from '../../domain/ports/clock.ts';

/** Timers hold 24 days at most, and the clock may be set meanwhile. */
const MAX_WAIT_MS = 60 * 60_000;

/** Calls back once that moment has come, unless it is disposed before. */
export class Expiry implements Disposable {
	readonly #clock: Clock;
	readonly #atMs: number;
	readonly #callback: () => void;
	#timer: Disposable;

	constructor({clock, at, callback}: {clock: Clock; at: Date; callback: () => void}) {
		this.#clock = clock;
		this.#atMs = at.getTime();
		this.#callback = callback;
		this.#timer = this.#wait();
	}

	[Symbol.dispose](): void {
		this.#timer[Symbol.dispose]();
	}

	#wait(): Disposable {
		const leftMs = Math.max(0, this.#atMs - this.#clock.now());
		return this.#clock.after(Math.min(leftMs, MAX_WAIT_MS), () => {
			if (this.#clock.now() >= this.#atMs) {
				this.#callback();
			} else {
				this.#timer = this.#wait();
			}
		});
	}
}
