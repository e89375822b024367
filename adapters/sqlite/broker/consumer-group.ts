import type {QueueConsumer} from './queue-consumer.ts';

/**
 * The consumers of one queue, who get its messages in turn; or only the first of them, until it is gone. A first one that
 * is paused keeps its right: messages must not overtake what it has in hand.
 */
export class ConsumerGroup {
	readonly #single: boolean;
	readonly #consumers: QueueConsumer[] = [];

	constructor({single}: {single: boolean}) {
		this.#single = single;
	}

	/** Places that are taken. */
	get inHand(): number {
		return this.#consumers.reduce((sum, consumer) => sum + consumer.inHand, 0);
	}

	add(consumer: QueueConsumer): void {
		this.#consumers.push(consumer);
	}

	remove(consumer: QueueConsumer): void {
		const index = this.#consumers.indexOf(consumer);
		if (index >= 0) this.#consumers.splice(index, 1);
	}

	/** Reserves a place with whoever's turn it is; undefined when nobody has one. */
	reserve(): QueueConsumer | undefined {
		if (this.#single) {
			const [first] = this.#consumers;
			return first?.reserve() === true ? first : undefined;
		}
		const index = this.#consumers.findIndex((consumer) => consumer.reserve());
		const [consumer] = index < 0 ? [] : this.#consumers.splice(index, 1);
		if (consumer !== undefined) this.#consumers.push(consumer);
		return consumer;
	}

	async close(): Promise<void> {
		await Promise.all(this.#consumers.map((consumer) => consumer.close()));
	}
}
