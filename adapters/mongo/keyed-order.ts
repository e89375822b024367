/** Runs work of one key in the order of the calls, and work of different keys at the same time. */
export class KeyedOrder {
	readonly #last = new Map<string, Promise<unknown>>();

	/** Starts `work` once all earlier work that shares a key has ended, well or not. */
	async run<T>(keys: ReadonlySet<string>, work: () => Promise<T>): Promise<T> {
		const earlier = [...keys].flatMap((key) => this.#last.get(key) ?? []);
		const ended = Promise.withResolvers<undefined>();
		for (const key of keys) {
			this.#last.set(key, ended.promise);
		}
		await Promise.all(earlier);
		try {
			return await work();
		} finally {
			for (const key of keys) {
				if (this.#last.get(key) === ended.promise) this.#last.delete(key);
			}
			ended.resolve(undefined);
		}
	}
}
