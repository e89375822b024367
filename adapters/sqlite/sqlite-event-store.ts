import type {
	ArrivalPosition,
	ArrivalRange,
	EventFilter,
	EventMark,
	EventStore,
	LoggedEvent,
	NewLoggedEvent,
} from '../../domain/ports/event-store.ts';
import type {SQLInputValue} from 'node:sqlite';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

interface EventHead {
	readonly userId: string;
	/** The highest `seq` ever given to one of the user's events; outlives the events. */
	readonly lastSeq: number;
}

const MARK_COLUMNS: Columns<EventMark> = {
	id: 'plain',
	userId: 'plain',
	seq: 'plain',
	event: 'plain',
	connectionId: 'plain',
	timestampMs: 'plain',
	receivedAtMs: 'plain',
};

/** The event log in the embedded store. Transactions run one after another, so that `seq` needs no more than counting. */
export class SqliteEventStore implements EventStore {
	readonly #events: SqliteTable<LoggedEvent>;
	readonly #marks: SqliteTable<EventMark>;
	readonly #heads: SqliteTable<EventHead>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#events = new SqliteTable<LoggedEvent>({
			database,
			name: 'events',
			columns: {...MARK_COLUMNS, body: 'plain'},
		});
		this.#marks = new SqliteTable<EventMark>({database, name: 'events', columns: MARK_COLUMNS});
		this.#heads = new SqliteTable<EventHead>({
			database,
			name: 'eventHeads',
			columns: {userId: 'plain', lastSeq: 'plain'},
		});
	}

	append(events: readonly NewLoggedEvent[]): Promise<void> {
		return this.#events.transact(() => {
			const heads = new Map<string, number>();
			for (const event of events) {
				const {userId} = event;
				const seq = (heads.get(userId) ?? this.#head(userId)) + 1;
				if (this.#events.insert({...event, seq}, 'ON CONFLICT (id) DO NOTHING')) {
					heads.set(userId, seq);
				}
			}
			for (const [userId, lastSeq] of heads) {
				this.#heads.insert({userId, lastSeq}, 'ON CONFLICT (userId) DO UPDATE SET lastSeq = excluded.lastSeq');
			}
		});
	}

	find(id: string): Promise<LoggedEvent | undefined> {
		return this.#events.find('WHERE id = ?', id);
	}

	findMany(ids: readonly string[]): Promise<readonly LoggedEvent[]> {
		return this.#events.list('WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
	}

	listAfter(
		userId: string,
		afterSeq: number,
		limit: number,
		filter: EventFilter = {},
	): Promise<readonly LoggedEvent[]> {
		const {sql, values} = toConditions(filter);
		const rest = `WHERE userId = ? AND seq > ? ${sql} ORDER BY seq LIMIT ?`;
		return this.#events.list(rest, userId, afterSeq, ...values, limit);
	}

	listMarks(userId: string, afterSeq: number, limit: number, names: readonly string[]): Promise<readonly EventMark[]> {
		const rest = 'WHERE userId = ? AND seq > ? AND event IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?';
		return this.#marks.list(rest, userId, afterSeq, JSON.stringify(names), limit);
	}

	listReceived(
		userId: string,
		{from, to}: ArrivalRange,
		limit: number,
		after?: ArrivalPosition,
	): Promise<readonly EventMark[]> {
		// `seq` begins at 1: nothing of the first millisecond is passed by.
		const {receivedAtMs, seq} = after ?? {receivedAtMs: from.getTime(), seq: 0};
		const rest = `WHERE userId = ? AND (receivedAtMs, seq) > (?, ?) AND receivedAtMs < ?
			ORDER BY receivedAtMs, seq LIMIT ?`;
		return this.#marks.list(rest, userId, receivedAtMs, seq, to.getTime(), limit);
	}

	async listNewest(userId: string, limit: number, filter: EventFilter = {}): Promise<readonly LoggedEvent[]> {
		const {sql, values} = toConditions(filter);
		const rest = `WHERE userId = ? ${sql} ORDER BY seq DESC LIMIT ?`;
		return (await this.#events.list(rest, userId, ...values, limit)).toReversed();
	}

	async lastSeq(userId: string): Promise<number> {
		return Promise.resolve(this.#head(userId));
	}

	#head(userId: string): number {
		return this.#heads.get('WHERE userId = ?', userId)?.lastSeq ?? 0;
	}
}

/** One connection, which is what is mostly asked for, has an index. */
function toConditions({connectionIds, event}: EventFilter): {sql: string; values: readonly SQLInputValue[]} {
	const [only, ...others] = connectionIds ?? [];
	const conditions: readonly (readonly [string, SQLInputValue])[] = [
		...(connectionIds === undefined
			? []
			: only !== undefined && others.length === 0
				? ([['AND connectionId = ?', only]] as const)
				: ([['AND connectionId IN (SELECT value FROM json_each(?))', JSON.stringify(connectionIds)]] as const)),
		...(event === undefined ? [] : ([['AND event = ?', event]] as const)),
	];
	return {sql: conditions.map(([sql]) => sql).join(' '), values: conditions.map(([, value]) => value)};
}
