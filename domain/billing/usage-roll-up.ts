import type {EventMark, EventStore} from '../ports/event-store.ts';
import type {UsageStore} from '../ports/usage-store.ts';
import {toConnectionStatus} from '../connections/connection.ts';
import {newUsage, withEvents, type ConnectionUsage, type UsageEvent} from './connection-usage.ts';

/** Every message is a `message.any`, and one that came is a `message` as well. */
const MESSAGE = 'message.any';
const RECEIVED = 'message';
const STATUS = 'session.status';
const NAMES = [MESSAGE, RECEIVED, STATUS];

/** Events that are counted at once. */
const BATCH_EVENTS = 1000;

/**
 * Counts events of the log into usage, by connection and day. What was counted is known by its place in the log, connection by connection:
 * neither events that came twice nor a count that ended half-way or was made by two at once counts anything twice.
 */
export class UsageRollUp {
	readonly #usage: UsageStore;
	readonly #events: Pick<EventStore, 'lastSeq' | 'listMarks' | 'findMany'>;

	constructor({usage, events}: {usage: UsageStore; events: Pick<EventStore, 'lastSeq' | 'listMarks' | 'findMany'>}) {
		this.#usage = usage;
		this.#events = events;
	}

	/**
	 * Counts what came to a user's log since the last count.
	 * @param maxEvents the rest is left for the next time; rounded up to whole batches
	 */
	async countFor(userId: string, maxEvents: number): Promise<void> {
		let from = await this.#usage.countedTo(userId);
		// Before the look: everything up to here is visible, and what is not among what is found then does not count.
		const last = await this.#events.lastSeq(userId);
		for (let counted = 0; from < last && counted < maxEvents; counted += BATCH_EVENTS) {
			const marks = await this.#events.listMarks(userId, from, BATCH_EVENTS, NAMES);
			const seq = marks.length < BATCH_EVENTS ? Math.max(last, marks.at(-1)?.seq ?? 0) : (marks.at(-1)?.seq ?? last);
			await this.#count(userId, marks, seq);
			await this.#usage.setCountedTo(userId, seq);
			from = seq;
		}
	}

	async #count(userId: string, marks: readonly EventMark[], seq: number): Promise<void> {
		const byConnection = Map.groupBy(marks, ({connectionId}) => connectionId ?? '');
		byConnection.delete('');
		const statuses = await this.#statusesOf(marks);
		const known = await this.#usage.findMany([...byConnection.keys()]);
		const usages = new Map(known.map((usage) => [usage.id, usage]));
		for (const [connectionId, ofConnection] of byConnection) {
			const events = ofConnection.flatMap((mark) => toUsageEvent(mark, statuses));
			await this.#add(usages.get(connectionId) ?? newUsage(connectionId, userId), events, seq);
		}
	}

	/** Somebody else may count at the same time: what he counted is left out. */
	async #add(usage: ConnectionUsage, events: readonly UsageEvent[], seq: number): Promise<void> {
		let known: ConnectionUsage | undefined = usage;
		while (known !== undefined && known.seq < seq) {
			if (await this.#usage.save(withEvents(known, events, seq), known.seq)) return;
			[known] = await this.#usage.findMany([usage.id]);
		}
	}

	/** What sessions became, by event; only their bodies tell. */
	async #statusesOf(marks: readonly EventMark[]): Promise<ReadonlyMap<string, string>> {
		const ids = marks.filter(({event}) => event === STATUS).map(({id}) => id);
		const events = ids.length === 0 ? [] : await this.#events.findMany(ids);
		return new Map(events.map(({id, body}) => [id, statusIn(body)]));
	}
}

function toUsageEvent(
	{id, event, seq, timestampMs: atMs}: EventMark,
	statuses: ReadonlyMap<string, string>,
): UsageEvent[] {
	switch (event) {
		case MESSAGE:
			return [{kind: 'message', seq, atMs}];
		case RECEIVED:
			return [{kind: 'received', seq, atMs}];
		default: {
			const status = statuses.get(id) ?? '';
			return [{kind: 'status', seq, atMs, isConnected: toConnectionStatus(status) === 'connected'}];
		}
	}
}

function statusIn(body: string): string {
	const {payload} = JSON.parse(body) as {payload?: {status?: unknown} | null};
	return typeof payload?.status === 'string' ? payload.status : '';
}
