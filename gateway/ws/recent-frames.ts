import type {Clock} from '../../domain/ports/clock.ts';

/** Frames do not overtake each other by more than this; a busy room remembers at most so many … */
const WINDOW_MS = 30_000;
const MAX_IDS = 1024;

/** … and a quiet one this few, whatever their age. */
const MIN_IDS = 32;

/** The ids of a room's latest live frames: about 2 KB, up to 100 KB while there is much traffic. */
export class RecentFrames {
	readonly #clock: Clock;
	/** When each came, oldest first. */
	readonly #arrivedAtMs = new Map<string, number>();
	#latest: string | null = null;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** Null before the first frame. */
	get latest(): string | null {
		return this.#latest;
	}

	ids(): readonly string[] {
		return [...this.#arrivedAtMs.keys()];
	}

	note(eventId: string): void {
		const now = this.#clock.now();
		this.#latest = eventId;
		this.#arrivedAtMs.delete(eventId);
		this.#arrivedAtMs.set(eventId, now);
		for (const [oldest, arrivedAtMs] of this.#arrivedAtMs) {
			const {size} = this.#arrivedAtMs;
			if (size <= MIN_IDS || (size <= MAX_IDS && arrivedAtMs >= now - WINDOW_MS)) {
				return;
			}
			this.#arrivedAtMs.delete(oldest);
		}
	}
}
