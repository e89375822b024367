import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeDelivery, decodeEvent, kindOf, type DeliveryTask} from '../../domain/broker/messages.ts';
import {dueAtMsOf, type Publisher} from '../../domain/broker/publisher.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {deliveryId, isOvertaken, type Outcome} from '../../domain/webhooks/delivery.ts';
import {expiresAtMs, scheduleOf} from '../../domain/webhooks/schedule.ts';
import {EventMatcher} from '../../domain/webhooks/event-matcher.ts';
import {whyOff} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import {outcomeBase, type AttemptMaker} from './attempt-maker.ts';
import {DeliveryReports} from './delivery-reports.ts';
import type {Priority} from './lane.ts';
import {DeliveryLookup} from './delivery-lookup.ts';
import type {Lanes} from './lanes.ts';
import {RecentOutcomes} from './recent-outcomes.ts';

/**
 * Brings events to webhooks. An event is done when each of its deliveries has a durable next state; a waiting delivery comes
 * back as a message of its own.
 */
export class WebhookHandler {
	readonly #directory: WebhookDirectory;
	readonly #deliveries: DeliveryLookup;
	readonly #attempts: AttemptMaker;
	readonly #lanes: Lanes;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #reports: DeliveryReports;
	readonly #recent = new RecentOutcomes();

	constructor(options: {
		directory: WebhookDirectory;
		deliveries: DeliveryStore;
		attempts: AttemptMaker;
		lanes: Lanes;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#directory = options.directory;
		this.#deliveries = new DeliveryLookup(options);
		this.#attempts = options.attempts;
		this.#lanes = options.lanes;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#reports = new DeliveryReports(options);
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		await this.#lanes.hold(() =>
			kindOf(message) === 'delivery'
				? this.#continue(decodeDelivery(message), dueAtMsOf(message))
				: this.#begin(decodeEvent(message), message.redelivered),
		);
		return ACK;
	}

	/** The first attempt of every delivery of an event, all at once. What comes again may be half done: then the rows are asked. */
	async #begin(event: PreparedEvent, isRepeat: boolean): Promise<void> {
		const first = {event, run: 1, attempt: 0, firstAtMs: this.#clock.now(), parked: 0};
		if (event.onlyWebhookId !== undefined) {
			await this.#continue({...first, webhookId: event.onlyWebhookId}, 0);
			return;
		}
		const webhooks = await this.#directory.listForEvent(
			event.userId,
			event.connectionId ?? event.alsoConnectionId ?? null,
		);
		const matcher = new EventMatcher(event);
		const wanted = webhooks.filter(
			(webhook) =>
				webhook.id !== event.exceptWebhookId &&
				matcher.isWantedBy(webhook) &&
				// The log dispatcher starts those.
				matcher.orderedChatFor(webhook) === undefined,
		);
		const left = isRepeat ? await this.#notBegun(event, wanted) : wanted;
		await Promise.all(left.map((webhook) => this.#deliver({...first, webhookId: webhook.id}, 0, webhook)));
	}

	/** The webhooks whose delivery has its first attempt before it. */
	async #notBegun(event: PreparedEvent, webhooks: readonly SigningWebhook[]): Promise<readonly SigningWebhook[]> {
		const rows = await this.#deliveries.find(...webhooks.map(({id}) => deliveryId(event.id, id)));
		const begun = rows.filter((row) => isOvertaken({run: 1, attempt: 0, dueAtMs: 0}, row));
		const done = new Set(begun.map(({webhookId}) => webhookId));
		return webhooks.filter(({id}) => !done.has(id));
	}

	/** With webhook and delivery as they are now, not as they were. */
	async #continue(task: DeliveryTask, dueAtMs: number): Promise<void> {
		const [webhook, isOvertaken] = await Promise.all([
			this.#directory.find(task.webhookId),
			this.#isOvertaken(task, dueAtMs),
		]);
		if (isOvertaken) return;
		if (webhook === undefined) {
			await this.#reports.addEnd(task, 'skipped', 'the webhook was deleted');
		} else {
			await this.#deliver(task, dueAtMs, webhook);
		}
	}

	/** The row may lag behind, but never runs ahead: what it says to be done is done. */
	async #isOvertaken({event, webhookId, run, attempt}: DeliveryTask, dueAtMs: number): Promise<boolean> {
		const [delivery] = await this.#deliveries.find(deliveryId(event.id, webhookId));
		return delivery !== undefined && isOvertaken({run, attempt, dueAtMs}, delivery);
	}

	/** Resolves when the step is durable. A test event goes to an inactive webhook too. */
	async #deliver(task: DeliveryTask, dueAtMs: number, webhook: SigningWebhook): Promise<void> {
		if (!webhook.active && task.event.onlyWebhookId === undefined) {
			await this.#reports.addEnd(task, 'skipped', whyOff(webhook));
			return;
		}
		await this.#reports.add(await this.#recent.once(task, dueAtMs, () => this.#step(task, webhook)));
	}

	/** The next step of a delivery: an attempt where the webhook's lane has room, else a longer wait; or its end, when its time is up. */
	async #step(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		const nowMs = this.#clock.now();
		if (nowMs > expiresAtMs(scheduleOf(webhook), task.firstAtMs)) {
			return {...outcomeBase(task), state: 'dead', atMs: nowMs, reason: 'expired'};
		}
		return this.#lanes.run(webhook, {
			parked: task.parked,
			priority: priorityOf(task),
			attempt: () => this.#attempts.attempt(task, webhook),
			park: (untilMs) => this.#park(task, untilMs),
		});
	}

	/** Back to the broker, without counting an attempt. @throws {BrokerUnavailableError} */
	async #park(task: DeliveryTask, untilMs: number): Promise<Outcome> {
		await this.#publisher.delivery({...task, parked: task.parked + 1}, untilMs);
		return this.#reports.toParked(task, untilMs);
	}
}

/** What is made once more gives way to what is new, in its first run and in every further one. */
function priorityOf({run, isReplay}: DeliveryTask): Priority {
	return run > 1 || isReplay === true ? 'background' : 'live';
}
