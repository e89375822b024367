import type {Clock} from './ports/clock.ts';

/** Resolves after so long. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
	return new Promise((resolve) => {
		clock.after(delayMs, resolve);
	});
}
