import type {Channel, Message as Delivery} from 'amqplib';
import type {Settlement} from '../../domain/ports/broker.ts';

/**
 * Settles the deliveries of one channel that has one consumer, and so numbers them 1, 2, 3 …. Acknowledgements of one turn of
 * the event loop leave together, and those of everything up to a number as a single frame. Once the channel is gone it is
 * silent: its messages come again on another one.
 */
export class Acknowledger {
	readonly #channel: Channel;
	/** Every delivery below this is settled with the broker. */
	#lowest = 1;
	/** Settled with the broker one by one, at or above `#lowest`. */
	readonly #settled = new Set<number>();
	/** To be acknowledged with the next flush. */
	#acked: number[] = [];
	#scheduled = false;
	#gone = false;

	constructor(channel: Channel) {
		this.#channel = channel;
		channel.once('close', () => {
			this.#gone = true;
		});
	}

	settle(deliveryTag: number, settlement: Settlement): void {
		if (this.#gone) return;
		if (settlement === 'requeue') {
			this.#settled.add(deliveryTag);
			this.#send((channel) => {
				channel.nack(delivery(deliveryTag), false, true);
			});
			return;
		}
		this.#acked.push(deliveryTag);
		if (!this.#scheduled) {
			this.#scheduled = true;
			setImmediate(() => {
				this.flush();
			});
		}
	}

	/** Sends what is collected, now. */
	flush(): void {
		this.#scheduled = false;
		const acked = new Set(this.#acked);
		this.#acked = [];
		const last = this.#advance(acked);
		if (last !== undefined) this.#ack(last, true);
		for (const deliveryTag of acked) {
			this.#settled.add(deliveryTag);
			this.#ack(deliveryTag, false);
		}
	}

	/**
	 * Moves `#lowest` over everything that is settled without a gap. Takes those acknowledgements out of `acked` and returns the
	 * last one: it stands for all before it. (The broker must not have settled it yet, or it closes the channel.)
	 */
	#advance(acked: Set<number>): number | undefined {
		let last: number | undefined;
		for (; ; this.#lowest++) {
			if (acked.delete(this.#lowest)) last = this.#lowest;
			else if (!this.#settled.delete(this.#lowest)) return last;
		}
	}

	#ack(deliveryTag: number, allUpTo: boolean): void {
		this.#send((channel) => {
			channel.ack(delivery(deliveryTag), allUpTo);
		});
	}

	#send(send: (channel: Channel) => void): void {
		if (this.#gone) return;
		try {
			send(this.#channel);
		} catch {
			// The connection is closing under us: as good as gone, and the messages come again.
			this.#gone = true;
		}
	}
}

/** All that amqplib reads of a message that it settles. */
function delivery(deliveryTag: number): Delivery {
	return {fields: {deliveryTag}} as Delivery;
}
