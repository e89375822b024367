import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';

const SWEEP_EVERY_MS = 60 * 60_000;
/** After the start: not while everything else wants the disk. */
const FIRST_SWEEP_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** Deletes files that are older than they are kept, every hour. Several processes may do so side by side. */
export class MediaSweeper {
	readonly #store: MediaStore;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #retentionDays: number;
	#timer: Disposable | undefined;
	#sweep: Promise<void> = Promise.resolve();
	#stopped = false;

	constructor({
		store,
		clock,
		log,
		retentionDays,
	}: {
		store: MediaStore;
		clock: Clock;
		log: Logger;
		retentionDays: number;
	}) {
		this.#store = store;
		this.#clock = clock;
		this.#log = log;
		this.#retentionDays = retentionDays;
	}

	start(): void {
		this.#runAfter(FIRST_SWEEP_MS);
	}

	/** Finishes a sweep that is under way. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#timer?.[Symbol.dispose]();
		await this.#sweep;
	}

	#runAfter(delayMs: number): void {
		this.#timer = this.#clock.after(delayMs, () => {
			this.#sweep = this.#run().finally(() => {
				if (!this.#stopped) this.#runAfter(SWEEP_EVERY_MS);
			});
		});
	}

	async #run(): Promise<void> {
		const days = this.#retentionDays;
		const before = new Date(this.#clock.now() - days * DAY_MS);
		try {
			const files = await this.#store.expire(before, `Files are kept for ${days} ${days === 1 ? 'day' : 'days'}`);
			if (files > 0) this.#log.info({files}, 'media.expired');
		} catch (error) {
			this.#log.warn({error}, 'media.sweep.failed');
		}
	}
}
