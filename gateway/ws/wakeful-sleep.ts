import type {Clock} from '../../domain/ports/clock.ts';

/** A wait that can be cut short; one at a time. */
export class WakefulSleep {
	readonly #clock: Clock;
	#endsAtMs = 0;
	#wake: (() => void) | undefined;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** 0 while awake. */
	get remainingMs(): number {
		return this.#wake === undefined ? 0 : Math.max(0, this.#endsAtMs - this.#clock.now());
	}

	/** Resolves after `ms`, or when woken. */
	for(ms: number): Promise<void> {
		this.#endsAtMs = this.#clock.now() + ms;
		return new Promise((resolve) => {
			const timer = this.#clock.after(ms, () => {
				this.wake();
			});
			this.#wake = () => {
				timer[Symbol.dispose]();
				this.#wake = undefined;
				resolve();
			};
		});
	}

	/** Ends the wait now; does nothing while awake. */
	wake(): void {
		this.#wake?.();
	}
}
