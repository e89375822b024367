import type {Clock} from '../domain/ports/clock.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';

const PROBE_DELAYS_MS = [500, 1000, 2000, 5000, 10_000];
const PROBE_TIMEOUT_MS = 3000;

export type OutageEnd = 'over' | 'patience-exhausted';

/** One dependency being away: probes it with back-off until it answers. All messages in hand wait for the same outage. */
export class Outage {
	readonly #check: HealthCheck;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #over: Promise<void>;
	#stopped = false;

	constructor({check, clock, log}: {check: HealthCheck; clock: Clock; log: Logger}) {
		this.#check = check;
		this.#clock = clock;
		this.#log = log;
		this.#over = this.#probe();
	}

	/** Resolves when the dependency is back, or after `patienceMs`, whichever comes first. */
	wait(patienceMs: number): Promise<OutageEnd> {
		return new Promise((resolve) => {
			const timer = this.#clock.after(patienceMs, () => {
				resolve('patience-exhausted');
			});
			void this.#over.then(() => {
				timer[Symbol.dispose]();
				resolve('over');
			});
		});
	}

	/** Ends the probing; whoever waits is let go as if the dependency were back. */
	stop(): void {
		this.#stopped = true;
	}

	async #probe(): Promise<void> {
		for (let round = 0; !this.#stopped; round++) {
			await this.#sleep(PROBE_DELAYS_MS[Math.min(round, PROBE_DELAYS_MS.length - 1)] ?? 0);
			try {
				await this.#check.check(AbortSignal.timeout(PROBE_TIMEOUT_MS));
				return;
			} catch (error) {
				this.#log.debug({dependency: this.#check.dependency, round, error}, 'outage.probe.failed');
			}
		}
	}

	#sleep(ms: number): Promise<void> {
		return new Promise((resolve) => {
			this.#clock.after(ms, resolve);
		});
	}
}
