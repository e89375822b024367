/** Ends a transfer as soon as one of its steps takes longer than it may, however long the whole takes. */
export class Patience {
	readonly #controller = new AbortController();

	/** Aborted when a step took too long. */
	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	/** Waits for a step; its promise has to fail once the signal is aborted. */
	async within<T>(timeoutMs: number, step: Promise<T>): Promise<T> {
		const timer = setTimeout(() => {
			this.#controller.abort();
		}, timeoutMs);
		try {
			return await step;
		} finally {
			clearTimeout(timer);
		}
	}
}
