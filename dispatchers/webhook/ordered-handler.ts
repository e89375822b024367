import type {Disposition} from '../../domain/broker/disposition.ts';
import {ACK} from '../../domain/broker/disposition.ts';
import {decodeOrdered, type OrderedTask} from '../../domain/broker/messages.ts';
import {dueAtMsOf, type Publisher} from '../../domain/broker/publisher.ts';
import {DomainError} from '../../domain/errors.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {deliveryId} from '../../domain/webhooks/delivery.ts';
import {KeyedLanes} from '../keyed-lanes.ts';
import type {OrderedDeliverer} from './ordered-deliverer.ts';
import {PartitionRoom} from './partition-room.ts';
import type {SlowStarts} from './slow-starts.ts';

/** Works one partition of ordered deliveries: those of one chat of a webhook one after the other, chats side by side. */
export class OrderedHandler {
	readonly #deliverer: OrderedDeliverer;
	readonly #starts: SlowStarts;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #room: PartitionRoom;
	/** All that wait for an outage come again, in their order: nothing may overtake what met it first. */
	readonly #chats = new KeyedLanes({turnsAway: (error) => error instanceof DomainError && error.retryable});
	/** By delivery and run. */
	readonly #underWay = new Map<string, Promise<Disposition>>();
	readonly #stopping = new AbortController();

	/** @param options.capacity how many messages may be in hand at once (the prefetch) */
	constructor({
		deliverer,
		starts,
		publisher,
		clock,
		capacity,
	}: {
		deliverer: OrderedDeliverer;
		starts: SlowStarts;
		publisher: Publisher;
		clock: Clock;
		capacity: number;
	}) {
		this.#deliverer = deliverer;
		this.#starts = starts;
		this.#publisher = publisher;
		this.#clock = clock;
		this.#room = new PartitionRoom({clock, capacity});
	}

	/**
	 * A delivery that comes again while it is under way (the broker lost this process for a moment) is not made twice.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError}
	 */
	async handle(message: Message): Promise<Disposition> {
		const task = decodeOrdered(message);
		const key = `${deliveryId(task.event.id, task.webhookId)}:${task.run}`;
		const known = this.#underWay.get(key);
		if (known !== undefined) {
			return known;
		}
		const delivery = this.#deliver(task, dueAtMsOf(message));
		this.#underWay.set(key, delivery);
		try {
			return await delivery;
		} finally {
			this.#underWay.delete(key);
		}
	}

	/** Begins nothing more: what is held goes back to the broker, in the order of its chat. Attempts under way are finished. */
	stop(): void {
		this.#stopping.abort();
	}

	async #deliver(task: OrderedTask, dueAtMs: number): Promise<Disposition> {
		const {webhookId, chatId, event} = task;
		const seat = {webhookId, chatId, deliveryId: deliveryId(event.id, webhookId)};
		const refusal = this.#room.enter(seat);
		if (refusal !== undefined) {
			await this.#putBack(task, refusal.untilMs);
			return ACK;
		}
		const arrivedAtMs = this.#clock.now();
		const {signal} = this.#stopping;
		const stayOn = (onRecorded: () => void): Promise<Disposition> =>
			this.#chats.run(`${webhookId}/${chatId}`, () =>
				this.#deliverer.deliver(task, {arrivedAtMs, dueAtMs, signal, onRecorded}),
			);
		try {
			return await (task.parked === 0 ? this.#starts.during(task, stayOn) : stayOn(() => undefined));
		} finally {
			this.#room.leave(seat);
		}
	}

	/** Comes again to this queue, and keeps its place in the chat. */
	async #putBack(task: OrderedTask, untilMs: number): Promise<void> {
		await this.#publisher.ordered({...task, parked: task.parked + 1}, untilMs);
		await this.#deliverer.reportParked(task, untilMs);
	}
}
