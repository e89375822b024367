import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import {ConflictError, ValidationError} from '../errors.ts';
import {prepareEvent, type EventOwner} from '../events/envelope.ts';
import {TEST_EVENT} from '../events/vocabulary.ts';
import type {Clock} from '../ports/clock.ts';
import type {DeliveryStore} from '../ports/delivery-store.ts';
import type {EventStore} from '../ports/event-store.ts';
import type {ListPosition, Page} from '../ports/page.ts';
import type {WebhookSender} from '../ports/webhook-sender.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import {requireOwn} from '../require-own.ts';
import type {SecretBox} from '../secret-box.ts';
import {openHeaders, sealHeaders} from './custom-headers.ts';
import {deliveryId, type Delivery} from './delivery.ts';
import {switchOrder} from './ordering.ts';
import {newSigningSecret, type Webhook} from './webhook.ts';
import {checkOptions, type WebhookOptions} from './webhook-options.ts';

const HOUR_MS = 3_600_000;

/** A webhook with its secrets in clear, for its owner. What cannot be opened any more is shown as empty: he can give it a new one. */
export interface OwnedWebhook {
	readonly webhook: Webhook;
	readonly signingSecret: string;
	/** Its custom headers. */
	readonly headers: Readonly<Record<string, string>>;
	/** Until when the secret before the last rotation signs as well; null = it does not. */
	readonly previousSecretUntil: Date | null;
}

export interface NewWebhook extends WebhookOptions {
	readonly url: string;
	readonly events: readonly string[];
}

/** Absent = unchanged. */
export interface WebhookUpdate extends WebhookOptions {
	readonly url?: string;
	/** True also clears why the system disabled it. */
	readonly active?: boolean;
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
	readonly #maxPerConnection: number;

	/** @param options.maxPerConnection webhooks that a connection can have, and as many that an account can have for all of them */
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
		maxPerConnection: number;
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
		this.#maxPerConnection = options.maxPerConnection;
	}

	/**
	 * @throws {ValidationError} the URL may not be called, or a chat or a header cannot exist
	 * @throws {ConflictError} there are as many webhooks as there can be
	 */
	create({userId, id}: Pick<Connection, 'userId' | 'id'>, input: NewWebhook): Promise<OwnedWebhook> {
		return this.#create({userId, connectionId: id}, input);
	}

	/** A webhook of all the user's connections, of those that come later too. @throws {ValidationError} @throws {ConflictError} as `create` */
	createForUser(userId: string, input: NewWebhook): Promise<OwnedWebhook> {
		return this.#create({userId, connectionId: null}, input);
	}

	/** A connection's own webhooks, oldest first. */
	async list(connection: Connection, page: Page): Promise<readonly OwnedWebhook[]> {
		const webhooks = await this.#store.listByConnection(connection.id, page);
		return webhooks.map((webhook) => this.#toOwned(webhook));
	}

	/** All of a user's webhooks, those of his connections included, oldest first. */
	async listForUser(userId: string, page: Page): Promise<readonly OwnedWebhook[]> {
		const webhooks = await this.#store.listByUser(userId, page);
		return webhooks.map((webhook) => this.#toOwned(webhook));
	}

	/** @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<Webhook> {
		return requireOwn(await this.#store.find(id), userId, 'webhook config');
	}

	/** `{}` only bumps `updatedAt`. @throws {ValidationError} as `create` @throws {ConflictError} as `switchOrder` */
	async update(before: Webhook, update: WebhookUpdate): Promise<OwnedWebhook> {
		this.#checkUrl(update.url);
		const {headers, ordered, ...changes} = checkOptions(update);
		const now = this.#clock.now();
		const webhook = await this.#store.update(
			before.id,
			{
				...changes,
				...(headers !== undefined && {sealedHeaders: sealHeaders(headers ?? {}, this.#secretBox)}),
				...(ordered !== undefined && {orderSwitchesMs: switchOrder(before.orderSwitchesMs, ordered ?? false, now)}),
			},
			new Date(now),
		);
		await this.#announce(before);
		return this.#toOwned(webhook ?? before);
	}

	/**
	 * Gives it a new signing secret. The one before signs as well until the overlap is over, so that receivers can follow one by one;
	 * a secret that still overlapped from an earlier rotation is forgotten at once.
	 * @param overlapHours 0 = the old one ends now
	 * @throws {ConflictError} somebody else rotated it at the same time
	 */
	async rotateSecret(before: Webhook, overlapHours: number): Promise<OwnedWebhook> {
		const now = this.#clock.now();
		const until = new Date(now + overlapHours * HOUR_MS);
		const rotation = {
			from: before.sealedSecret,
			to: this.#secretBox.seal(newSigningSecret()),
			previous:
				overlapHours === 0 || !this.#secretBox.canOpen(before.sealedSecret)
					? null
					: {sealed: before.sealedSecret, until},
		};
		const webhook = await this.#store.rotateSecret(before.id, rotation, new Date(now));
		if (webhook === undefined) {
			throw new ConflictError('The secret was changed by another request at the same time: read the webhook again');
		}
		await this.#announce(webhook);
		return this.#toOwned(webhook);
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

	async #create({userId, connectionId}: EventOwner, input: NewWebhook): Promise<OwnedWebhook> {
		this.#checkUrl(input.url);
		const options = checkOptions(input);
		await this.#checkRoom({userId, connectionId});
		const now = new Date(this.#clock.now());
		const webhook: Webhook = {
			id: randomUUID(),
			userId,
			connectionId,
			url: options.url,
			events: options.events,
			sealedSecret: this.#secretBox.seal(newSigningSecret()),
			previousSecret: null,
			active: true,
			disabledReason: null,
			disabledAt: null,
			failingSince: null,
			lastFailureAt: null,
			timeoutMs: options.timeoutMs ?? null,
			retryScheduleMs: options.retryScheduleMs ?? null,
			sealedHeaders: sealHeaders(options.headers ?? {}, this.#secretBox),
			filter: options.filter ?? null,
			ratePerSecond: options.ratePerSecond ?? null,
			concurrency: options.concurrency ?? null,
			orderSwitchesMs: switchOrder([], options.ordered ?? false, now.getTime()),
			createdAt: now,
			updatedAt: now,
			deletedAt: null,
		};
		await this.#store.insert(webhook);
		await this.#announce(webhook);
		return this.#toOwned(webhook);
	}

	/** Against one event becoming any number of requests; of several callers at the last place each may get it. */
	async #checkRoom({userId, connectionId}: EventOwner): Promise<void> {
		const limit = this.#maxPerConnection;
		const others = await (connectionId === null
			? this.#store.listForEvent(userId, null)
			: this.#store.listByConnection(connectionId, {limit}));
		if (others.length >= limit) {
			const owner = connectionId === null ? 'account' : 'connection';
			throw new ConflictError(`This ${owner} has as many webhooks as it can have (${limit}): delete one first`);
		}
	}

	#checkUrl(url: string | undefined): void {
		if (url === undefined) return;
		const refusal = credentialsRefusal(url) ?? this.#sender.refusal(url);
		if (refusal !== undefined) {
			throw new ValidationError([refusal]);
		}
	}

	#toOwned(webhook: Webhook): OwnedWebhook {
		const isOpen = (sealed: string | null): boolean => sealed === null || this.#secretBox.canOpen(sealed);
		const until = webhook.previousSecret?.until ?? null;
		return {
			webhook,
			signingSecret: isOpen(webhook.sealedSecret) ? this.#secretBox.open(webhook.sealedSecret) : '',
			headers: isOpen(webhook.sealedHeaders) ? openHeaders(webhook, this.#secretBox) : {},
			previousSecretUntil: until !== null && until.getTime() > this.#clock.now() ? until : null,
		};
	}

	#announce({userId, connectionId}: Webhook): Promise<void> {
		return this.#control.announce({kind: 'webhooks', userId, connectionId});
	}
}

/** A URL is shown in lists and logs; what is secret belongs where it is kept as one. */
function credentialsRefusal(url: string): string | undefined {
	const {username, password} = URL.parse(url) ?? {username: '', password: ''};
	return username === '' && password === ''
		? undefined
		: 'url must not contain a user name or password: send them in a header, headers: {"Authorization": "Basic …"}';
}
