/** The last event of each connection, so that a client is told of none that it may not know of. */
export class LastEvents {
	/** By connection (null = the user as a whole), latest last. */
	readonly #ids = new Map<string | null, string>();
	readonly #start: string | null;

	/** @param start an event that a client named itself; counts while there is none of its connections */
	constructor({start = null}: {start?: string | null} = {}) {
		this.#start = start;
	}

	note({eventId, connectionId}: {eventId: string; connectionId: string | null}): void {
		this.#ids.delete(connectionId);
		this.#ids.set(connectionId, eventId);
	}

	/** The last event of these connections; null before the first. */
	latest(concerns: (connectionId: string | null) => boolean = () => true): string | null {
		const connectionId = [...this.#ids.keys()].findLast(concerns);
		return connectionId === undefined ? this.#start : (this.#ids.get(connectionId) ?? null);
	}

	/** One that goes its own way from here. */
	copy(): LastEvents {
		const copy = new LastEvents({start: this.#start});
		for (const [connectionId, eventId] of this.#ids) copy.#ids.set(connectionId, eventId);
		return copy;
	}
}
