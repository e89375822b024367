import type {Publisher} from '../broker/publisher.ts';
import {ConflictError, EventExpiredError} from '../errors.ts';
import {TEST_EVENT} from '../events/vocabulary.ts';
import type {Clock} from '../ports/clock.ts';
import type {DeliveryQuery, DeliveryStore} from '../ports/delivery-store.ts';
import type {EventStore} from '../ports/event-store.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import {requireOwn} from '../require-own.ts';
import {deliveryAfter, isFinal, queuedRun, runStartMs, stepOf, type Delivery, type Outcome} from './delivery.ts';
import {toDeliveryTask} from './delivery-task.ts';
import type {Webhook} from './webhook.ts';

/** What tenants see of their deliveries, and how they have one made again. */
export class Deliveries {
	readonly #store: DeliveryStore;
	readonly #events: EventStore;
	readonly #webhooks: WebhookStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor(options: {
		store: DeliveryStore;
		events: EventStore;
		webhooks: WebhookStore;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#store = options.store;
		this.#events = options.events;
		this.#webhooks = options.webhooks;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
	}

	/** Also of a webhook that was deleted. @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<Delivery> {
		return requireOwn(await this.#store.find(id), userId, 'delivery');
	}

	/**
	 * Whose delivery it is: its webhook's, whatever connection its event came from; null = a webhook of all the user's connections. Of a
	 * webhook that was deleted nothing but the event's is known.
	 */
	async connectionOf({webhookId, connectionId}: Delivery): Promise<string | null> {
		const webhook = await this.#webhooks.find(webhookId);
		return webhook === undefined ? connectionId : webhook.connectionId;
	}

	/** Newest first. */
	list({id}: Webhook, query: DeliveryQuery): Promise<readonly Delivery[]> {
		return this.#store.listByWebhook(id, query);
	}

	/** All attempts of all runs, oldest first. */
	attempts({id}: Delivery): Promise<readonly Outcome[]> {
		return this.#store.listAttempts(id);
	}

	/**
	 * Starts a new run: the same delivery id, the first attempt at once, then the whole schedule. Of several calls at once one does it.
	 * When the broker is away after the run was started, the sweeper makes its first attempt later.
	 * @returns the delivery as it is then
	 * @throws {ConflictError} it is still under way, or its webhook is gone or off
	 * @throws {EventExpiredError} the log does not have the event
	 */
	async retry(delivery: Delivery): Promise<Delivery> {
		if (!isFinal(delivery.state)) {
			throw new ConflictError(UNDER_WAY);
		}
		await this.#checkWebhook(delivery);
		const event = await this.#events.find(delivery.eventId);
		if (event === undefined) {
			throw new EventExpiredError('The event of this delivery is not in the log any more');
		}
		const queued = queuedRun(stepOf(delivery), delivery.run + 1, runStartMs('retry', this.#clock.now()));
		if (!(await this.#store.startRun(queued))) {
			throw new ConflictError(UNDER_WAY);
		}
		await this.#publisher.delivery(toDeliveryTask(event, queued), queued.atMs);
		const {lastStatus, lastError, createdAt} = delivery;
		return {...deliveryAfter(queued), lastStatus, lastError, createdAt};
	}

	/** A test event goes to an inactive webhook too. @throws {ConflictError} */
	async #checkWebhook({webhookId, event}: Delivery): Promise<void> {
		const webhook = await this.#webhooks.find(webhookId);
		if (webhook === undefined) {
			throw new ConflictError('The webhook of this delivery was deleted');
		}
		if (!webhook.active && event !== TEST_EVENT) {
			throw new ConflictError('The webhook of this delivery is inactive: activate it first');
		}
	}
}

const UNDER_WAY = 'The delivery is still under way: wait until it is delivered, dead or skipped';
