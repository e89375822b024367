import type {Admission} from './admission.ts';

/** A delivery that waits in memory for a place of its lane. */
export interface Waiting {
	readonly admit: (admission: Admission) => void;
	readonly parked: number;
	readonly sinceMs: number;
	/** Of whoever works on it. */
	readonly signal: AbortSignal | undefined;
}

/** Those who wait for a place of a lane, first come first. */
export class WaitingLine {
	#waiting: Waiting[] = [];

	get length(): number {
		return this.#waiting.length;
	}

	add(waiting: Waiting): void {
		this.#waiting.push(waiting);
	}

	takeNext(): Waiting | undefined {
		return this.#waiting.shift();
	}

	/** Up to so many of those who came last, in their order. */
	takeLast(count: number): readonly Waiting[] {
		return this.#waiting.splice(Math.max(0, this.#waiting.length - count));
	}

	/** Those who have waited since before then. */
	takeFrom(beforeMs: number): readonly Waiting[] {
		const [first] = this.#waiting;
		return first === undefined || first.sinceMs >= beforeMs ? [] : this.#take(({sinceMs}) => sinceMs < beforeMs);
	}

	/** Those whom this signal is for. */
	takeOf(ended: AbortSignal): readonly Waiting[] {
		return this.#take(({signal}) => signal === ended);
	}

	#take(isTaken: (waiting: Waiting) => boolean): readonly Waiting[] {
		const all = this.#waiting;
		this.#waiting = all.filter((waiting) => !isTaken(waiting));
		return all.filter(isTaken);
	}
}
