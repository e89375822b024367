import type {Content, Entry} from './entry.ts';
import type {MemoryBudget} from './memory-budget.ts';

/** How many entries are read at once, and how many fresh ones are kept; more than the largest prefetch gains nothing. */
const WINDOW_SIZE = 1000;

/**
 * The front of a queue: the next entries in order. What is further back stays on disk until the front has been taken, so
 * that a backlog costs no memory. Only what was returned can make the window larger, and that was in hand before.
 */
export class ReadyWindow {
	readonly #load: (afterPosition: number, limit: number) => readonly Entry[];
	readonly #budget: MemoryBudget;
	#entries: Entry[] = [];
	/** Entries up to here are in the window or were taken from it. */
	#loadedUntil = 0;
	/** True when there may be entries behind that position. */
	#hasMore = true;

	constructor({
		load,
		budget,
	}: {
		load: (afterPosition: number, limit: number) => readonly Entry[];
		budget: MemoryBudget;
	}) {
		this.#load = load;
		this.#budget = budget;
	}

	/** True when the queue is empty, as far as that is known without asking the disk. */
	get isEmpty(): boolean {
		return this.#entries.length === 0 && !this.#hasMore;
	}

	/** Notes that a fresh entry, which is handed out already, needs no loading. */
	skip({position}: Entry): void {
		this.#loadedUntil = Math.max(this.#loadedUntil, position);
	}

	/** Adds a fresh entry at the end. */
	append(entry: Entry, content: Content | undefined): void {
		if (this.#hasMore || this.#entries.length >= WINDOW_SIZE) {
			this.#hasMore = true;
			return;
		}
		if (entry.position <= this.#loadedUntil) {
			return;
		}
		this.#loadedUntil = entry.position;
		if (content !== undefined && this.#budget.take(content.body.length)) entry.content = content;
		this.#entries.push(entry);
	}

	/** Puts an entry that was taken back to its old place. */
	insert(entry: Entry): void {
		entry.content = undefined;
		const index = this.#entries.findIndex(({position}) => position > entry.position);
		this.#entries.splice(index < 0 ? this.#entries.length : index, 0, entry);
	}

	/** The first entry, with its content if that was kept. Reads the next ones when all have been taken. */
	take(): Entry | undefined {
		if (this.#entries.length === 0 && this.#hasMore) {
			this.#entries = [...this.#load(this.#loadedUntil, WINDOW_SIZE)];
			this.#hasMore = this.#entries.length === WINDOW_SIZE;
			this.#loadedUntil = this.#entries.at(-1)?.position ?? this.#loadedUntil;
		}
		const entry = this.#entries.shift();
		if (entry?.content !== undefined) this.#budget.give(entry.content.body.length);
		return entry;
	}
}
