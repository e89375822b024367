import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {JobStore} from '../../domain/ports/job-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';

/** Whoever works on a job saves it at the beginning of each turn, and no turn is put off for longer than a minute or so. */
const STALE_MS = 5 * 60_000;

/** Jobs of one look; the rest in the next. */
const MAX_JOBS = 100;

/** The second net of jobs: one that nobody went on with for minutes gets a new message, for its old one may be lost. */
export class JobReviver {
	readonly #jobs: JobStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor({jobs, publisher, clock, log}: {jobs: JobStore; publisher: Publisher; clock: Clock; log: Logger}) {
		this.#jobs = jobs;
		this.#publisher = publisher;
		this.#clock = clock;
		this.#log = log;
	}

	/** To be called by one leader, every now and then. @throws {StoreUnavailableError} @throws {BrokerUnavailableError} */
	async revive(): Promise<void> {
		const now = this.#clock.now();
		for (const job of await this.#jobs.listStale(new Date(now - STALE_MS), MAX_JOBS)) {
			// The old message is void if it turns up after all; and the next look passes the job by for as long as this one did.
			const saved = await this.#jobs.save({...job, turn: job.turn + 1, updatedAt: new Date(now)});
			if (saved === undefined) continue;
			await this.#publisher.job({jobId: job.id, turn: saved.turn});
			this.#log.warn({jobId: job.id, turn: saved.turn}, 'job.revived');
		}
	}
}
