import type {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import type {EventStore, LoggedEvent} from '../../domain/ports/event-store.ts';
import {ConcurrencyLimit} from './concurrency-limit.ts';

/** Reads of this process at once. After a loss every room reads: 5,000 of them must not arrive together. */
const READS_AT_ONCE = 16;

/** One event may have been logged long after it was received, all of so many not. */
const MARKS_OF_A_MOMENT = 100;

/** What catching up reads of the log. */
export class EventLog {
	readonly #events: EventStore;
	readonly #deleted: Pick<DeletedConnections, 'deletedAt'>;
	readonly #reads = new ConcurrencyLimit(READS_AT_ONCE);

	constructor({events, deleted}: {events: EventStore; deleted: Pick<DeletedConnections, 'deletedAt'>}) {
		this.#events = events;
		this.#deleted = deleted;
	}

	/** Undefined when the log has none of this user's by that id (yet). @throws {StoreUnavailableError} */
	async find(userId: string, eventId: string): Promise<LoggedEvent | undefined> {
		const event = await this.#reads.run(() => this.#events.find(eventId));
		return event?.userId === userId ? event : undefined;
	}

	/** Just before the first event that was received in this time before this one or after it, and before itself. @throws {StoreUnavailableError} */
	async positionBefore({userId, seq, receivedAtMs}: LoggedEvent, marginMs: number): Promise<number> {
		const range = {from: new Date(receivedAtMs - marginMs), to: new Date(receivedAtMs + marginMs)};
		const marks = await this.#reads.run(() => this.#events.listReceived(userId, range, MARKS_OF_A_MOMENT));
		return Math.min(seq, ...marks.map((mark) => mark.seq)) - 1;
	}

	/** Just before the first of these events; undefined when the log has none of them (yet). @throws {StoreUnavailableError} */
	async positionBeforeAny(eventIds: readonly string[]): Promise<number | undefined> {
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

	/** Which of these events nobody gets live: they were received when their connection was deleted already. */
	async listSilent(events: readonly LoggedEvent[]): Promise<ReadonlySet<LoggedEvent>> {
		const connectionIds = [...new Set(events.flatMap(({connectionId}) => connectionId ?? []))];
		const deletions = await Promise.all(
			connectionIds.map(async (id) => [id, (await this.#deleted.deletedAt(id))?.getTime()] as const),
		);
		const deletedAtMs = new Map<string | null, number | undefined>(deletions);
		return new Set(
			events.filter(({connectionId, receivedAtMs}) => receivedAtMs >= (deletedAtMs.get(connectionId) ?? Infinity)),
		);
	}
}
