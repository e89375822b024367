import {DomainError} from './errors.ts';
import type {Clock} from './ports/clock.ts';

export interface BatchOptions<Item> {
	/** Flushed when this many are waiting … */
	readonly maxItems: number;
	/** … or this long after the first of them came, in milliseconds. */
	readonly maxDelayMs: number;
	/**
	 * True = one flush at a time, in order; what comes meanwhile makes the next batch, and is turned away with a batch that
	 * may succeed later: nothing overtakes. Default false.
	 */
	readonly serial?: boolean;
	readonly clock: Clock;
	/** Makes the items durable, all or none. */
	readonly flush: (items: readonly Item[]) => Promise<void>;
}

interface Entry<Item> {
	readonly items: readonly Item[];
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

/** Collects items of many callers into one write; each caller's promise settles with the write that its items went into. */
export class Batch<Item> {
	readonly #options: BatchOptions<Item>;
	#entries: Entry<Item>[] = [];
	#size = 0;
	#timer: Disposable | undefined;
	#flushing = false;

	constructor(options: BatchOptions<Item>) {
		this.#options = options;
	}

	/** Resolves once the items are durable. Rejects with what `flush` threw; the items are then in no batch. */
	add(...items: readonly Item[]): Promise<void> {
		if (items.length === 0) {
			return Promise.resolve();
		}
		return new Promise((resolve, reject) => {
			this.#entries.push({items, resolve, reject});
			this.#size += items.length;
			this.#schedule();
		});
	}

	#schedule(): void {
		if (this.#entries.length === 0 || (this.#flushing && this.#options.serial === true)) {
			return;
		}
		if (this.#size >= this.#options.maxItems) {
			void this.#flush();
		} else {
			this.#timer ??= this.#options.clock.after(this.#options.maxDelayMs, () => void this.#flush());
		}
	}

	async #flush(): Promise<void> {
		this.#flushing = true;
		await this.#write(this.#takeAll());
		this.#flushing = false;
		this.#schedule();
	}

	/** One bad item must not fail its neighbours for ever: what a repeat cannot mend is written caller by caller. */
	async #write(entries: readonly Entry<Item>[]): Promise<void> {
		try {
			await this.#options.flush(entries.flatMap(({items}) => items));
			for (const {resolve} of entries) resolve();
		} catch (error) {
			if (error instanceof DomainError && error.retryable) {
				this.#turnAway(entries, error);
			} else if (entries.length === 1) {
				for (const {reject} of entries) reject(error);
			} else {
				await this.#writeEach(entries);
			}
		}
	}

	async #writeEach(entries: readonly Entry<Item>[]): Promise<void> {
		for (const [index, {items, resolve, reject}] of entries.entries()) {
			try {
				await this.#options.flush(items);
				resolve();
			} catch (error) {
				if (error instanceof DomainError && error.retryable) {
					this.#turnAway(entries.slice(index), error);
					return;
				}
				reject(error);
			}
		}
	}

	/** All of them will come again, in the order in which they are told. */
	#turnAway(entries: readonly Entry<Item>[], error: DomainError): void {
		const behind = this.#options.serial === true ? this.#takeAll() : [];
		for (const {reject} of [...entries, ...behind]) reject(error);
	}

	#takeAll(): readonly Entry<Item>[] {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		const entries = this.#entries;
		this.#entries = [];
		this.#size = 0;
		return entries;
	}
}
