import type {Clock} from '../../domain/ports/clock.ts';
import type {ChaosSettings} from '../../domain/ports/simulator-control.ts';
import {toFraction, type Seed} from './seed.ts';

/** A held event is overtaken by the next one, or goes on after this when none comes. */
const LONGEST_HOLD_MS = 1000;

/** Passes one event on. */
type Passage = () => Promise<void>;

/** Loses, repeats and swaps events, by shares and from a seed. */
export class Chaos {
	readonly #seed: Seed;
	readonly #clock: Clock;
	#shares = {drop: 0, duplicate: 0, reorder: 0};
	#held: (() => void) | undefined;

	constructor({seed, clock}: {seed: Seed; clock: Clock}) {
		this.#seed = seed;
		this.#clock = clock;
	}

	set({drop, duplicate, reorder}: ChaosSettings): void {
		const now = this.#shares;
		this.#shares = {
			drop: drop ?? now.drop,
			duplicate: duplicate ?? now.duplicate,
			reorder: reorder ?? now.reorder,
		};
	}

	/** Passes the event on once, twice, later or never. Resolves when it has been passed on (or dropped). */
	async pass(passage: Passage): Promise<void> {
		if (this.#happens(this.#shares.drop)) {
			return;
		}
		if (this.#held === undefined && this.#happens(this.#shares.reorder)) {
			await this.#hold();
			return passage();
		}
		const passed = [passage()];
		if (this.#happens(this.#shares.duplicate)) {
			passed.push(passage());
		}
		this.release();
		await Promise.all(passed);
	}

	/** Lets a held event go on now. */
	release(): void {
		this.#held?.();
	}

	#happens(share: number): boolean {
		return share > 0 && toFraction(this.#seed.next()) < share;
	}

	#hold(): Promise<void> {
		return new Promise((resolve) => {
			const release = (): void => {
				this.#held = undefined;
				timer[Symbol.dispose]();
				resolve();
			};
			const timer = this.#clock.after(LONGEST_HOLD_MS, release);
			this.#held = release;
		});
	}
}
