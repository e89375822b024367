import type {Publisher} from '../../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {EventStore, LoggedEvent} from '../../domain/ports/event-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {stepOf, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import {toDeliveryTask} from '../../domain/webhooks/delivery-task.ts';

/** So long after its time an attempt counts as lost: no queue that is worked makes it wait as long. */
const OVERDUE_MS = 10 * 60_000;

/** Deliveries of one sweep; the rest have to wait for the next one, so that live events keep their pace. */
const MAX_DELIVERIES = 500;
/** Whose events are in memory at once. */
const CHUNK_DELIVERIES = 50;

/** An event that the log does not have so long after it came will never be there. */
const LOG_PATIENCE_MS = 24 * 60 * 60_000;

/**
 * The second net: what waits for its next attempt in the broker, and did not come back in time, is queued again from the log. A
 * delivery's row says then that it is due now, which makes a message that was only late step back (`isOvertaken`), and the next sweep
 * pass it by for as long as this one did.
 */
export class DeliverySweeper {
	readonly #deliveries: DeliveryStore;
	readonly #events: EventStore;
	readonly #publisher: Publisher;
	readonly #queues: readonly QueueDeclaration[];
	readonly #clock: Clock;
	readonly #log: Logger;

	/** @param options.queues where late attempts and the outcomes of made ones would be: while one of them is behind, nothing counts as lost */
	constructor(options: {
		deliveries: DeliveryStore;
		events: EventStore;
		publisher: Publisher;
		queues: readonly QueueDeclaration[];
		clock: Clock;
		log: Logger;
	}) {
		this.#deliveries = options.deliveries;
		this.#events = options.events;
		this.#publisher = options.publisher;
		this.#queues = options.queues;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** To be called by one leader, every now and then. @throws {StoreUnavailableError} @throws {BrokerUnavailableError} */
	async sweep(): Promise<void> {
		const before = new Date(this.#clock.now() - OVERDUE_MS);
		if ((await this.#deliveries.listOverdue(before, 1)).length === 0) {
			return;
		}
		for (const queue of this.#queues) {
			if (!(await this.#publisher.isWorkedOff(queue))) {
				this.#log.info({queue: queue.name}, 'deliveries.sweep.postponed');
				return;
			}
		}
		// Again: the rows are up to date only now.
		const overdue = await this.#deliveries.listOverdue(before, MAX_DELIVERIES);
		for (let start = 0; start < overdue.length; start += CHUNK_DELIVERIES) {
			await this.#queue(overdue.slice(start, start + CHUNK_DELIVERIES));
		}
		this.#log.warn({deliveries: overdue.length}, 'deliveries.swept');
	}

	/** Rows first: what could not be published then is overdue again later, and nothing is published twice. */
	async #queue(deliveries: readonly Delivery[]): Promise<void> {
		const events = await this.#events.findMany(deliveries.map(({eventId}) => eventId));
		const byId = new Map(events.map((event) => [event.id, event]));
		const steps = deliveries.map((delivery) => this.#toStep(delivery, byId.get(delivery.eventId)));
		await this.#deliveries.record(steps);
		const publications = steps.map(async (step) => {
			const event = byId.get(step.eventId);
			if (event !== undefined) await this.#publisher.delivery(toDeliveryTask(event, step), step.atMs);
		});
		await Promise.all(publications);
	}

	/** Where it was, but due now; or its end, when there is nothing left to send. */
	#toStep(delivery: Delivery, event: LoggedEvent | undefined): Outcome {
		const atMs = this.#clock.now();
		const {run, attempts: attempt, state, createdAt} = delivery;
		const step = {
			...stepOf(delivery),
			run,
			attempt,
			atMs,
			// Nobody knows when a later run began: it gets its whole time anew.
			firstAtMs: run === 1 ? createdAt.getTime() : atMs,
		};
		return event === undefined && atMs - createdAt.getTime() > LOG_PATIENCE_MS
			? {...step, state: 'dead', reason: 'its event is not in the log any more'}
			: {...step, state, nextAttemptAtMs: atMs};
	}
}
