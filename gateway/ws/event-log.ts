import type {EventStore, LoggedEvent} from '../../domain/ports/event-store.ts';
import {ConcurrencyLimit} from './concurrency-limit.ts';

/** Reads of this process at once. After a loss every room reads: 5,000 of them must not arrive together. */
const READS_AT_ONCE = 16;

/** What catching up reads of the log. */
export class EventLog {
	readonly #events: EventStore;
	readonly #reads = new ConcurrencyLimit(READS_AT_ONCE);

	constructor({events}: {events: EventStore}) {
		this.#events = events;
	}

	/** The `seq` of an event; undefined when the log has none of this user's by that id (yet). @throws {StoreUnavailableError} */
	async positionOf(userId: string, eventId: string): Promise<number | undefined> {
		const event = await this.#reads.run(() => this.#events.find(eventId));
		return event?.userId === userId ? event.seq : undefined;
	}

	/** Just before the first of these events; undefined when the log has none of them (yet). @throws {StoreUnavailableError} */
	async positionBefore(eventIds: readonly string[]): Promise<number | undefined> {
		const events = await this.#reads.run(() => this.#events.findMany(eventIds));
		return events.length === 0 ? undefined : Math.min(...events.map(({seq}) => seq)) - 1;
	}

	/** @throws {StoreUnavailableError} */
	async hasAll(eventIds: readonly string[]): Promise<boolean> {
		const events = await this.#reads.run(() => this.#events.findMany(eventIds));
		return events.length === eventIds.length;
	}

	/** The log's end as of now. @throws {StoreUnavailableError} */
	lastPosition(userId: string): Promise<number> {
		return this.#reads.run(() => this.#events.lastSeq(userId));
	}

	/** @throws {StoreUnavailableError} */
	listAfter(userId: string, position: number, limit: number): Promise<readonly LoggedEvent[]> {
		return this.#reads.run(() => this.#events.listAfter(userId, position, limit));
	}
}
