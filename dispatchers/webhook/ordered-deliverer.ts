import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {deliveryId, isOvertaken, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {DeliveryReports} from './delivery-reports.ts';
import {RecentOutcomes} from './recent-outcomes.ts';
import {isStep, type Turn} from './turn.ts';
import type {Turns} from './turns.ts';

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
	/** To be called once the delivery's row will tell what became of it here. */
	readonly onRecorded: () => void;
}

/**
 * Brings a delivery to its end while the later ones of its chat wait: what fails is held in memory until its next attempt. What cannot be
 * attempted within the hold is left to the wait levels, and the chat goes on without it.
 */
export class OrderedDeliverer {
	readonly #directory: WebhookDirectory;
	readonly #deliveries: DeliveryStore;
	readonly #turns: Turns;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #holdMs: number;
	readonly #reports: DeliveryReports;
	readonly #recent = new RecentOutcomes();

	/** @param options.holdMs how long a delivery may keep its chat waiting, from its arrival here; default 5 minutes */
	constructor(options: {
		directory: WebhookDirectory;
		deliveries: DeliveryStore;
		turns: Turns;
		reports: DeliveryReports;
		publisher: Publisher;
		clock: Clock;
		holdMs?: number;
	}) {
		this.#directory = options.directory;
		this.#deliveries = options.deliveries;
		this.#turns = options.turns;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#holdMs = options.holdMs ?? HOLD_MS;
		this.#reports = options.reports;
	}

	/**
	 * Resolves when the delivery has its end, or the broker its next attempt; or early, to be returned, when the process ends.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} what was attempted already is remembered, not repeated
	 */
	async deliver(task: DeliveryTask, stay: Stay): Promise<Disposition> {
		let turn: Turn | undefined = {task, dueAtMs: stay.dueAtMs};
		while (turn !== undefined) {
			if (turn.dueAtMs > this.#holdEndOf(stay)) {
				await this.#publisher.delivery(turn.task, turn.dueAtMs);
				return ACK;
			}
			await this.#waitFor(turn, stay);
			if (stay.signal.aborted) {
				return RETURN;
			}
			turn = await this.#take(turn, stay);
		}
		return ACK;
	}

	/** The delivery waits in the broker until `untilMs`, without an attempt; resolves when its row will say so. */
	async reportParked(task: DeliveryTask, untilMs: number): Promise<void> {
		await this.#reports.add(this.#reports.toParked(task, untilMs));
	}

	#holdEndOf({arrivedAtMs}: Stay): number {
		return arrivedAtMs + this.#holdMs;
	}

	async #waitFor({dueAtMs}: Turn, {signal}: Stay): Promise<void> {
		const remainderMs = dueAtMs - this.#clock.now();
		if (remainderMs > 0) await pause(this.#clock, remainderMs, signal);
	}

	/** Takes the turn with webhook and delivery as they are now. Undefined when nothing is left to do here. */
	async #take(planned: Turn, stay: Stay): Promise<Turn | undefined> {
		const {webhookId, event} = planned.task;
		const [webhook, delivery] = await Promise.all([
			this.#directory.find(webhookId),
			this.#deliveries.find(deliveryId(event.id, webhookId)),
		]);
		const turn = delivery === undefined ? planned : afterRow(planned, delivery);
		return turn === undefined || turn.dueAtMs > this.#clock.now() ? turn : this.#proceed(turn, stay, webhook);
	}

	/** An attempt, where the webhook's lane has room. */
	async #proceed(turn: Turn, stay: Stay, webhook: SigningWebhook | undefined): Promise<Turn | undefined> {
		const {task} = turn;
		const {signal} = stay;
		const nowMs = this.#clock.now();
		const holdEndMs = this.#holdEndOf(stay);
		if (nowMs > holdEndMs + this.#holdMs) {
			return this.#leave(task, nowMs);
		}
		const take = () => this.#turns.take(turn, webhook, {priority: 'live', signal});
		const end = await this.#recent.once(turn, {take});
		if (!isStep(end)) {
			// To be returned, or to be looked at again.
			return turn;
		}
		const {state, attempt, nextAttemptAtMs} = end;
		if (state === 'parked' && nextAttemptAtMs !== undefined) {
			return this.#clock.now() < holdEndMs
				? {task, dueAtMs: Math.min(nextAttemptAtMs, holdEndMs)}
				: this.#leave(task, nextAttemptAtMs);
		}
		await this.#reports.add(end);
		stay.onRecorded();
		return nextAttemptAtMs === undefined ? undefined : {task: {...task, attempt, parked: 0}, dueAtMs: nextAttemptAtMs};
	}

	/** The chat has waited long enough: from here on the webhook dispatcher delivers it, in any order. */
	async #leave(task: DeliveryTask, untilMs: number): Promise<undefined> {
		await this.#publisher.delivery({...task, parked: task.parked + 1}, untilMs);
		await this.reportParked(task, untilMs);
	}
}

/**
 * Goes on where the row is: somebody else may have held the delivery before, or still holds it (its broker connection is lost), and the
 * message says nothing of the attempts that were made meanwhile. Undefined when the delivery has its end, or the broker another message
 * for it: only then may its chat go on.
 */
function afterRow(turn: Turn, delivery: Delivery): Turn | undefined {
	const {task, dueAtMs} = turn;
	const {run, attempts, state, nextAttemptAt} = delivery;
	if (run === task.run && attempts >= task.attempt && state === 'waiting') {
		return {task: {...task, attempt: attempts}, dueAtMs: Math.max(dueAtMs, nextAttemptAt?.getTime() ?? 0)};
	}
	return isOvertaken({run: task.run, attempt: task.attempt, dueAtMs}, delivery) ? undefined : turn;
}
