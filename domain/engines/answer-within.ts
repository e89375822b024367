import {EngineError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';

/** For how long a route waits for an engine that it reads from; clients give up at 30 s. */
export const READ_WAIT_MS = 20_000;

/**
 * What `work` resolves to, unless it takes too long: an engine may need several calls, each with a time-out of its own. Work that is
 * late goes on alone, and what becomes of it is nobody's.
 * @throws {EngineError} ENGINE_TIMEOUT
 */
export async function answerWithin<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
	const {promise, reject} = Promise.withResolvers<never>();
	using _timer = clock.after(timeoutMs, () => {
		reject(new EngineError('ENGINE_TIMEOUT', 'WhatsApp’s side did not answer in time: try again in a few seconds'));
	});
	return await Promise.race([work, promise]);
}
