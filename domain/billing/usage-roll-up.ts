import type {EventMark, EventStore} from '../ports/event-store.ts';
import type {UsageStore} from '../ports/usage-store.ts';
import {toConnectionStatus} from '../connections/connection.ts';
import {newUsage, withEvents, type ConnectionUsage, type UsageEvent} from './connection-usage.ts';

/** Every message is a `message.any`, and one that came is a `message` as well. */
const MESSAGE = 'message.any';
const RECEIVED = 'message';
const STATUS = 'session.status';
/** A session whose worker is away never says that it stopped. */
const SUSPENDED = 'billing.suspended';
const NAMES = [MESSAGE, RECEIVED, STATUS, SUSPENDED];

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
		const payloads = await this.#payloadsOf(marks);
		const counting = marks.flatMap((mark) => toUsageEvents(mark, payloads.get(mark.id)));
		const byConnection = Map.groupBy(counting, ({connectionId}) => connectionId);
		const known = await this.#usage.findMany([...byConnection.keys()]);
		const usages = new Map(known.map((usage) => [usage.id, usage]));
		for (const [connectionId, ofConnection] of byConnection) {
			const events = ofConnection.map(({event}) => event);
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

	/** By event, of those that only their bodies tell of. */
	async #payloadsOf(marks: readonly EventMark[]): Promise<ReadonlyMap<string, Payload>> {
		const ids = marks.filter(({event}) => event === STATUS || event === SUSPENDED).map(({id}) => id);
		const events = ids.length === 0 ? [] : await this.#events.findMany(ids);
		return new Map(events.map(({id, body}) => [id, (JSON.parse(body) as {payload?: Payload | null}).payload ?? {}]));
	}
}

interface Payload {
	/** Of a session. */
	readonly status?: unknown;
	/** Of what was suspended. */
	readonly connectionIds?: readonly string[];
}

interface CountedEvent {
	readonly connectionId: string;
	readonly event: UsageEvent;
}

/** What an event counts, for each connection that it is about. */
function toUsageEvents(mark: EventMark, payload: Payload = {}): readonly CountedEvent[] {
	const {event: name, connectionId, seq, timestampMs: atMs} = mark;
	// Of that name there can be events of a connection, too: whatever its engine makes up.
	if (name !== SUSPENDED) {
		return connectionId === null ? [] : [{connectionId, event: toUsageEvent(mark, payload)}];
	}
	const suspended = connectionId === null ? (payload.connectionIds ?? []) : [];
	return suspended.map((id) => ({connectionId: id, event: {kind: 'suspended', seq, atMs}}));
}

function toUsageEvent({event, seq, timestampMs: atMs}: EventMark, {status}: Payload): UsageEvent {
	switch (event) {
		case MESSAGE:
			return {kind: 'message', seq, atMs};
		case RECEIVED:
			return {kind: 'received', seq, atMs};
		default: {
			const isConnected = typeof status === 'string' && toConnectionStatus(status) === 'connected';
			return {kind: 'status', seq, atMs, isConnected};
		}
	}
}
