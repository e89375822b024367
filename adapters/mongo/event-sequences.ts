import type {Model} from 'mongoose';
import type {EventDocument, EventSequenceDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** About 15 MB at most. */
const MAX_USERS = 100_000;

/**
 * What is remembered longer than this is read again, in milliseconds: far less than events are kept, so that no process goes on from
 * memory where another one started after the user's last event had expired.
 */
const MAX_AGE_MS = 3_600_000;

/** One extra write for so many events of a user. */
const RESERVATION = 1000;

interface Sequence {
	readonly lastSeq: number;
	readonly reserved: number;
	/** When it was last true, on the monotonic clock. */
	readonly seenAtMs: number;
}

/**
 * The last `seq` of each user: in memory while this process appends, else what the user's newest event says. When all events of a user
 * have expired, the reservation that outlives them says from where to go on. A reservation is written only after the events that
 * it covers: one without events therefore means that they expired, not that they are still to come.
 */
export class EventSequences {
	readonly #events: Model<EventDocument>;
	readonly #reservations: Model<EventSequenceDocument>;
	readonly #known = new Map<string, Sequence>();

	constructor({database}: {database: MongoDatabase}) {
		this.#events = database.models.events;
		this.#reservations = database.models.eventSequences;
	}

	/** The last `seq` of each of these users. No round trip when all were seen lately. */
	async last(userIds: ReadonlySet<string>): Promise<Map<string, number>> {
		const oldestMs = performance.now() - MAX_AGE_MS;
		const last = new Map<string, number>();
		const unknown: string[] = [];
		for (const userId of userIds) {
			const known = this.#known.get(userId);
			if (known !== undefined && known.seenAtMs > oldestMs) {
				last.set(userId, known.lastSeq);
			} else {
				unknown.push(userId);
			}
		}
		for (const [userId, sequence] of await this.#read(unknown)) {
			this.#remember(userId, sequence);
			last.set(userId, sequence.lastSeq);
		}
		return last;
	}

	/** As `last`, of one user and always from the store. */
	async read(userId: string): Promise<number> {
		return (await this.#read([userId])).get(userId)?.lastSeq ?? 0;
	}

	/** Notes what was just inserted, and reserves where that is due. */
	async advance(last: ReadonlyMap<string, number>): Promise<void> {
		const seenAtMs = performance.now();
		const uncovered: [string, number][] = [];
		for (const [userId, lastSeq] of last) {
			const reserved = this.#known.get(userId)?.reserved ?? 0;
			this.#remember(userId, {lastSeq, reserved, seenAtMs});
			if (lastSeq > reserved) {
				uncovered.push([userId, lastSeq]);
			}
		}
		await this.#reserve(uncovered);
	}

	/** To be called when others may have appended. */
	forget(userIds: Iterable<string>): void {
		for (const userId of userIds) {
			this.#known.delete(userId);
		}
	}

	#remember(userId: string, sequence: Sequence): void {
		if (this.#known.size >= MAX_USERS) {
			this.#known.clear();
		}
		this.#known.set(userId, sequence);
	}

	/** Reservations first: see above. */
	async #read(userIds: readonly string[]): Promise<Map<string, Sequence>> {
		const sequences = new Map<string, Sequence>();
		if (userIds.length === 0) {
			return sequences;
		}
		const query = this.#reservations.find({_id: {$in: userIds}});
		const reservations = await withinDeadline(query.lean<EventSequenceDocument[]>());
		const reservedBy = new Map(reservations.map(({_id, reserved}) => [_id, reserved]));
		const newest = await withinDeadline(Promise.all(userIds.map((userId) => this.#newestSeq(userId))));
		for (const [index, userId] of userIds.entries()) {
			const reserved = reservedBy.get(userId) ?? 0;
			sequences.set(userId, {lastSeq: newest[index] ?? reserved, reserved, seenAtMs: performance.now()});
		}
		return sequences;
	}

	async #newestSeq(userId: string): Promise<number | undefined> {
		const query = this.#events.findOne({userId}, {seq: 1}).sort({seq: -1});
		return (await query.lean<Pick<EventDocument, 'seq'> | null>())?.seq;
	}

	async #reserve(last: readonly (readonly [string, number])[]): Promise<void> {
		if (last.length === 0) {
			return;
		}
		const reservations = last.map(([userId, lastSeq]) => ({_id: userId, reserved: lastSeq + RESERVATION}));
		await withinDeadline(
			this.#reservations.bulkWrite(
				reservations.map(({_id, reserved}) => ({
					updateOne: {filter: {_id}, update: {$max: {reserved}}, upsert: true},
				})),
				{ordered: false},
			),
		);
		for (const {_id, reserved} of reservations) {
			const known = this.#known.get(_id);
			if (known !== undefined) this.#known.set(_id, {...known, reserved});
		}
	}
}
