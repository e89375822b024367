/** Runs work of one key in order, one at a time, and different keys side by side. An idle lane takes no memory. */
export class KeyedLanes {
	readonly #tails = new Map<string, Promise<unknown>>();
	readonly #turnsAway: (error: unknown) => boolean;

	/** @param options.turnsAway true for a failure after which what waits behind fails in the same way instead of overtaking; default never */
	constructor({turnsAway = () => false}: {turnsAway?: (error: unknown) => boolean} = {}) {
		this.#turnsAway = turnsAway;
	}

	/** Lanes with work. */
	get size(): number {
		return this.#tails.size;
	}

	/** Settles as `work` does. */
	run<T>(key: string, work: () => Promise<T>): Promise<T> {
		const before = this.#tails.get(key) ?? Promise.resolve();
		const result = before.then(work);
		const tail: Promise<unknown> = result
			.catch((error: unknown) => {
				if (this.#turnsAway(error)) throw error;
			})
			.finally(() => {
				if (this.#tails.get(key) === tail) this.#tails.delete(key);
			});
		this.#tails.set(key, tail);
		// Whoever waits behind hears of it; often nobody does.
		tail.catch(() => undefined);
		return result;
	}
}
