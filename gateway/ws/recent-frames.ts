import type {Clock} from '../../domain/ports/clock.ts';
import type {EventFrame} from './event-frame.ts';
import {LastEvents} from './last-events.ts';

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
	readonly #last = new LastEvents();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** As of now. */
	get last(): LastEvents {
		return this.#last.copy();
	}

	ids(): readonly string[] {
		return [...this.#arrivedAtMs.keys()];
	}

	note(frame: EventFrame): void {
		const {eventId} = frame;
		const now = this.#clock.now();
		this.#last.note(frame);
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
