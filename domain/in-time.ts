import type {Clock} from './ports/clock.ts';

/**
 * What `work` comes to, unless it takes too long. Work that is late goes on alone, and what becomes of it is nobody's.
 * @param late what is thrown then
 */
export async function inTime<T>(clock: Clock, timeoutMs: number, work: Promise<T>, late: () => Error): Promise<T> {
	const {promise, reject} = Promise.withResolvers<never>();
	using _timer = clock.after(timeoutMs, () => {
		reject(late());
	});
	return await Promise.race([work, promise]);
}
