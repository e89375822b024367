import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import {Rounds} from '../rounds.ts';

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
	readonly #rounds: Rounds;

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
		this.#rounds = new Rounds({clock, everyMs: SWEEP_EVERY_MS, run: () => this.#run()});
	}

	start(): void {
		this.#rounds.start(FIRST_SWEEP_MS);
	}

	/** Finishes a sweep that is under way. */
	stop(): Promise<void> {
		return this.#rounds.stop();
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
