import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeJobTurn} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import {pause} from '../../domain/pause.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {JobStore} from '../../domain/ports/job-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ReplayStepper} from './replay-stepper.ts';

/** A message goes on with its job for so long; then others have their turn. */
const SLICE_MS = 20_000;

/** What has to wait longer waits in the broker. */
const LONGEST_PAUSE_MS = 1000;

/**
 * Goes on with jobs. Each step is saved by compare-and-set, so that of two who work on one job all but one stop at their next step; and of two
 * messages of one job the one with the later turn is the one that counts.
 */
export class JobHandler {
	readonly #jobs: JobStore;
	readonly #stepper: ReplayStepper;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #stopping = new AbortController();

	constructor(options: {jobs: JobStore; stepper: ReplayStepper; publisher: Publisher; clock: Clock; log: Logger}) {
		this.#jobs = options.jobs;
		this.#stepper = options.stepper;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {jobId, turn} = decodeJobTurn(message);
		const job = await this.#jobs.find(jobId);
		if (job === undefined || isOver(job) || turn < job.turn) {
			return ACK;
		}
		const claimed = await this.#save({...job, turn});
		const nextAtMs = claimed && (await this.#workOn(claimed));
		if (nextAtMs !== undefined) {
			await this.#publisher.job({jobId, turn: turn + 1}, nextAtMs);
		}
		return ACK;
	}

	/** Leaves what it works on to the next turn. */
	stop(): void {
		this.#stopping.abort();
	}

	/** Resolves to when to go on; undefined when the job is over, or somebody else's. */
	async #workOn(claimed: Job): Promise<number | undefined> {
		const endMs = this.#clock.now() + SLICE_MS;
		let job = claimed;
		while (this.#clock.now() < endMs && !this.#stopping.signal.aborted) {
			const {job: next, waitMs} = await this.#stepper.step(job);
			if (next !== job) {
				const saved = await this.#save(next);
				if (saved === undefined) return undefined;
				job = saved;
			}
			if (isOver(job)) {
				this.#report(job);
				return undefined;
			}
			if (waitMs > LONGEST_PAUSE_MS) return this.#clock.now() + waitMs;
			if (waitMs > 0) await pause(this.#clock, waitMs, this.#stopping.signal);
		}
		return 0;
	}

	#save(job: Job): Promise<Job | undefined> {
		return this.#jobs.save({...job, updatedAt: new Date(this.#clock.now())});
	}

	#report({id: jobId, webhookId, state, total, done, failed, reason}: Job): void {
		this.#log.info({jobId, webhookId, state, total, done, failed, reason}, 'job.ended');
	}
}
