import {ulidTimeMs} from '../../domain/hashing.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {EventLog} from './event-log.ts';

const EVENT_ID = /^evt_([0-9A-HJKMNP-TV-Z]{26})$/;

/** The live stream may be ahead of the log: an event that a client had just now gets this long to show up, 5 s in all. */
const RETRY_DELAYS_MS = [50, 100, 200, 400, 800, 1450, 2000];

/** An event that is older than this is in the log, or not any more. */
const MAX_LOG_LAG_MS = 60 * 60_000;

/** Where the log goes on for a client. */
export interface ResumePosition {
	/** Everything after this is missing. */
	readonly seq: number;
	/** Set when more is missing than the log can give back: the first event that it still has. */
	readonly oldest?: LoggedEvent;
}

/**
 * The place in the log of the last event that a client has. An event that is older than the log goes back leads to the log's
 * beginning; undefined when there can be no such event.
 * @throws {StoreUnavailableError}
 */
export async function findResumePosition({
	eventLog,
	clock,
	userId,
	eventId,
}: {
	eventLog: EventLog;
	clock: Clock;
	userId: string;
	eventId: string;
}): Promise<ResumePosition | undefined> {
	const ulid = EVENT_ID.exec(eventId)?.[1];
	if (ulid === undefined) {
		return undefined;
	}
	const timeMs = ulidTimeMs(ulid);
	let seq = await eventLog.positionOf(userId, eventId);
	for (const delayMs of timeMs < clock.now() - MAX_LOG_LAG_MS ? [] : RETRY_DELAYS_MS) {
		if (seq !== undefined) {
			break;
		}
		await pause(clock, delayMs);
		seq = await eventLog.positionOf(userId, eventId);
	}
	if (seq !== undefined) {
		return {seq};
	}
	const [oldest] = await eventLog.listAfter(userId, 0, 1);
	return oldest !== undefined && timeMs < oldest.timestampMs ? {seq: oldest.seq - 1, oldest} : undefined;
}
