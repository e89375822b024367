import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import {ForbiddenError, NotFoundError, ValidationError} from '../errors.ts';
import {prepareEvent} from '../events/envelope.ts';
import {isEventName, TEST_EVENT} from '../events/vocabulary.ts';
import type {Clock} from '../ports/clock.ts';
import type {DeliveryStore} from '../ports/delivery-store.ts';
import type {EventStore} from '../ports/event-store.ts';
import type {ListPosition} from '../ports/page.ts';
import type {WebhookSender} from '../ports/webhook-sender.ts';
import type {WebhookChanges, WebhookStore} from '../ports/webhook-store.ts';
import type {SecretBox} from '../secret-box.ts';
import {deliveryId, type Delivery} from './delivery.ts';
import {newSigningSecret, type Webhook} from './webhook.ts';

/** A webhook with its secret, for its owner. */
export interface OwnedWebhook {
	readonly webhook: Webhook;
	readonly signingSecret: string;
}

/** A delivery and the exact JSON that was (or will be) sent; null while the log has not caught up. */
export interface LoggedDelivery {
	readonly delivery: Delivery;
	readonly body: string | null;
}

/** What tenants do with their webhooks. */
export class Webhooks {
	readonly #store: WebhookStore;
	readonly #deliveries: DeliveryStore;
	readonly #events: EventStore;
	readonly #sender: WebhookSender;
	readonly #secretBox: SecretBox;
	readonly #publisher: Publisher;
	readonly #control: ControlBus;
	readonly #clock: Clock;
	readonly #publicUrl: string;

	constructor(options: {
		store: WebhookStore;
		deliveries: DeliveryStore;
		events: EventStore;
		sender: WebhookSender;
		secretBox: SecretBox;
		publisher: Publisher;
		control: ControlBus;
		clock: Clock;
		publicUrl: string;
	}) {
		this.#store = options.store;
		this.#deliveries = options.deliveries;
		this.#events = options.events;
		this.#sender = options.sender;
		this.#secretBox = options.secretBox;
		this.#publisher = options.publisher;
		this.#control = options.control;
		this.#clock = options.clock;
		this.#publicUrl = options.publicUrl;
	}

	/** @throws {ValidationError} the URL may not be called, or an event name cannot exist */
	async create(connection: Connection, {url, events}: {url: string; events: readonly string[]}): Promise<OwnedWebhook> {
		this.#check({url, events});
		const signingSecret = newSigningSecret();
		const now = new Date(this.#clock.now());
		const webhook: Webhook = {
			id: randomUUID(),
			userId: connection.userId,
			connectionId: connection.id,
			url,
			events,
			sealedSecret: this.#secretBox.seal(signingSecret),
			previousSecret: null,
			active: true,
			disabledReason: null,
			disabledAt: null,
			timeoutMs: null,
			retryScheduleMs: null,
			createdAt: now,
			updatedAt: now,
			deletedAt: null,
		};
		await this.#store.insert(webhook);
		await this.#announce(webhook);
		return {webhook, signingSecret};
	}

	async list(connection: Connection): Promise<readonly OwnedWebhook[]> {
		const webhooks = await this.#store.listByConnection(connection.id);
		return webhooks.map((webhook) => this.#withSecret(webhook));
	}

	/** @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<Webhook> {
		const webhook = await this.#store.find(id);
		if (webhook === undefined) {
			throw new NotFoundError('Webhook config not found');
		}
		if (webhook.userId !== userId) {
			throw new ForbiddenError('You do not own this webhook config');
		}
		return webhook;
	}

	/** `{}` only bumps `updatedAt`. @throws {ValidationError} as `create` */
	async update(before: Webhook, changes: WebhookChanges): Promise<OwnedWebhook> {
		this.#check(changes);
		const webhook = (await this.#store.update(before.id, changes, new Date(this.#clock.now()))) ?? before;
		await this.#announce(webhook);
		return this.#withSecret(webhook);
	}

	/** Nothing more is delivered to it, waiting retries included. */
	async remove(webhook: Webhook): Promise<void> {
		await this.#store.markDeleted(webhook.id, new Date(this.#clock.now()));
		await this.#announce(webhook);
	}

	/**
	 * Sends a test event to this webhook alone, once, also when it is inactive. The delivery is in the log before this resolves.
	 * @returns the delivery's id
	 */
	async test({id, userId, connectionId}: Webhook): Promise<string> {
		const atMs = this.#clock.now();
		const event = {
			...prepareEvent(
				{
					session: 'test',
					event: TEST_EVENT,
					id: randomUUID(),
					timestampMs: atMs,
					payload: {message: 'This is a test webhook event from WAHooks', timestamp: new Date(atMs).toISOString()},
				},
				{userId, connectionId},
				this.#publicUrl,
				atMs,
			),
			onlyWebhookId: id,
		};
		const delivery = deliveryId(event.id, id);
		// In this order, nothing that fails in between leaves a row that waits for ever; a row never moves back.
		await this.#publisher.event(event);
		await this.#deliveries.record([
			{
				deliveryId: delivery,
				eventId: event.id,
				event: TEST_EVENT,
				webhookId: id,
				userId,
				connectionId,
				run: 1,
				attempt: 0,
				state: 'queued',
				atMs,
				firstAtMs: atMs,
			},
		]);
		return delivery;
	}

	/** A webhook's deliveries, newest first. */
	async log({id}: Webhook, page: {limit: number; before?: ListPosition}): Promise<readonly LoggedDelivery[]> {
		const deliveries = await this.#deliveries.listByWebhook(id, page);
		const events = await this.#events.findMany(deliveries.map(({eventId}) => eventId));
		const bodies = new Map(events.map((event) => [event.id, event.body]));
		return deliveries.map((delivery) => ({delivery, body: bodies.get(delivery.eventId) ?? null}));
	}

	#check({url, events}: {url?: string; events?: readonly string[]}): void {
		const refusal = url === undefined ? undefined : this.#sender.refusal(url);
		if (refusal !== undefined) {
			throw new ValidationError([refusal]);
		}
		const strange = events?.filter((name) => name !== '*' && !isEventName(name)) ?? [];
		if (strange.length > 0) {
			throw new ValidationError(
				strange.map((name) => `events: "${name.slice(0, 80)}" is not an event name ([a-z0-9._], at most 64)`),
			);
		}
	}

	#withSecret(webhook: Webhook): OwnedWebhook {
		return {webhook, signingSecret: this.#secretBox.open(webhook.sealedSecret)};
	}

	#announce({userId, connectionId}: Webhook): Promise<void> {
		return this.#control.announce({kind: 'webhooks', userId, connectionId});
	}
}
