import type {Clock} from '../../domain/ports/clock.ts';
import type {RecentIds} from '../../domain/ports/recent-ids.ts';

/** Half of what is remembered at most: 200,000 ids, about 20 MB. */
const GENERATION_SIZE = 100_000;
const GENERATION_MS = 24 * 60 * 60 * 1000;

/**
 * The ids that this process has seen. Two sets take turns: when the younger is full or a day old, the older is forgotten
 * as a whole. An id is therefore remembered for 24 to 48 hours, or until 100,000 others have come after it.
 */
export class MemoryRecentIds implements RecentIds {
	readonly #clock: Clock;
	#young = new Set<string>();
	#old = new Set<string>();
	#youngSinceMs: number;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
		this.#youngSinceMs = clock.now();
	}

	has(id: string): Promise<boolean> {
		this.#age();
		return Promise.resolve(this.#young.has(id) || this.#old.has(id));
	}

	note(id: string): void {
		this.#age();
		this.#young.add(id);
	}

	#age(): void {
		const now = this.#clock.now();
		const ageMs = now - this.#youngSinceMs;
		if (ageMs < GENERATION_MS && this.#young.size < GENERATION_SIZE) {
			return;
		}
		// After two quiet days both generations are past their time.
		this.#old = ageMs < 2 * GENERATION_MS ? this.#young : new Set();
		this.#young = new Set();
		this.#youngSinceMs = now;
	}
}
