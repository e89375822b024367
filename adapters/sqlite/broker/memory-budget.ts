/** Bounds the bytes that waiting messages may keep in memory, over all queues. */
export class MemoryBudget {
	#leftBytes: number;

	constructor({bytes}: {bytes: number}) {
		this.#leftBytes = bytes;
	}

	/** True when there is room; it is taken then, until it is given back. */
	take(bytes: number): boolean {
		if (bytes > this.#leftBytes) {
			return false;
		}
		this.#leftBytes -= bytes;
		return true;
	}

	give(bytes: number): void {
		this.#leftBytes += bytes;
	}
}
