import type {Clock} from '../../domain/ports/clock.ts';

/** The machine's own time. Its timers never keep the process alive. */
export class SystemClock implements Clock {
	now(): number {
		return Date.now();
	}

	after(delayMs: number, callback: () => void): Disposable {
		const timer = setTimeout(callback, delayMs);
		timer.unref();
		return {
			[Symbol.dispose]: () => {
				clearTimeout(timer);
			},
		};
	}
}
