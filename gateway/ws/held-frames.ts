import type {EventFrame} from './event-frame.ts';

/** Live frames that wait for the log to be read. In the order in which they came, each once. */
export class HeldFrames {
	readonly #frames = new Map<string, EventFrame>();
	readonly #maxBytes: number;
	#bytes = 0;
	#overflows = 0;

	constructor({maxBytes}: {maxBytes: number}) {
		this.#maxBytes = maxBytes;
	}

	/** How often they were too many for memory. */
	get overflows(): number {
		return this.#overflows;
	}

	/** As they are while one looks: some may be taken, and more may come. */
	[Symbol.iterator](): Iterator<EventFrame> {
		return this.#frames.values();
	}

	/** False when that was too much for memory: then all of them are given up. */
	add(frame: EventFrame): boolean {
		if (this.#frames.has(frame.eventId)) {
			return true;
		}
		this.#frames.set(frame.eventId, frame);
		this.#bytes += frame.body.length;
		if (this.#bytes <= this.#maxBytes) {
			return true;
		}
		this.clear();
		this.#overflows++;
		return false;
	}

	take(eventId: string): EventFrame | undefined {
		const frame = this.#frames.get(eventId);
		if (frame !== undefined) {
			this.#frames.delete(eventId);
			this.#bytes -= frame.body.length;
		}
		return frame;
	}

	clear(): void {
		this.#frames.clear();
		this.#bytes = 0;
	}
}
