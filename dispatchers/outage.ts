import type {Clock} from '../domain/ports/clock.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';

const PROBE_DELAYS_MS = [500, 1000, 2000, 5000, 10_000];
/**
 * The broker is asked more often, however long it is away: without a connection the question costs nothing, and once there is one,
 * everything waits for the answer.
 */
const BROKER_PROBE_DELAY_MS = 2000;
const PROBE_TIMEOUT_MS = 3000;

/** An outage that follows another one this soon is the same one: what answers probes and still fails is not asked faster and faster. */
const RELAPSE_MS = 60_000;

type OutageEnd = 'over' | 'called-off' | 'patience-exhausted';

/** One dependency being away: probes it with back-off until it answers. All messages in hand wait for the same outage. */
export class Outage {
	readonly #check: HealthCheck;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #end = Promise.withResolvers<'over' | 'called-off'>();
	#round = 0;
	#timer: Disposable | undefined;
	#endedAtMs: number | undefined;

	/** @param options.previous the last outage of the same dependency */
	constructor({
		check,
		clock,
		log,
		previous,
	}: {
		check: HealthCheck;
		clock: Clock;
		log: Logger;
		previous?: Outage | undefined;
	}) {
		this.#check = check;
		this.#clock = clock;
		this.#log = log;
		if (previous !== undefined && clock.now() - (previous.#endedAtMs ?? 0) < RELAPSE_MS) {
			this.#round = previous.#round + 1;
		}
		this.#probeLater();
	}

	get isOver(): boolean {
		return this.#endedAtMs !== undefined;
	}

	/** Resolves when the dependency is back, or the outage was called off. */
	get end(): Promise<OutageEnd> {
		return this.#end.promise;
	}

	/** Resolves with its end, or after `patienceMs`, whichever comes first. */
	async wait(patienceMs: number): Promise<OutageEnd> {
		const patience = Promise.withResolvers<OutageEnd>();
		using _timer = this.#clock.after(patienceMs, () => {
			patience.resolve('patience-exhausted');
		});
		return await Promise.race([this.#end.promise, patience.promise]);
	}

	/** Ends the probing and lets go whoever waits. */
	callOff(): void {
		this.#finish('called-off');
	}

	#probeLater(): void {
		const delayMs = PROBE_DELAYS_MS[Math.min(this.#round, PROBE_DELAYS_MS.length - 1)] ?? 0;
		const longestMs = this.#check.dependency === 'broker' ? BROKER_PROBE_DELAY_MS : Infinity;
		this.#timer = this.#clock.after(Math.min(delayMs, longestMs), () => void this.#probe());
	}

	async #probe(): Promise<void> {
		try {
			await this.#check.check(AbortSignal.timeout(PROBE_TIMEOUT_MS));
			this.#finish('over');
		} catch (error) {
			this.#log.debug({dependency: this.#check.dependency, round: this.#round, error}, 'outage.probe.failed');
			this.#round++;
			if (!this.isOver) this.#probeLater();
		}
	}

	#finish(end: 'over' | 'called-off'): void {
		this.#endedAtMs ??= this.#clock.now();
		this.#timer?.[Symbol.dispose]();
		this.#end.resolve(end);
	}
}
