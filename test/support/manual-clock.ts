import type {Clock} from '../../domain/ports/clock.ts';

interface Timer {
	readonly at: number;
	readonly callback: () => void;
}

/** A clock that stands still until a test winds it. */
export class ManualClock implements Clock {
	#now: number;
	readonly #timers = new Set<Timer>();

	constructor(now = Date.UTC(2026, 0, 1)) {
		this.#now = now;
	}

	/** How many timers are running. */
	get timers(): number {
		return this.#timers.size;
	}

	now(): number {
		return this.#now;
	}

	after(delayMs: number, callback: () => void): Disposable {
		const timer: Timer = {at: this.#now + delayMs, callback};
		this.#timers.add(timer);
		return {[Symbol.dispose]: () => this.#timers.delete(timer)};
	}

	/** Moves time on, calling back each timer at its moment; lets promises settle in between. */
	async advance(ms: number): Promise<void> {
		const end = this.#now + ms;
		for (;;) {
			const next = [...this.#timers].filter(({at}) => at <= end).sort((a, b) => a.at - b.at)[0];
			if (next === undefined) break;
			this.#timers.delete(next);
			this.#now = Math.max(this.#now, next.at);
			next.callback();
			await settle();
		}
		this.#now = end;
		await settle();
	}
}

async function settle(): Promise<void> {
	for (let round = 0; round < 5; round++) {
		await new Promise((resolve) => setImmediate(resolve));
	}
}
