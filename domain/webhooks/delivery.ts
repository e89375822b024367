import {digest, hashedUlid} from '../hashing.ts';

/** A delivery's states. The last three are final (until a replay starts a new run). */
export type DeliveryState = 'queued' | 'parked' | 'waiting' | 'skipped' | 'dead' | 'delivered';

/**
 * Why an attempt failed. `status` = the receiver answered, but not with 2xx; `reset` = it ended the exchange, or what came is not HTTP;
 * `blocked` = the address is not allowed; `other` = on our side, such as a process that ends or has no more files to open.
 */
export type AttemptErrorClass = 'dns' | 'connect' | 'tls' | 'timeout' | 'reset' | 'status' | 'blocked' | 'other';

/** What one HTTP try gave. */
export interface AttemptResult {
	readonly status: number | null;
	readonly durationMs: number;
	readonly errorClass: AttemptErrorClass | null;
	/** A line for people: what went wrong. */
	readonly error: string | null;
	/** The first 4 KB of the answer, as text. */
	readonly answer: string | null;
}

/** A step in a delivery's life, as the dispatcher reports it. May arrive twice and in any order. */
export interface Outcome {
	readonly deliveryId: string;
	readonly eventId: string;
	readonly event: string;
	readonly webhookId: string;
	readonly userId: string;
	readonly connectionId: string | null;
	/** Grows with each replay; 1 for the first life. */
	readonly run: number;
	/** Attempts made in this run so far; 0 = none yet. */
	readonly attempt: number;
	readonly state: DeliveryState;
	/** When this step happened, milliseconds since the epoch. */
	readonly atMs: number;
	/** When the delivery was first due, milliseconds since the epoch. */
	readonly firstAtMs: number;
	/** Present when this step was an attempt. */
	readonly result?: AttemptResult;
	/** Present while waiting or parked, and when queued by a replay. */
	readonly nextAttemptAtMs?: number;
	/** Why it was skipped or died. */
	readonly reason?: string;
}

/** One event for one webhook, as it stands. */
export interface Delivery {
	readonly id: string;
	readonly eventId: string;
	readonly event: string;
	readonly webhookId: string;
	readonly userId: string;
	readonly connectionId: string | null;
	readonly run: number;
	readonly attempts: number;
	readonly state: DeliveryState;
	readonly createdAt: Date;
	readonly updatedAt: Date;
	readonly deliveredAt: Date | null;
	readonly nextAttemptAt: Date | null;
	readonly lastStatus: number | null;
	readonly lastError: string | null;
	readonly reason: string | null;
}

/** Parking comes after what the attempt before it left: a delivery that waited, came due and was parked is parked. */
const RANK = {queued: 0, waiting: 2, parked: 3, skipped: 7, dead: 8, delivered: 9} as const satisfies Record<
	DeliveryState,
	number
>;

/** The states in which nothing more happens by itself. */
export const FINAL_STATES = ['skipped', 'dead', 'delivered'] as const satisfies readonly DeliveryState[];

/** True when nothing more happens to the delivery by itself. */
export function isFinal(state: DeliveryState): boolean {
	return FINAL_STATES.some((final) => final === state);
}

/** The id of a delivery: the same event for the same webhook always gets the same one. Sorts by the event's time. */
export function deliveryId(eventId: string, webhookId: string): string {
	const ulid = eventId.slice('evt_'.length);
	return `dlv_${ulid.slice(0, 10)}${hashedUlid(0, digest(eventId, webhookId)).slice(10)}`;
}

/**
 * Orders a delivery's steps: run · 10⁶ + attempt · 10 + rank of the state. A row only ever moves up, so that outcomes may
 * come twice and in any order. Of two steps with the same progress (parked again, swept up) the one that is due later is the further.
 */
export function progressOf(step: {run: number; attempt: number; state: DeliveryState}): number {
	return step.run * 1_000_000 + step.attempt * 10 + RANK[step.state];
}

/** True when a row that stands at `before` moves to `after`. */
export function isFurther(after: Outcome, before: Outcome): boolean {
	const ahead = progressOf(after) - progressOf(before);
	return ahead === 0 ? (after.nextAttemptAtMs ?? 0) > (before.nextAttemptAtMs ?? 0) : ahead > 0;
}

/** Orders attempts over all runs; 0 for a step that was none. What the last attempt gave stays in the row while later steps are none. */
export function triedOf({run, attempt, result}: Outcome): number {
	return result === undefined ? 0 : run * 1_000_000 + attempt;
}

/**
 * True when a delivery went past the message that carries its next attempt: somebody handled the message before, or another one with
 * the same attempt is due later. Nothing is to be done then.
 * @param message its run, the attempts made before it, and when it is due (0 for the event itself)
 */
export function isOvertaken(
	message: {readonly run: number; readonly attempt: number; readonly dueAtMs: number},
	{run, attempts, state, nextAttemptAt}: Delivery,
): boolean {
	if (run !== message.run) return run > message.run;
	if (attempts !== message.attempt) return attempts > message.attempt;
	return isFinal(state) || (nextAttemptAt?.getTime() ?? 0) > message.dueAtMs;
}

/** What every further step of a delivery repeats of it. */
export function stepOf({
	id: deliveryId,
	eventId,
	event,
	webhookId,
	userId,
	connectionId,
}: Delivery): Pick<Outcome, 'deliveryId' | 'eventId' | 'event' | 'webhookId' | 'userId' | 'connectionId'> {
	return {deliveryId, eventId, event, webhookId, userId, connectionId};
}

/**
 * When a run begins that is asked for now, milliseconds since the epoch. A delivery's row says it (`nextAttemptAt`), and so whose run it is:
 * of a retry and a replay in the same millisecond one is even, the other odd.
 */
export function runStartMs(by: 'retry' | 'replay', nowMs: number): number {
	const evenMs = nowMs - (nowMs % 2);
	return by === 'retry' ? evenMs : evenMs - 1;
}

/** The first step of a run that somebody asked for: due at once. */
export function queuedRun(of: ReturnType<typeof stepOf>, run: number, atMs: number): Outcome {
	return {
		...of,
		run,
		attempt: 0,
		state: 'queued',
		atMs,
		firstAtMs: atMs,
		nextAttemptAtMs: atMs,
	};
}

/** The key of one attempt, unique over runs and repeats. */
export function attemptId(outcome: Outcome): string {
	return `${outcome.deliveryId}:${outcome.run}:${outcome.attempt}`;
}

/** A delivery's row as its first or a later step leaves it. */
export function deliveryAfter(outcome: Outcome): Omit<Delivery, 'createdAt'> {
	return {
		id: outcome.deliveryId,
		eventId: outcome.eventId,
		event: outcome.event,
		webhookId: outcome.webhookId,
		userId: outcome.userId,
		connectionId: outcome.connectionId,
		run: outcome.run,
		attempts: outcome.attempt,
		state: outcome.state,
		updatedAt: new Date(outcome.atMs),
		deliveredAt: outcome.state === 'delivered' ? new Date(outcome.atMs) : null,
		nextAttemptAt: outcome.nextAttemptAtMs === undefined ? null : new Date(outcome.nextAttemptAtMs),
		lastStatus: outcome.result?.status ?? null,
		lastError: outcome.result?.error ?? null,
		reason: outcome.reason ?? null,
	};
}
