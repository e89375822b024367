import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {ControlBus} from '../../domain/broker/control-bus.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {WebhookSender} from '../../domain/ports/webhook-sender.ts';
import type {WebhookStore} from '../../domain/ports/webhook-store.ts';
import {deliveryId, type Outcome} from '../../domain/webhooks/delivery.ts';
import {judge, type Judgement} from '../../domain/webhooks/judgement.ts';
import {DEFAULT_RETRY_SCHEDULE_MS} from '../../domain/webhooks/schedule.ts';
import {signatureHeaders} from '../../domain/webhooks/signing.ts';
import type {SigningWebhook} from '../../domain/webhooks/webhook-directory.ts';

/** Makes one HTTP try and puts the delivery into its next durable place. */
export class AttemptMaker {
	readonly #sender: WebhookSender;
	readonly #store: WebhookStore;
	readonly #publisher: Publisher;
	readonly #control: ControlBus;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #timeoutMs: number;

	/** @param options.timeoutMs deadline of one attempt, for webhooks that set none */
	constructor(options: {
		sender: WebhookSender;
		store: WebhookStore;
		publisher: Publisher;
		control: ControlBus;
		clock: Clock;
		log: Logger;
		timeoutMs: number;
	}) {
		this.#sender = options.sender;
		this.#store = options.store;
		this.#publisher = options.publisher;
		this.#control = options.control;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#timeoutMs = options.timeoutMs;
	}

	/**
	 * Tries the delivery once. When it resolves to `waiting`, the broker holds the next attempt.
	 * @throws {BrokerUnavailableError} the next attempt could not be stored
	 */
	async attempt(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		const attempt = task.attempt + 1;
		const judgement = await this.#try(task, webhook, attempt);
		const outcome = this.#toOutcome(task, attempt, judgement);
		if (judgement.nextAttemptAtMs !== undefined) {
			await this.#publisher.delivery({...task, attempt, parked: 0}, judgement.nextAttemptAtMs);
		}
		if (judgement.gone) {
			await this.#disable(webhook);
		}
		this.#log.info(
			{
				deliveryId: outcome.deliveryId,
				webhookId: webhook.id,
				event: task.event.event,
				attempt,
				state: outcome.state,
				status: judgement.result.status,
				errorClass: judgement.result.errorClass,
				durationMs: judgement.result.durationMs,
			},
			'delivery.attempted',
		);
		return outcome;
	}

	async #try(task: DeliveryTask, webhook: SigningWebhook, attempt: number): Promise<Judgement> {
		const {event} = task;
		const response = await this.#sender.send({
			url: webhook.url,
			headers: {
				...webhook.headers,
				...signatureHeaders(
					{
						event: event.event,
						eventId: event.id,
						deliveryId: deliveryId(event.id, webhook.id),
						attempt,
						timestampSeconds: Math.floor(this.#clock.now() / 1000),
						body: event.body,
					},
					webhook.secrets,
				),
			},
			body: event.body,
			timeoutMs: webhook.timeoutMs ?? this.#timeoutMs,
		});
		return judge(response, {
			attempt,
			event: event.event,
			schedule: webhook.retryScheduleMs ?? DEFAULT_RETRY_SCHEDULE_MS,
			firstAtMs: task.firstAtMs,
			nowMs: this.#clock.now(),
			random: Math.random(),
		});
	}

	#toOutcome(task: DeliveryTask, attempt: number, judgement: Judgement): Outcome {
		return {
			...outcomeBase(task),
			attempt,
			state: judgement.state,
			atMs: this.#clock.now(),
			result: judgement.result,
			...(judgement.nextAttemptAtMs !== undefined && {nextAttemptAtMs: judgement.nextAttemptAtMs}),
			...(judgement.reason !== undefined && {reason: judgement.reason}),
		};
	}

	/** 410 means "never again". A store that is away does not undo the attempt: the next 410 says it once more. */
	async #disable(webhook: SigningWebhook): Promise<void> {
		try {
			await this.#store.disable(webhook.id, 'the receiver answered 410 Gone', new Date(this.#clock.now()));
			await this.#control.announce({kind: 'webhooks', userId: webhook.userId, connectionId: webhook.connectionId});
		} catch (error) {
			this.#log.warn({error, webhookId: webhook.id}, 'webhook.disable.failed');
		}
	}
}

/** What every outcome of a task says, whatever happened. */
export function outcomeBase(
	task: DeliveryTask,
): Pick<
	Outcome,
	'deliveryId' | 'eventId' | 'event' | 'webhookId' | 'userId' | 'connectionId' | 'run' | 'attempt' | 'firstAtMs'
> {
	const {event, webhookId, run, attempt, firstAtMs} = task;
	return {
		deliveryId: deliveryId(event.id, webhookId),
		eventId: event.id,
		event: event.event,
		webhookId,
		userId: event.userId,
		connectionId: event.connectionId,
		run,
		attempt,
		firstAtMs,
	};
}
