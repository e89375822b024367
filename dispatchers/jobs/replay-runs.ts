import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Job, ReplayedRun} from '../../domain/jobs/job.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {EventStore, LoggedEvent} from '../../domain/ports/event-store.ts';
import {deliveryId, isFinal, queuedRun, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import {toDeliveryTask} from '../../domain/webhooks/delivery-task.ts';

/** Whose bodies are in memory at once. */
const CHUNK_EVENTS = 25;

/** What became of runs: delivered, failed, or nobody knows yet. */
export interface RunResults {
	readonly delivered: number;
	readonly failed: number;
	readonly open: readonly ReplayedRun[];
}

/** Starts the runs of a replay, and sees what becomes of them. */
export class ReplayRuns {
	readonly #events: EventStore;
	readonly #deliveries: DeliveryStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor(options: {events: EventStore; deliveries: DeliveryStore; publisher: Publisher; clock: Clock}) {
		this.#events = options.events;
		this.#deliveries = options.deliveries;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
	}

	/**
	 * Starts each of them that is not started yet. What was published already is published again as long as nothing happened to it:
	 * nobody knows whether the broker got it, and whoever makes the attempts sees that it is the same.
	 * @returns the events that the log does not have any more
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError}
	 */
	async start(runs: readonly ReplayedRun[], {webhookId}: Job): Promise<ReadonlySet<string>> {
		const gone = new Set<string>();
		for (let start = 0; start < runs.length; start += CHUNK_EVENTS) {
			const chunk = runs.slice(start, start + CHUNK_EVENTS);
			const rows = await this.#rowsOf(chunk, webhookId);
			const events = await this.#events.findMany(chunk.map(({eventId}) => eventId));
			const byId = new Map(events.map((event) => [event.id, event]));
			const startings = chunk.map(async (run) => {
				const event = byId.get(run.eventId);
				if (event === undefined) gone.add(run.eventId);
				else await this.#start(event, rows.get(run.eventId), {webhookId, run: run.run});
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

	async #start(
		event: LoggedEvent,
		row: Delivery | undefined,
		{webhookId, run}: {webhookId: string; run: number},
	): Promise<void> {
		const {id: eventId, event: name, userId, connectionId} = event;
		const step = {deliveryId: deliveryId(eventId, webhookId), eventId, event: name, webhookId, userId, connectionId};
		const queued = queuedRun(step, run, this.#clock.now());
		if (row?.run === run && row.state === 'queued' && row.attempts === 0) {
			const atMs = row.nextAttemptAt?.getTime() ?? queued.atMs;
			await this.#publish(event, {...queued, firstAtMs: atMs}, atMs);
		} else if (isNext(run, row) && (await this.#deliveries.startRun(queued))) {
			await this.#publish(event, queued, queued.atMs);
		}
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
