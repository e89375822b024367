import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeDelivery, decodeEvent, kindOf, type DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {DEFAULT_RETRY_SCHEDULE_MS, expiresAtMs} from '../../domain/webhooks/schedule.ts';
import {wantsEvent} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import {outcomeBase, type AttemptMaker} from './attempt-maker.ts';
import type {Admission} from './lane.ts';
import type {Lanes} from './lanes.ts';
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
	readonly #lanes: Lanes;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #outcomes: Batch<Outcome>;
	readonly #recent = new RecentOutcomes();

	constructor(options: {
		directory: WebhookDirectory;
		attempts: AttemptMaker;
		lanes: Lanes;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#directory = options.directory;
		this.#attempts = options.attempts;
		this.#lanes = options.lanes;
		this.#publisher = options.publisher;
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
		await this.#lanes.hold(() =>
			kindOf(message) === 'delivery' ? this.#continue(decodeDelivery(message)) : this.#begin(decodeEvent(message)),
		);
		return ACK;
	}

	/** The first attempt of every delivery of an event, all at once. */
	async #begin(event: PreparedEvent): Promise<void> {
		const first = {event, run: 1, attempt: 0, firstAtMs: this.#clock.now(), parked: 0};
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
		const outcome = await this.#recent.once(task, () => this.#step(task, webhook));
		// Its row says so since the first time.
		if (outcome.state === 'parked' && task.parked > 0) return;
		await this.#outcomes.add(outcome);
	}

	/** The next step of a delivery: an attempt where the webhook's lane has room, else a longer wait; or its end, when its time is up. */
	async #step(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		const nowMs = this.#clock.now();
		if (nowMs > expiresAtMs(webhook.retryScheduleMs ?? DEFAULT_RETRY_SCHEDULE_MS, task.firstAtMs)) {
			return {...outcomeBase(task), state: 'dead', atMs: nowMs, reason: 'expired'};
		}
		const lane = this.#lanes.of(webhook.id);
		try {
			const admission = await lane.enter(nowMs, this.#lanes.isPressed);
			return await (admission.kind === 'park'
				? this.#park(task, admission)
				: lane.run(admission, {
						now: () => this.#clock.now(),
						attempt: () => this.#attempts.attempt(task, webhook),
						isAlive,
					}));
		} finally {
			this.#lanes.release(webhook.id);
		}
	}

	/** Back to the broker, without counting an attempt. @throws {BrokerUnavailableError} */
	async #park(task: DeliveryTask, {untilMs}: Extract<Admission, {kind: 'park'}>): Promise<Outcome> {
		await this.#publisher.delivery({...task, parked: task.parked + 1}, untilMs);
		return {...outcomeBase(task), state: 'parked', atMs: this.#clock.now(), nextAttemptAtMs: untilMs};
	}

	/** Nothing vanishes: what is not sent leaves a row with the reason. */
	#skip(task: DeliveryTask, reason: string): Promise<void> {
		return this.#outcomes.add({...outcomeBase(task), state: 'skipped', atMs: this.#clock.now(), reason});
	}
}

/** An endpoint that refuses what it gets works all the same; one that does not answer, or has too much to do, does not. */
function isAlive({state, result}: Outcome): boolean {
	const status = result?.status ?? 0;
	return state === 'delivered' || (status >= 300 && status < 500 && status !== 408 && status !== 429);
}
