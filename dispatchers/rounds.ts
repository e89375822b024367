import type {Clock} from '../domain/ports/clock.ts';

/** Does one thing again and again, each round a while after the end of the one before. */
export class Rounds {
	readonly #clock: Clock;
	readonly #everyMs: number;
	readonly #run: () => Promise<void>;
	#timer: Disposable | undefined;
	#round: Promise<void> = Promise.resolve();
	#stopped = false;

	/** @param options.run never rejects */
	constructor(options: {clock: Clock; everyMs: number; run: () => Promise<void>}) {
		this.#clock = options.clock;
		this.#everyMs = options.everyMs;
		this.#run = options.run;
	}

	/** @param firstMs before the first round; default as long as between two */
	start(firstMs = this.#everyMs): void {
		this.#timer = this.#clock.after(firstMs, () => {
			this.#round = this.#run().finally(() => {
				if (!this.#stopped) this.start();
			});
		});
	}

	/** Begins no other round, and resolves when the present one is over. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#timer?.[Symbol.dispose]();
		await this.#round;
	}
}
