import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeDelivery, decodeEvent, kindOf, type DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {wantsEvent} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import {outcomeBase, type AttemptMaker} from './attempt-maker.ts';
import {RecentOutcomes} from './recent-outcomes.ts';

/** Outcomes of many events share one message on the broker. */
const OUTCOMES_PER_MESSAGE = 100;
const OUTCOMES_DELAY_MS = 10;

/**
 * Brings events to webhooks. An event is done when each of its deliveries has a durable next state; a waiting delivery comes
 * back as a message of its own.
 */
export class WebhookHandler {
	readonly #directory: WebhookDirectory;
	readonly #attempts: AttemptMaker;
	readonly #clock: Clock;
	readonly #outcomes: Batch<Outcome>;
	readonly #recent = new RecentOutcomes();

	constructor(options: {directory: WebhookDirectory; attempts: AttemptMaker; publisher: Publisher; clock: Clock}) {
		this.#directory = options.directory;
		this.#attempts = options.attempts;
		this.#clock = options.clock;
		this.#outcomes = new Batch({
			maxItems: OUTCOMES_PER_MESSAGE,
			maxDelayMs: OUTCOMES_DELAY_MS,
			clock: options.clock,
			flush: (outcomes) => options.publisher.outcomes(outcomes),
		});
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		if (kindOf(message) === 'delivery') {
			await this.#continue(decodeDelivery(message));
		} else {
			await this.#begin(decodeEvent(message));
		}
		return ACK;
	}

	/** The first attempt of every delivery of an event, all at once. */
	async #begin(event: PreparedEvent): Promise<void> {
		const first = {event, run: 1, attempt: 0, firstAtMs: this.#clock.now()};
		if (event.onlyWebhookId !== undefined) {
			await this.#continue({...first, webhookId: event.onlyWebhookId});
			return;
		}
		const webhooks = await this.#directory.listForEvent(event.userId, event.connectionId);
		const wanted = webhooks.filter(({events}) => wantsEvent(events, event.event));
		await Promise.all(wanted.map((webhook) => this.#deliver({...first, webhookId: webhook.id}, webhook)));
	}

	/** With the webhook as it is now, not as it was. */
	async #continue(task: DeliveryTask): Promise<void> {
		const webhook = await this.#directory.find(task.webhookId);
		if (webhook === undefined) {
			await this.#skip(task, 'the webhook was deleted');
		} else {
			await this.#deliver(task, webhook);
		}
	}

	/** Resolves when the step is durable. A test event goes to an inactive webhook too. */
	async #deliver(task: DeliveryTask, webhook: SigningWebhook): Promise<void> {
		if (!webhook.active && task.event.onlyWebhookId === undefined) {
			const why = webhook.disabledReason === null ? 'inactive' : `disabled: ${webhook.disabledReason}`;
			await this.#skip(task, `the webhook is ${why}`);
			return;
		}
		const outcome = await this.#recent.once(task, () => this.#attempts.attempt(task, webhook));
		await this.#outcomes.add(outcome);
	}

	/** Nothing vanishes: what is not sent leaves a row with the reason. */
	#skip(task: DeliveryTask, reason: string): Promise<void> {
		return this.#outcomes.add({...outcomeBase(task), state: 'skipped', atMs: this.#clock.now(), reason});
	}
}
