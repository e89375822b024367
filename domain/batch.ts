import type {Clock} from './ports/clock.ts';

export interface BatchOptions<Item> {
	/** Flushed when this many are waiting … */
	readonly maxItems: number;
	/** … or this long after the first of them came, in milliseconds. */
	readonly maxDelayMs: number;
	readonly clock: Clock;
	/** Makes the items durable, all or none. */
	readonly flush: (items: readonly Item[]) => Promise<void>;
}

/** Collects items of many callers into one write; each caller's promise settles with the write that its item went into. */
export class Batch<Item> {
	readonly #options: BatchOptions<Item>;
	#items: Item[] = [];
	#waiting: {resolve: () => void; reject: (error: unknown) => void}[] = [];
	#timer: Disposable | undefined;

	constructor(options: BatchOptions<Item>) {
		this.#options = options;
	}

	/** Resolves once the item is durable. Rejects with what `flush` threw; the item is then in no batch. */
	add(...items: readonly Item[]): Promise<void> {
		if (items.length === 0) {
			return Promise.resolve();
		}
		return new Promise((resolve, reject) => {
			this.#items.push(...items);
			this.#waiting.push({resolve, reject});
			if (this.#items.length >= this.#options.maxItems) {
				this.#flush();
			} else {
				this.#timer ??= this.#options.clock.after(this.#options.maxDelayMs, () => {
					this.#flush();
				});
			}
		});
	}

	#flush(): void {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		const items = this.#items;
		const waiting = this.#waiting;
		this.#items = [];
		this.#waiting = [];
		this.#options.flush(items).then(
			() => {
				for (const {resolve} of waiting) resolve();
			},
			(error: unknown) => {
				for (const {reject} of waiting) reject(error);
			},
		);
	}
}
