import type {Model, QueryFilter} from 'mongoose';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {
	ArrivalPosition,
	ArrivalRange,
	EventFilter,
	EventMark,
	EventStore,
	LoggedEvent,
	NewLoggedEvent,
} from '../../domain/ports/event-store.ts';
import {toDocument, type EventDocument} from './documents.ts';
import {EventSequences} from './event-sequences.ts';
import {KeyedOrder} from './keyed-order.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {packText, unpackText} from './packed-text.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Each round but the last met somebody else's append to the same user: this many mean that something is wrong. */
const MAX_ROUNDS = 1000;

/**
 * The event log in MongoDB. `seq` is counted in memory and guarded by the unique index (userId, seq): a batch is one ordered insert, which stops
 * at the first event whose place is taken, so that there are no holes and a user's events become visible in order.
 */
export class MongoEventStore implements EventStore {
	readonly #events: Model<EventDocument>;
	readonly #sequences: EventSequences;
	readonly #order = new KeyedOrder();
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#events = database.models.events;
		this.#sequences = new EventSequences({database});
		this.#retentionMs = retentionMs;
	}

	/** Calls that share a user run in the order in which they were made. */
	append(events: readonly NewLoggedEvent[]): Promise<void> {
		return this.#order.run(usersOf(events), async () => {
			let rest: readonly NewLoggedEvent[] = firstOfEachId(events);
			for (let round = 0; rest.length > 0; round++) {
				if (round === MAX_ROUNDS) {
					throw new StoreUnavailableError(`others appended to the same users ${MAX_ROUNDS} times in between`);
				}
				rest = await this.#insert(rest);
			}
		});
	}

	async find(id: string): Promise<LoggedEvent | undefined> {
		return (await this.findMany([id]))[0];
	}

	async findMany(ids: readonly string[]): Promise<readonly LoggedEvent[]> {
		const documents = await withinDeadline(this.#events.find({_id: {$in: ids}}).lean<EventDocument[]>());
		return documents.map(toEvent);
	}

	async listAfter(
		userId: string,
		afterSeq: number,
		limit: number,
		filter: EventFilter = {},
	): Promise<readonly LoggedEvent[]> {
		const query = this.#events.find({userId, seq: {$gt: afterSeq}, ...toConditions(filter)}).sort({seq: 1});
		const documents = await withinDeadline(query.limit(limit).lean<EventDocument[]>());
		return documents.map(toEvent);
	}

	listMarks(userId: string, afterSeq: number, limit: number, names: readonly string[]): Promise<readonly EventMark[]> {
		return this.#listMarks({userId, seq: {$gt: afterSeq}, event: {$in: names}}, {seq: 1}, limit);
	}

	listReceived(
		userId: string,
		{from, to}: ArrivalRange,
		limit: number,
		after?: ArrivalPosition,
	): Promise<readonly EventMark[]> {
		const receivedAtMs = {$gte: after?.receivedAtMs ?? from.getTime(), $lt: to.getTime()};
		const behind = after && {$or: [{receivedAtMs: {$gt: after.receivedAtMs}}, {seq: {$gt: after.seq}}]};
		return this.#listMarks({userId, receivedAtMs, ...behind}, {receivedAtMs: 1, seq: 1}, limit);
	}

	async listNewest(userId: string, limit: number, filter: EventFilter = {}): Promise<readonly LoggedEvent[]> {
		const query = this.#events.find({userId, ...toConditions(filter)}).sort({seq: -1});
		const documents = await withinDeadline(query.limit(limit).lean<EventDocument[]>());
		return documents.map(toEvent).toReversed();
	}

	lastSeq(userId: string): Promise<number> {
		return this.#sequences.read(userId);
	}

	async #listMarks(
		filter: QueryFilter<EventDocument>,
		order: Readonly<Record<string, 1>>,
		limit: number,
	): Promise<readonly EventMark[]> {
		const query = this.#events.find(filter, {body: 0, expiresAt: 0}).sort(order).limit(limit);
		const documents = await withinDeadline(query.lean<Omit<EventDocument, 'body' | 'expiresAt'>[]>());
		return documents.map(({_id, ...mark}) => ({id: _id, ...mark}));
	}

	/** Inserts in order up to the first event that is there already or whose `seq` is taken. Resolves to what is not there yet. */
	async #insert(events: readonly NewLoggedEvent[]): Promise<readonly NewLoggedEvent[]> {
		const last = await this.#sequences.last(usersOf(events));
		try {
			const documents = events.map((event) => this.#toDocument(event, last));
			await withinDeadline(this.#events.insertMany(documents, {ordered: true, lean: true}));
		} catch (error) {
			this.#sequences.forget(last.keys());
			if (!isDuplicateKey(error)) throw error;
			return this.#missing(events);
		}
		await this.#sequences.advance(last);
		return [];
	}

	/** Takes the user's next `seq`. */
	#toDocument(event: NewLoggedEvent, last: Map<string, number>): EventDocument {
		const seq = (last.get(event.userId) ?? 0) + 1;
		last.set(event.userId, seq);
		const expiresAt = new Date(event.receivedAtMs + this.#retentionMs);
		return {...toDocument({...event, seq}), body: packText(event.body), expiresAt};
	}

	async #missing(events: readonly NewLoggedEvent[]): Promise<readonly NewLoggedEvent[]> {
		const query = this.#events.find({_id: {$in: events.map(({id}) => id)}}, {_id: 1});
		const logged = await withinDeadline(query.lean<Pick<EventDocument, '_id'>[]>());
		const ids = new Set(logged.map(({_id}) => _id));
		return events.filter(({id}) => !ids.has(id));
	}
}

function usersOf(events: readonly NewLoggedEvent[]): ReadonlySet<string> {
	return new Set(events.map(({userId}) => userId));
}

function toConditions({connectionIds, event}: EventFilter): QueryFilter<EventDocument> {
	return {
		...(connectionIds !== undefined && {connectionId: {$in: connectionIds}}),
		...(event !== undefined && {event}),
	};
}

function firstOfEachId(events: readonly NewLoggedEvent[]): readonly NewLoggedEvent[] {
	const seen = new Set<string>();
	return events.filter(({id}) => !seen.has(id) && seen.add(id));
}

function toEvent({_id, body, expiresAt: _, ...event}: EventDocument): LoggedEvent {
	return {id: _id, ...event, body: unpackText(body)};
}
