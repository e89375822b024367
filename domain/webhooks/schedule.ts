import type {Webhook} from './webhook.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Delays before attempts 2 to 11: about 21 hours in all. */
export const DEFAULT_RETRY_SCHEDULE_MS: readonly number[] = [
	5 * SECOND,
	10 * SECOND,
	20 * SECOND,
	40 * SECOND,
	80 * SECOND,
	5 * MINUTE,
	30 * MINUTE,
	2 * HOUR,
	6 * HOUR,
	12 * HOUR,
];

/** The delays between a webhook's attempts, milliseconds. */
export function scheduleOf({retryScheduleMs}: Pick<Webhook, 'retryScheduleMs'>): readonly number[] {
	return retryScheduleMs ?? DEFAULT_RETRY_SCHEDULE_MS;
}

/** Jitter spreads the retries of many deliveries: up to this share of the delay is added. */
const JITTER = 0.1;

/** A receiver's Retry-After is honoured up to this. */
const RETRY_AFTER_CAP_MS = 12 * HOUR;

/** So long before a delivery expires it is attempted once more at the latest: it may be parked then for as long as can be (30 minutes). */
const LEFT_TO_ATTEMPT_MS = 30 * MINUTE;

/** An attempt that failed, and its delivery. */
export interface FailedTry {
	readonly schedule: readonly number[];
	/** Its number, 1 for the first. */
	readonly attempt: number;
	/** When the delivery was first due. */
	readonly firstAtMs: number;
	readonly nowMs: number;
	/** A number in [0, 1), for jitter. */
	readonly random: number;
}

/**
 * When the next attempt is made, milliseconds since the epoch: as scheduled, or later when the receiver asks for that. A wait that goes
 * beyond the delivery's time is cut; undefined when there is no place left in the schedule, or nothing of that time.
 * @param retryAfterMs what the receiver asked for; extends the wait, never shortens it
 */
export function nextAttemptAtMs(
	{schedule, attempt, firstAtMs, nowMs, random}: FailedTry,
	retryAfterMs = 0,
): number | undefined {
	const delayMs = schedule[attempt - 1];
	if (delayMs === undefined) {
		return undefined;
	}
	const scheduledMs = Math.round(nowMs + delayMs * (1 + JITTER * random));
	const expiryMs = Math.floor(expiresAtMs(schedule, firstAtMs));
	const latestMs = expiryMs - LEFT_TO_ATTEMPT_MS;
	if (scheduledMs > expiryMs) {
		return latestMs > nowMs ? latestMs : undefined;
	}
	const askedMs = nowMs + Math.min(retryAfterMs, RETRY_AFTER_CAP_MS);
	return Math.max(scheduledMs, Math.min(askedMs, latestMs));
}

/** When a delivery that first was due at `firstAtMs` stops being tried, milliseconds since the epoch; jitter and one grace hour included. */
export function expiresAtMs(schedule: readonly number[], firstAtMs: number): number {
	return firstAtMs + schedule.reduce((sum, delay) => sum + delay, 0) * (1 + JITTER) + HOUR;
}
