import type {Clock} from './ports/clock.ts';

/** Resolves after so long, or as soon as `signal` is aborted. */
export async function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
	if (signal?.aborted === true) return;
	const {promise, resolve} = Promise.withResolvers<undefined>();
	const end = (): void => {
		resolve(undefined);
	};
	using _timer = clock.after(delayMs, end);
	signal?.addEventListener('abort', end);
	await promise;
	signal?.removeEventListener('abort', end);
}
