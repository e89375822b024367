import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {WebhookSender} from '../../domain/ports/webhook-sender.ts';
import {deliveryId, type Outcome} from '../../domain/webhooks/delivery.ts';
import type {Disabling, FailedAttempt} from '../../domain/webhooks/disabling.ts';
import {judge, type Judgement} from '../../domain/webhooks/judgement.ts';
import {scheduleOf} from '../../domain/webhooks/schedule.ts';
import {signatureHeaders} from '../../domain/webhooks/signing.ts';
import {UNREADABLE} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook} from '../../domain/webhooks/webhook-directory.ts';

type ReadableWebhook = SigningWebhook & {readonly secrets: NonNullable<SigningWebhook['secrets']>};

/** Makes one HTTP try and says what it means for the delivery. */
export class AttemptMaker {
	readonly #sender: WebhookSender;
	readonly #disabling: Disabling;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #timeoutMs: number;

	/** @param options.timeoutMs deadline of one attempt, for webhooks that set none */
	constructor(options: {sender: WebhookSender; disabling: Disabling; clock: Clock; log: Logger; timeoutMs: number}) {
		this.#sender = options.sender;
		this.#disabling = options.disabling;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#timeoutMs = options.timeoutMs;
	}

	/**
	 * Tries the delivery once. When it resolves to `waiting`, the next attempt is up to the caller. Nothing goes out that cannot be signed.
	 */
	async attempt(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		if (!isReadable(webhook)) {
			return {...outcomeBase(task), state: 'skipped', atMs: this.#clock.now(), reason: UNREADABLE};
		}
		const attempt = task.attempt + 1;
		const base = {...outcomeBase(task), attempt};
		const judgement = await this.#try(task, webhook, base);
		const outcome = this.#toOutcome(base, judgement);
		if (judgement.gone) {
			await this.#disable(webhook, {...outcome, result: judgement.result});
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

	async #try(task: DeliveryTask, webhook: ReadableWebhook, {deliveryId, attempt}: OutcomeBase): Promise<Judgement> {
		const {event} = task;
		const response = await this.#sender.send({
			url: webhook.url,
			headers: {
				...webhook.headers,
				...signatureHeaders(
					{
						event: event.event,
						eventId: event.id,
						deliveryId,
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
			schedule: scheduleOf(webhook),
			firstAtMs: task.firstAtMs,
			nowMs: this.#clock.now(),
			random: Math.random(),
		});
	}

	#toOutcome(base: OutcomeBase, judgement: Judgement): Outcome {
		return {
			...base,
			state: judgement.state,
			atMs: this.#clock.now(),
			result: judgement.result,
			...(judgement.nextAttemptAtMs !== undefined && {nextAttemptAtMs: judgement.nextAttemptAtMs}),
			...(judgement.reason !== undefined && {reason: judgement.reason}),
		};
	}

	/** 410 means "never again". A store or broker that is away does not undo the attempt: the next 410 says it once more. */
	async #disable(webhook: SigningWebhook, attempt: FailedAttempt): Promise<void> {
		try {
			await this.#disabling.gone(webhook, attempt);
		} catch (error) {
			this.#log.warn({error, webhookId: webhook.id}, 'webhook.disable.failed');
		}
	}
}

function isReadable(webhook: SigningWebhook): webhook is ReadableWebhook {
	return webhook.secrets !== null;
}

type OutcomeBase = Pick<
	Outcome,
	'deliveryId' | 'eventId' | 'event' | 'webhookId' | 'userId' | 'connectionId' | 'run' | 'attempt' | 'firstAtMs'
>;

/** What every outcome of a task says, whatever happened. */
export function outcomeBase(task: DeliveryTask): OutcomeBase {
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
