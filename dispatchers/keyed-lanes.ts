/** Runs work of one key in order, one at a time, and different keys side by side. An idle lane takes no memory. */
export class KeyedLanes {
	readonly #tails = new Map<string, Promise<unknown>>();

	/** Lanes with work. */
	get size(): number {
		return this.#tails.size;
	}

	/** Settles as `work` does. */
	run<T>(key: string, work: () => Promise<T>): Promise<T> {
		const before = this.#tails.get(key) ?? Promise.resolve();
		const result = before.then(work);
		const tail = result
			.catch(() => undefined)
			.then(() => {
				if (this.#tails.get(key) === tail) this.#tails.delete(key);
			});
		this.#tails.set(key, tail);
		return result;
	}
}
