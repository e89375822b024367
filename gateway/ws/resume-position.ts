import {ulidTimeMs} from '../../domain/hashing.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {EventLog} from './event-log.ts';
import type {GapReason} from './gap-frame.ts';
import {parsePosition} from './stream-position.ts';

const EVENT_ID = /^evt_([0-9A-HJKMNP-TV-Z]{26})$/;

/** The live stream may be ahead of the log: an event that a client had just now gets this long to show up, 20 s in all. */
const RETRY_DELAYS_MS = [50, 100, 200, 400, 800, 1450, 2000, 5000, 10_000];

/** An event that is older than this is in the log, or not any more. */
const MAX_LOG_LAG_MS = 60 * 60_000;

/**
 * Live frames overtake each other, so that a client may have an event live and lack one that the log has before it: that one went out,
 * or was lost and told, while nobody was there. By how much, in times of receipt: a minute in the queue (what is older is dropped from it,
 * and told), 30 s in the hands of a dispatcher (the broker takes them back from one that is dead; one that cannot hand them over gives
 * them back within 10 s), 10 s until the broker has what was received, by clocks that differ.
 */
const OVERTAKING_MS = 100_000;

/** Where the log goes on for a client. */
export interface ResumePosition {
	/** Everything after this is sent. */
	readonly seq: number;
	/** Set when the client named an event: it has that one, and most of what comes before it in the log. */
	readonly known?: LoggedEvent;
	/** Set when more is missing than the log can give back. */
	readonly gap?: {
		readonly reason: GapReason;
		/** The first event that it still has; absent = none. */
		readonly next?: LoggedEvent;
	};
}

interface Question {
	readonly eventLog: EventLog;
	readonly clock: Clock;
	readonly userId: string;
	/** The last event that a client has, a place in the log, or empty: from now on. */
	readonly since: string;
}

/**
 * The place in the log from which a client is sent everything. What is older than the log goes back leads to the log's beginning, what
 * cannot be in it to its end.
 * @throws {StoreUnavailableError}
 */
export async function findResumePosition(question: Question): Promise<ResumePosition> {
	const {eventLog, userId, since} = question;
	if (since === '') {
		return {seq: await eventLog.lastPosition(userId)};
	}
	const position = parsePosition(since);
	return position === undefined ? findEvent(question) : findPlace(question, position);
}

async function findEvent(question: Question): Promise<ResumePosition> {
	const {eventLog, clock, userId, since} = question;
	const ulid = EVENT_ID.exec(since)?.[1];
	const timeMs = ulid === undefined ? Infinity : ulidTimeMs(ulid);
	const event = ulid === undefined ? undefined : await findSoon(question, timeMs);
	if (event !== undefined) {
		return {seq: await eventLog.positionBefore(event, OVERTAKING_MS), known: event};
	}
	// Read before, or what is logged meanwhile would be passed by.
	const end = await eventLog.lastPosition(userId);
	const [oldest] = await eventLog.listAfter(userId, 0, 1);
	const beginMs = oldest?.timestampMs ?? (end > 0 ? clock.now() - MAX_LOG_LAG_MS : 0);
	return timeMs < beginMs ? behind(end, oldest) : {seq: end, gap: {reason: 'unknown'}};
}

async function findPlace({eventLog, userId}: Question, position: number): Promise<ResumePosition> {
	const end = await eventLog.lastPosition(userId);
	if (position > end) {
		return {seq: end, gap: {reason: 'unknown'}};
	}
	const [next] = await eventLog.listAfter(userId, position, 1);
	const isComplete = next === undefined ? position === end : next.seq === position + 1;
	return isComplete ? {seq: position} : behind(end, next);
}

/** @param oldest what the log begins with; undefined when it is empty */
function behind(end: number, oldest: LoggedEvent | undefined): ResumePosition {
	return oldest === undefined
		? {seq: end, gap: {reason: 'expired'}}
		: {seq: oldest.seq - 1, gap: {reason: 'expired', next: oldest}};
}

async function findSoon({eventLog, clock, userId, since}: Question, timeMs: number): Promise<LoggedEvent | undefined> {
	let event = await eventLog.find(userId, since);
	for (const delayMs of timeMs < clock.now() - MAX_LOG_LAG_MS ? [] : RETRY_DELAYS_MS) {
		if (event !== undefined) {
			break;
		}
		await pause(clock, delayMs);
		event = await eventLog.find(userId, since);
	}
	return event;
}
