/**
 * How an arrival ended: the endpoint answered 2xx (`accepted`) or refused on purpose (`refused`), went away itself (`dropped`), or the
 * sender was gone before the answer (`abandoned`).
 */
export type ArrivalEnd = 'accepted' | 'refused' | 'dropped' | 'abandoned';

/** One request at an endpoint. Times are milliseconds of one monotonic clock. */
export interface Arrival {
	/** Which webhook: kind and tenant, as in `plain/0`. */
	readonly webhook: string;
	/** The number of its event. */
	readonly n: number;
	readonly eventId: string;
	readonly deliveryId: string;
	readonly attempt: number;
	readonly isSigned: boolean;
	readonly atMs: number;
	/** Undefined while it is being answered. */
	end: ArrivalEnd | undefined;
	endedAtMs: number | undefined;
}

/** One event as the engine posted it. */
export interface Post {
	readonly n: number;
	/** Whose event it is. */
	readonly tenant: number;
	/** The chat that it is about, one of the tenant's. */
	readonly chat: string;
	readonly postedAtMs: number;
	/** When ingestion answered 2xx; undefined = not yet, or never. */
	acceptedAtMs: number | undefined;
}

/** One fault that was made. */
export interface Fault {
	readonly name: string;
	/** Whether a delivery may arrive once more because of it. */
	readonly repeats: boolean;
	readonly fromMs: number;
	/** When what was taken away was given back; a killed process takes away nothing but what it had in hand: `fromMs`. */
	toMs: number;
	/** A killed process: what it did while it lived. */
	readonly ended?: {readonly acceptsEvents: boolean; readonly makesAttempts: boolean};
	/** A killed process: until it answered again. */
	restartMs?: number;
}

/** Everything that a run saw. */
export interface Ledger {
	readonly posts: readonly Post[];
	readonly arrivals: readonly Arrival[];
	readonly faults: readonly Fault[];
}
