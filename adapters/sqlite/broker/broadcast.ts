import type {BroadcastQueue} from '../../../domain/broker/topology.ts';
import type {ConsumeOptions, Consumer, Message, Settlement} from '../../../domain/ports/broker.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {Content, Death} from './entry.ts';
import {MemoryQueue} from './memory-queue.ts';

/** A listener that is further behind than this has missed something, and is told so. */
const MAX_LENGTH = 10_000;

/** One queue in memory per consumer, each of which gets every message. */
export class Broadcast implements AsyncDisposable {
	readonly #declaration: BroadcastQueue;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #queues = new Set<MemoryQueue>();

	constructor({declaration, clock, log}: {declaration: BroadcastQueue; clock: Clock; log: Logger}) {
		this.#declaration = declaration;
		this.#clock = clock;
		this.#log = log;
	}

	offer(content: Content, death?: Death): void {
		for (const queue of this.#queues) queue.offer(content, death);
	}

	consume(options: ConsumeOptions, handle: (message: Message) => Promise<Settlement>): Consumer {
		const queue = new MemoryQueue({
			name: this.#declaration.name,
			maxLength: MAX_LENGTH,
			ttlMs: Infinity,
			clock: this.#clock,
			log: this.#log,
			...(options.onRestored !== undefined && {onOverflow: options.onRestored}),
		});
		this.#queues.add(queue);
		return queue.consume(options, handle, () => {
			this.#queues.delete(queue);
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all([...this.#queues].map((queue) => queue[Symbol.asyncDispose]()));
	}
}
