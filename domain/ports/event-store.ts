/** An event on its way into the log. */
export interface NewLoggedEvent {
	readonly id: string;
	readonly event: string;
	readonly userId: string;
	readonly connectionId: string | null;
	/** The engine's event time, milliseconds since the epoch. */
	readonly timestampMs: number;
	readonly receivedAtMs: number;
	/** The envelope, exactly as sent everywhere else. */
	readonly body: string;
}

export interface LoggedEvent extends NewLoggedEvent {
	/** Grows by one with each event of a user; may leap once all of a user's events have expired, and never starts again. */
	readonly seq: number;
}

/** A place in the order of arrival, in which events of one millisecond follow their `seq`. */
export interface ArrivalPosition {
	readonly receivedAtMs: number;
	readonly seq: number;
}

/** Events that were received at `from` or later and before `to`. */
export interface ArrivalRange {
	readonly from: Date;
	readonly to: Date;
}

/** What happened when, without what it says. */
export type EventMark = Omit<LoggedEvent, 'body'>;

/** Which of a user's events; absent = all of them. */
export interface EventFilter {
	/** Only of these connections, and none of the user as a whole. */
	readonly connectionIds?: readonly string[];
	/** The event's name. */
	readonly event?: string;
}

/** The log of all events, in the order that cursors follow. */
export interface EventStore {
	/**
	 * Appends in order. An event that is there already stays as it is, so that a repeat is harmless. Each user's `seq` grows
	 * without holes and becomes visible in order, also when two processes append at once.
	 */
	append(events: readonly NewLoggedEvent[]): Promise<void>;
	find(id: string): Promise<LoggedEvent | undefined>;
	findMany(ids: readonly string[]): Promise<readonly LoggedEvent[]>;
	/** A user's events with `seq` greater than `afterSeq`, ascending. */
	listAfter(userId: string, afterSeq: number, limit: number, filter?: EventFilter): Promise<readonly LoggedEvent[]>;
	/** A user's events of these names with `seq` greater than `afterSeq`, ascending. */
	listMarks(userId: string, afterSeq: number, limit: number, names: readonly string[]): Promise<readonly EventMark[]>;
	/** A user's events of a range by when they were received, behind a place in it; ascending by (receivedAtMs, seq). */
	listReceived(
		userId: string,
		range: ArrivalRange,
		limit: number,
		after?: ArrivalPosition,
	): Promise<readonly EventMark[]>;
	/** A user's last events, ascending too. */
	listNewest(userId: string, limit: number, filter?: EventFilter): Promise<readonly LoggedEvent[]>;
	/** The user's highest `seq`, or where it will go on when all events have expired; 0 when there never was one. */
	lastSeq(userId: string): Promise<number>;
}
