import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventLog} from './event-log.ts';

const EVENT_ID = /^evt_[0-9A-HJKMNP-TV-Z]{26}$/;

/** The live stream may be ahead of the log: an event that a client had just now gets this long to show up, 5 s in all. */
const RETRY_DELAYS_MS = [50, 100, 200, 400, 800, 1450, 2000];

/**
 * The place in the log of the last event that a client has; undefined when there is no such event.
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
}): Promise<number | undefined> {
	if (!EVENT_ID.test(eventId)) {
		return undefined;
	}
	let position = await eventLog.positionOf(userId, eventId);
	for (const delayMs of RETRY_DELAYS_MS) {
		if (position !== undefined) {
			break;
		}
		await pause(clock, delayMs);
		position = await eventLog.positionOf(userId, eventId);
	}
	return position;
}
