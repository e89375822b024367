import type {Clock} from '../../domain/ports/clock.ts';
import type {EventFrame} from './event-frame.ts';
import {LastEvents} from './last-events.ts';

/**
 * A frame is overtaken for no longer than this: a dispatcher that dies with it, or cannot hand it over, has it in hand for 30 s. How old
 * it was when it was taken from the queue does not matter here: what came in before that was ahead of it in the queue.
 */
const WINDOW_MS = 45_000;

/** A loss is told this soon after the first frame that follows it. */
const TOLD_WITHIN_MS = 5000;

/** A quiet room remembers this few, whatever their age; a busy one at most so many. */
const MIN_IDS = 32;
const MAX_IDS = 10_000;

/** The ids of a room's latest live frames: about 2 KB, up to 1 MB while there is very much traffic. */
export class RecentFrames {
	readonly #clock: Clock;
	/** When each came, oldest first. */
	readonly #arrivedAtMs = new Map<string, number>();
	readonly #last = new LastEvents();
	#latestAtMs = 0;
	/** A frame that came before a loss, if there was one that is not told yet; looked at anew from time to time. */
	#settledAtMs = 0;
	#settleAtMs = 0;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** As of now. */
	get last(): LastEvents {
		return this.#last.copy();
	}

	/** Oldest first. However long nothing came: those that came just before that are among them. */
	ids(): readonly string[] {
		return [...this.#arrivedAtMs.keys()];
	}

	note(frame: EventFrame): void {
		const {eventId} = frame;
		const now = this.#clock.now();
		this.#last.note(frame);
		this.#arrivedAtMs.delete(eventId);
		this.#arrivedAtMs.set(eventId, now);
		if (now >= this.#settleAtMs) {
			this.#settledAtMs = this.#latestAtMs;
			this.#settleAtMs = now + TOLD_WITHIN_MS;
		}
		this.#latestAtMs = now;
		this.#forget(this.#settledAtMs - WINDOW_MS);
	}

	#forget(beforeMs: number): void {
		for (const [oldest, arrivedAtMs] of this.#arrivedAtMs) {
			const {size} = this.#arrivedAtMs;
			if (size <= MIN_IDS || (size <= MAX_IDS && arrivedAtMs >= beforeMs)) {
				return;
			}
			this.#arrivedAtMs.delete(oldest);
		}
	}
}
