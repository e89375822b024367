import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {expiresAtMs, scheduleOf} from '../../domain/webhooks/schedule.ts';
import {whyOff} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {Entrant} from './admission.ts';
import type {AttemptMaker} from './attempt-maker.ts';
import type {DeliveryLookup} from './delivery-lookup.ts';
import type {DeliveryReports} from './delivery-reports.ts';
import type {Lanes} from './lanes.ts';
import type {Turn, TurnEnd} from './turn.ts';

/** After a longer wait for its place a delivery is looked at again, and so is its webhook. A fast lane that is full takes a second. */
const LATE_AFTER_MS = 2000;

/** Gives deliveries their turn in the lanes of their webhooks: what is attempted then is right for that moment, however long it waited. */
export class Turns {
	readonly #directory: WebhookDirectory;
	readonly #deliveries: DeliveryLookup;
	readonly #attempts: AttemptMaker;
	readonly #lanes: Lanes;
	readonly #reports: DeliveryReports;
	readonly #clock: Clock;

	constructor(options: {
		directory: WebhookDirectory;
		deliveries: DeliveryLookup;
		attempts: AttemptMaker;
		lanes: Lanes;
		reports: DeliveryReports;
		clock: Clock;
	}) {
		this.#directory = options.directory;
		this.#deliveries = options.deliveries;
		this.#attempts = options.attempts;
		this.#lanes = options.lanes;
		this.#reports = options.reports;
		this.#clock = options.clock;
	}

	/**
	 * An attempt where the webhook's lane has room, else `parked`: where the delivery waits is up to the caller. Its end where its webhook
	 * is gone or off, or its time is up.
	 * @param webhook undefined = it was deleted
	 * @throws {StoreUnavailableError} it had to be looked at again
	 */
	take(
		turn: Turn,
		webhook: SigningWebhook | undefined,
		{priority, signal}: Required<Pick<Entrant, 'priority' | 'signal'>>,
	): Promise<TurnEnd> {
		const {task} = turn;
		if (webhook === undefined) {
			return Promise.resolve(this.#deleted(task));
		}
		const end = this.#endOf(task, webhook);
		if (end !== undefined) {
			return Promise.resolve(end);
		}
		const lateAtMs = this.#clock.now() + LATE_AFTER_MS;
		return this.#lanes.run(webhook, {
			entrant: {parked: task.parked, priority, signal},
			attempt: () => {
				const nowMs = this.#clock.now();
				if (signal.aborted) return Promise.resolve('returned');
				if (nowMs >= lateAtMs) return this.#attemptLate(turn, webhook);
				return nowMs < webhook.staleAtMs ? this.#attempts.attempt(task, webhook) : this.#attemptAnew(task, webhook);
			},
			park: (untilMs) => this.#reports.toParked(task, untilMs),
		});
	}

	/** Another process may have made its attempt meanwhile. */
	async #attemptLate(turn: Turn, webhook: SigningWebhook): Promise<TurnEnd> {
		return (await this.#deliveries.isOvertaken(turn)) ? 'overtaken' : this.#attemptAnew(turn.task, webhook);
	}

	/** To the webhook as it is by now. */
	async #attemptAnew(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		const current = await this.#directory.refresh(webhook);
		return current === undefined
			? this.#deleted(task)
			: (this.#endOf(task, current) ?? this.#attempts.attempt(task, current));
	}

	/** How it ends without an attempt, if it does. A test event goes to an inactive webhook too. */
	#endOf(task: DeliveryTask, webhook: SigningWebhook): Outcome | undefined {
		if (!webhook.active && task.event.onlyWebhookId === undefined) {
			return this.#reports.toEnd(task, 'skipped', whyOff(webhook));
		}
		return this.#clock.now() > expiresAtMs(scheduleOf(webhook), task.firstAtMs)
			? this.#reports.toEnd(task, 'dead', 'expired')
			: undefined;
	}

	#deleted(task: DeliveryTask): Outcome {
		return this.#reports.toEnd(task, 'skipped', 'the webhook was deleted');
	}
}
