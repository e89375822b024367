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

/**
 * How long to wait after attempt number `attempt` failed; undefined when the schedule is used up.
 * @param random a number in [0, 1)
 * @param retryAfterMs what the receiver asked for; extends the delay, never shortens it
 */
export function retryDelayMs(
	schedule: readonly number[],
	attempt: number,
	random: number,
	retryAfterMs?: number,
): number | undefined {
	const base = schedule[attempt - 1];
	if (base === undefined) {
		return undefined;
	}
	return Math.round(Math.max(base * (1 + JITTER * random), Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS)));
}

/** When a delivery that first was due at `firstAtMs` stops being tried, milliseconds since the epoch; jitter and one grace hour included. */
export function expiresAtMs(schedule: readonly number[], firstAtMs: number): number {
	return firstAtMs + schedule.reduce((sum, delay) => sum + delay, 0) * (1 + JITTER) + HOUR;
}
