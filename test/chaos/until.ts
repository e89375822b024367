import {setTimeout as pause} from 'node:timers/promises';

/** Between two looks: looking takes its time, on the cores that the processes need. */
const LOOK_EVERY_MS = 50;

/**
 * Looks again until there is something, and returns it.
 * @throws {Error} there was nothing for `timeoutMs`; the reason of `signal` when it aborts first
 */
export async function until<T>(
	what: string,
	look: () => T | undefined | Promise<T | undefined>,
	{timeoutMs, signal}: {timeoutMs: number; signal: AbortSignal},
): Promise<T> {
	const deadlineMs = performance.now() + timeoutMs;
	for (;;) {
		const found = await look();
		if (found !== undefined) return found;
		if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
		await pause(LOOK_EVERY_MS, undefined, {signal});
	}
}
