import {StoreUnavailableError} from '../../domain/errors.ts';
import type {
	ArrivalPosition,
	ArrivalRange,
	EventMark,
	EventStore,
	LoggedEvent,
	NewLoggedEvent,
} from '../../domain/ports/event-store.ts';

/** A log in memory whose reads can be made to fail or to take their time. */
export class ScriptedEventStore implements EventStore {
	/** Thrown by every read while it is set. */
	isAway = false;
	/** Called before and after each read, which waits for it. */
	delay: () => Promise<void> = () => Promise.resolve();
	/** How many reads were made. */
	reads = 0;
	#events: LoggedEvent[] = [];
	/** By user. */
	readonly #lastSeq = new Map<string, number>();

	/** Deletes what was received before that. */
	expire(beforeMs: number): void {
		this.#events = this.#events.filter(({receivedAtMs}) => receivedAtMs >= beforeMs);
	}

	append(events: readonly NewLoggedEvent[]): Promise<void> {
		for (const event of events) {
			if (!this.#events.some(({id}) => id === event.id)) {
				const seq = (this.#lastSeq.get(event.userId) ?? 0) + 1;
				this.#lastSeq.set(event.userId, seq);
				this.#events.push({...event, seq});
			}
		}
		return Promise.resolve();
	}

	find(id: string): Promise<LoggedEvent | undefined> {
		return this.#read(() => this.#events.find((event) => event.id === id));
	}

	findMany(ids: readonly string[]): Promise<readonly LoggedEvent[]> {
		return this.#read(() => this.#events.filter(({id}) => ids.includes(id)));
	}

	listAfter(userId: string, afterSeq: number, limit: number): Promise<readonly LoggedEvent[]> {
		return this.#read(() => this.#after(userId, afterSeq).slice(0, limit));
	}

	listMarks(userId: string, afterSeq: number, limit: number, names: readonly string[]): Promise<readonly EventMark[]> {
		return this.#read(() =>
			this.#after(userId, afterSeq)
				.filter(({event}) => names.includes(event))
				.slice(0, limit)
				.map(({body: _, ...mark}) => mark),
		);
	}

	listReceived(
		userId: string,
		{from, to}: ArrivalRange,
		limit: number,
		after: ArrivalPosition = {receivedAtMs: 0, seq: 0},
	): Promise<readonly EventMark[]> {
		return this.#read(() =>
			this.#after(userId, 0)
				.filter(({receivedAtMs}) => receivedAtMs >= from.getTime() && receivedAtMs < to.getTime())
				.toSorted((left, right) => left.receivedAtMs - right.receivedAtMs || left.seq - right.seq)
				.filter(({receivedAtMs, seq}) => (receivedAtMs - after.receivedAtMs || seq - after.seq) > 0)
				.slice(0, limit)
				.map(({body: _, ...mark}) => mark),
		);
	}

	listNewest(userId: string, limit: number): Promise<readonly LoggedEvent[]> {
		return this.#read(() => this.#after(userId, 0).slice(-limit));
	}

	lastSeq(userId: string): Promise<number> {
		return this.#read(() => this.#lastSeq.get(userId) ?? 0);
	}

	#after(userId: string, afterSeq: number): readonly LoggedEvent[] {
		return this.#events.filter((event) => event.userId === userId && event.seq > afterSeq);
	}

	async #read<T>(query: () => T): Promise<T> {
		this.reads++;
		await this.delay();
		if (this.isAway) {
			throw new StoreUnavailableError('away on purpose');
		}
		const result = query();
		await this.delay();
		return result;
	}
}
