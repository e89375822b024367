import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Job, ReplayedRun} from '../../domain/jobs/job.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {EventStore, LoggedEvent} from '../../domain/ports/event-store.ts';
import type {JobStore} from '../../domain/ports/job-store.ts';
import {deliveryId, isFinal, queuedRun, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import {toDeliveryTask} from '../../domain/webhooks/delivery-task.ts';

/** Whose bodies are in memory at once, and that are still started when their job is cancelled meanwhile. */
const CHUNK_EVENTS = 25;

/** What became of runs: delivered, failed, or nobody knows yet. */
export interface RunResults {
	readonly delivered: number;
	readonly failed: number;
	readonly open: readonly ReplayedRun[];
}

/** Starts the runs of a replay, and sees what becomes of them. */
export class ReplayRuns {
	readonly #jobs: JobStore;
	readonly #events: EventStore;
	readonly #deliveries: DeliveryStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor(options: {
		jobs: JobStore;
		events: EventStore;
		deliveries: DeliveryStore;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#jobs = options.jobs;
		this.#events = options.events;
		this.#deliveries = options.deliveries;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
	}

	/**
	 * Starts each of them that is not started yet. What this job started and perhaps published is published again as long as nothing happened
	 * to it: nobody knows whether the broker got it, and whoever makes the attempts sees that it is the same. Breaks off once the stored job
	 * is another one than this, cancelled or somebody else's by now: then nothing counts, for it can't be saved.
	 * @returns the events that the log does not have any more
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError}
	 */
	async start(runs: readonly ReplayedRun[], job: Job): Promise<ReadonlySet<string>> {
		const {webhookId} = job;
		const gone = new Set<string>();
		for (let start = 0; start < runs.length && (await this.#isCurrent(job)); start += CHUNK_EVENTS) {
			const chunk = runs.slice(start, start + CHUNK_EVENTS);
			const rows = await this.#rowsOf(chunk, webhookId);
			const events = await this.#events.findMany(chunk.map(({eventId}) => eventId));
			const byId = new Map(events.map((event) => [event.id, event]));
			const startings = chunk.map(async (run) => {
				const event = byId.get(run.eventId);
				if (event === undefined) gone.add(run.eventId);
				else await this.#start(run, webhookId, event, rows.get(run.eventId));
			});
			await Promise.all(startings);
		}
		return gone;
	}

	/** A first attempt that failed counts as failed: what follows takes hours, and goes its own way. @throws {StoreUnavailableError} */
	async settle(runs: readonly ReplayedRun[], {webhookId}: Job): Promise<RunResults> {
		const rows = await this.#rowsOf(runs, webhookId);
		const results = runs.map((run) => ({run, result: resultOf(run, rows.get(run.eventId))}));
		return {
			delivered: results.filter(({result}) => result === 'delivered').length,
			failed: results.filter(({result}) => result === 'failed').length,
			open: results.filter(({result}) => result === 'open').map(({run}) => run),
		};
	}

	async #start(run: ReplayedRun, webhookId: string, event: LoggedEvent, row: Delivery | undefined): Promise<void> {
		const {id: eventId, event: name, userId, connectionId} = event;
		const step = {deliveryId: deliveryId(eventId, webhookId), eventId, event: name, webhookId, userId, connectionId};
		const nowMs = this.#clock.now();
		// Its time begins now: the decision may be hours old when nobody could go on with the job.
		const queued = {...queuedRun(step, run.run, run.atMs ?? nowMs), firstAtMs: nowMs};
		if (isOurs(run, row)) {
			await this.#publish(event, queued, row.nextAttemptAt?.getTime() ?? queued.atMs);
		} else if (isNext(run.run, row) && (await this.#deliveries.startRun(queued))) {
			await this.#publish(event, queued, queued.atMs);
		}
	}

	async #isCurrent({id, version}: Job): Promise<boolean> {
		return (await this.#jobs.find(id))?.version === version;
	}

	#publish(event: LoggedEvent, queued: Outcome, atMs: number): Promise<void> {
		return this.#publisher.delivery({...toDeliveryTask(event, queued), isReplay: true}, atMs);
	}

	/** By event. */
	async #rowsOf(runs: readonly ReplayedRun[], webhookId: string): Promise<ReadonlyMap<string, Delivery>> {
		const rows = await this.#deliveries.findMany(runs.map(({eventId}) => deliveryId(eventId, webhookId)));
		return new Map(rows.map((row) => [row.eventId, row]));
	}
}

/**
 * This job started the run, and nothing happened to it yet. One that somebody else started (a retry), or queued again (the sweeper), is
 * due at another moment, and has its own message.
 */
function isOurs({run, atMs}: ReplayedRun, row: Delivery | undefined): row is Delivery {
	const isUntouched = row?.run === run && row.state === 'queued' && row.attempts === 0;
	return isUntouched && (atMs === undefined || row.nextAttemptAt?.getTime() === atMs);
}

/** Nobody started this run, nor a later one. */
function isNext(run: number, row: Delivery | undefined): boolean {
	return row === undefined ? run === 1 : row.run === run - 1 && isFinal(row.state);
}

function resultOf({run}: ReplayedRun, row: Delivery | undefined): 'delivered' | 'failed' | 'open' {
	if (row?.state === 'delivered' && row.run >= run) {
		return 'delivered';
	}
	// Of a run that was followed by another one, or whose row expired, nobody will know more.
	const isOpen = row?.run === run && (row.state === 'queued' || row.state === 'parked');
	return isOpen ? 'open' : 'failed';
}
