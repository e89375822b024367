import type {SqliteDatabase} from '../database.ts';

interface CommitBatchOptions<Item> {
	readonly database: SqliteDatabase;
	/** Called inside the transaction. */
	readonly apply: (item: Item) => void;
	/** Called after the commit, in the order in which items were added. */
	readonly committed?: (item: Item) => void;
	/** None of them was written. */
	readonly failed: (items: readonly Item[], error: unknown) => void;
}

/** Collects small changes until the next commit, so that a burst of them is one piece of work. */
export class CommitBatch<Item> {
	readonly #options: CommitBatchOptions<Item>;
	#items: Item[] = [];
	#scheduled = false;
	#lastTry: Promise<void> = Promise.resolve();

	constructor(options: CommitBatchOptions<Item>) {
		this.#options = options;
	}

	add(item: Item): void {
		this.#items.push(item);
		if (!this.#scheduled) {
			this.#scheduled = true;
			this.#lastTry = this.#write();
		}
	}

	/** Resolves once everything that was added is committed or has failed. */
	settled(): Promise<void> {
		return this.#lastTry;
	}

	async #write(): Promise<void> {
		const {database, apply, committed, failed} = this.#options;
		let items: readonly Item[] = [];
		try {
			await database.write(() => {
				items = this.#takeAll();
				for (const item of items) apply(item);
			});
		} catch (error) {
			// When the transaction could not even begin, nothing has been taken yet.
			failed(items.length > 0 ? items : this.#takeAll(), error);
			return;
		}
		for (const item of items) committed?.(item);
	}

	#takeAll(): readonly Item[] {
		const items = this.#items;
		this.#items = [];
		this.#scheduled = false;
		return items;
	}
}
