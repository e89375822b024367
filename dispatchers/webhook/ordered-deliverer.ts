import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {deliveryId, isOvertaken, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import {expiresAtMs, scheduleOf} from '../../domain/webhooks/schedule.ts';
import {whyOff} from '../../domain/webhooks/webhook.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {AttemptMaker} from './attempt-maker.ts';
import {DeliveryReports} from './delivery-reports.ts';
import type {Lanes} from './lanes.ts';
import {RecentOutcomes} from './recent-outcomes.ts';

/**
 * So long a delivery stays in hand for its next attempt while its chat waits. A message may be in hand for three times this, with what
 * waits before it and with outages: well under RabbitMQ's 30 minutes for one that is not acknowledged.
 */
const HOLD_MS = 5 * 60_000;

/** The time that a delivery has in this process. */
export interface Stay {
	readonly arrivedAtMs: number;
	/** When its message was due; 0 when it never had to wait. */
	readonly dueAtMs: number;
	/** The process ends: what was not attempted goes back to the broker. */
	readonly signal: AbortSignal;
}

/** What is to be done next, and when. */
interface Step {
	readonly task: DeliveryTask;
	readonly dueAtMs: number;
}

/**
 * Brings a delivery to its end while the later ones of its chat wait: what fails is held in memory until its next attempt. What cannot be
 * attempted within the hold is left to the wait levels, and the chat goes on without it.
 */
export class OrderedDeliverer {
	readonly #directory: WebhookDirectory;
	readonly #deliveries: DeliveryStore;
	readonly #attempts: AttemptMaker;
	readonly #lanes: Lanes;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #holdMs: number;
	readonly #reports: DeliveryReports;
	readonly #recent = new RecentOutcomes();

	/** @param options.holdMs how long a delivery may keep its chat waiting, from its arrival here; default 5 minutes */
	constructor(options: {
		directory: WebhookDirectory;
		deliveries: DeliveryStore;
		attempts: AttemptMaker;
		lanes: Lanes;
		publisher: Publisher;
		clock: Clock;
		holdMs?: number;
	}) {
		this.#directory = options.directory;
		this.#deliveries = options.deliveries;
		this.#attempts = options.attempts;
		this.#lanes = options.lanes;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#holdMs = options.holdMs ?? HOLD_MS;
		this.#reports = new DeliveryReports(options);
	}

	/**
	 * Resolves when the delivery has its end, or the broker its next attempt; or early, to be returned, when the process ends.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} what was attempted already is remembered, not repeated
	 */
	async deliver(task: DeliveryTask, stay: Stay): Promise<Disposition> {
		let step: Step | undefined = {task, dueAtMs: stay.dueAtMs};
		while (step !== undefined) {
			if (step.dueAtMs > this.#holdEndOf(stay)) {
				await this.#publisher.delivery(step.task, step.dueAtMs);
				return ACK;
			}
			await this.#waitFor(step, stay);
			if (stay.signal.aborted) {
				return RETURN;
			}
			step = await this.#take(step, stay);
		}
		return ACK;
	}

	/** The delivery waits in the broker until `untilMs`, without an attempt; resolves when its row will say so. */
	async reportParked(task: DeliveryTask, untilMs: number): Promise<void> {
		await this.#reports.addParked(task, untilMs);
	}

	#holdEndOf({arrivedAtMs}: Stay): number {
		return arrivedAtMs + this.#holdMs;
	}

	async #waitFor({dueAtMs}: Step, {signal}: Stay): Promise<void> {
		const remainderMs = dueAtMs - this.#clock.now();
		if (remainderMs > 0) await pause(this.#clock, remainderMs, signal);
	}

	/** Takes one step with webhook and delivery as they are now. Undefined when nothing is left to do here. */
	async #take(planned: Step, stay: Stay): Promise<Step | undefined> {
		const {webhookId, event} = planned.task;
		const [webhook, delivery] = await Promise.all([
			this.#directory.find(webhookId),
			this.#deliveries.find(deliveryId(event.id, webhookId)),
		]);
		const step = delivery === undefined ? planned : afterRow(planned, delivery);
		if (step === undefined || step.dueAtMs > this.#clock.now()) {
			return step;
		}
		if (webhook === undefined) {
			return this.#end(step.task, 'skipped', 'the webhook was deleted');
		}
		if (!webhook.active) {
			return this.#end(step.task, 'skipped', whyOff(webhook));
		}
		return this.#proceed(step, stay, webhook);
	}

	/** An attempt, where the webhook's lane has room. */
	async #proceed({task, dueAtMs}: Step, stay: Stay, webhook: SigningWebhook): Promise<Step | undefined> {
		const nowMs = this.#clock.now();
		const holdEndMs = this.#holdEndOf(stay);
		if (nowMs > expiresAtMs(scheduleOf(webhook), task.firstAtMs)) {
			return this.#end(task, 'dead', 'expired');
		}
		if (nowMs > holdEndMs + this.#holdMs) {
			return this.#leave(task, nowMs);
		}
		const outcome = await this.#recent.once(task, dueAtMs, () => this.#attempt(task, webhook));
		const {state, attempt, nextAttemptAtMs} = outcome;
		if (state === 'parked' && nextAttemptAtMs !== undefined) {
			return this.#clock.now() < holdEndMs
				? {task, dueAtMs: Math.min(nextAttemptAtMs, holdEndMs)}
				: this.#leave(task, nextAttemptAtMs);
		}
		await this.#reports.add(outcome);
		return nextAttemptAtMs === undefined ? undefined : {task: {...task, attempt, parked: 0}, dueAtMs: nextAttemptAtMs};
	}

	/** Parked means here that the lane said so: where it waits is up to the caller. */
	#attempt(task: DeliveryTask, webhook: SigningWebhook): Promise<Outcome> {
		return this.#lanes.run(webhook, {
			parked: task.parked,
			priority: 'live',
			attempt: () => this.#attempts.attemptOnly(task, webhook),
			park: (untilMs) => this.#reports.toParked(task, untilMs),
		});
	}

	/** The chat has waited long enough: from here on the webhook dispatcher delivers it, in any order. */
	async #leave(task: DeliveryTask, untilMs: number): Promise<undefined> {
		await this.#publisher.delivery({...task, parked: task.parked + 1}, untilMs);
		await this.reportParked(task, untilMs);
	}

	async #end(task: DeliveryTask, state: 'skipped' | 'dead', reason: string): Promise<undefined> {
		await this.#reports.addEnd(task, state, reason);
	}
}

/**
 * Goes on where the row is: somebody else may have held the delivery before, or still holds it (its broker connection is lost), and the
 * message says nothing of the attempts that were made meanwhile. Undefined when the delivery has its end, or the broker another message
 * for it: only then may its chat go on.
 */
function afterRow(step: Step, delivery: Delivery): Step | undefined {
	const {task, dueAtMs} = step;
	const {run, attempts, state, nextAttemptAt} = delivery;
	if (run === task.run && attempts >= task.attempt && state === 'waiting') {
		return {task: {...task, attempt: attempts}, dueAtMs: Math.max(dueAtMs, nextAttemptAt?.getTime() ?? 0)};
	}
	return isOvertaken({run: task.run, attempt: task.attempt, dueAtMs}, delivery) ? undefined : step;
}
