import {EngineError} from '../errors.ts';
import {inTime} from '../in-time.ts';
import type {Clock} from '../ports/clock.ts';

/** For how long a route waits for an engine that it reads from; clients give up at 30 s. */
export const READ_WAIT_MS = 20_000;

/**
 * What an engine answers, unless it takes too long: it may need several calls, each with a time-out of its own.
 * @throws {EngineError} ENGINE_TIMEOUT
 */
export function answerWithin<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
	return inTime(
		clock,
		timeoutMs,
		work,
		() => new EngineError('ENGINE_TIMEOUT', 'WhatsApp’s side did not answer in time: try again in a few seconds'),
	);
}
