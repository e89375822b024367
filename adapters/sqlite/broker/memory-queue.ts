import type {ConsumeOptions, Consumer, Message, Settlement} from '../../../domain/ports/broker.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import {ConsumerGroup} from './consumer-group.ts';
import {toMessage, type Content, type Death} from './entry.ts';
import {Fifo} from './fifo.ts';
import {QueueConsumer} from './queue-consumer.ts';

/** Bodies that one queue may hold; past it, as past `maxLength`, the oldest message is dropped. */
const MAX_BYTES = 32 * 1024 * 1024;

interface Waiting {
	readonly content: Content;
	readonly death: Death | undefined;
	readonly expiresAtMs: number;
	readonly returned: number;
	/** Grows by one with each message of the queue. */
	readonly order: number;
}

interface MemoryQueueOptions {
	readonly name: string;
	readonly maxLength: number;
	readonly ttlMs: number;
	readonly clock: Clock;
	readonly log: Logger;
	/** Called when messages were dropped because there were too many. */
	readonly onOverflow?: () => void;
	/** Called with what was dropped, because there was too much or it had grown too old. */
	readonly onDropped?: (content: Content) => void;
}

/** A queue of what is stale soon: bounded, and gone with the process. */
export class MemoryQueue implements AsyncDisposable {
	readonly #options: MemoryQueueOptions;
	readonly #consumers = new ConsumerGroup({single: false});
	readonly #waiting = new Fifo<Waiting>();
	#bytes = 0;
	#offered = 0;
	#pumping = false;

	constructor(options: MemoryQueueOptions) {
		this.#options = options;
	}

	offer(content: Content, death?: Death): void {
		const {clock, ttlMs, maxLength, onOverflow} = this.#options;
		this.#dropExpired();
		this.#waiting.push({content, death, expiresAtMs: clock.now() + ttlMs, returned: 0, order: this.#offered++});
		this.#bytes += content.body.length;
		while (this.#waiting.length > maxLength || (this.#bytes > MAX_BYTES && this.#waiting.length > 1)) {
			this.#drop();
			onOverflow?.();
		}
		this.#pumpSoon();
	}

	consume(
		{prefetch}: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
		onClosed?: () => void,
	): Consumer {
		const {log, name} = this.#options;
		const consumer = new QueueConsumer({
			prefetch,
			handle,
			log,
			queue: name,
			onFree: () => {
				this.#pumpSoon();
			},
			onClosed: () => {
				this.#consumers.remove(consumer);
				onClosed?.();
				return Promise.resolve();
			},
		});
		this.#consumers.add(consumer);
		this.#pumpSoon();
		return consumer;
	}

	/** Closes every consumer. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#consumers.close();
	}

	/** Once per turn of the event loop, so that a handler that settles at once cannot hold up everything else. */
	#pumpSoon(): void {
		if (!this.#pumping) {
			this.#pumping = true;
			setImmediate(() => {
				this.#pumping = false;
				this.#pump();
			});
		}
	}

	#pump(): void {
		this.#dropExpired();
		while (this.#waiting.length > 0) {
			const consumer = this.#consumers.reserve();
			if (consumer === undefined) return;
			const waiting = this.#take();
			if (waiting !== undefined) void this.#handle(waiting, consumer);
		}
	}

	async #handle(waiting: Waiting, consumer: QueueConsumer): Promise<void> {
		const {content, death, returned} = waiting;
		const settlement = await consumer.handle(() => toMessage(content, {returned, exchange: undefined, death}));
		consumer.release();
		if (settlement === 'requeue') {
			this.#waiting.putBack({...waiting, returned: returned + 1}, ({order}) => order > waiting.order);
			this.#bytes += content.body.length;
		}
		this.#pumpSoon();
	}

	#dropExpired(): void {
		const now = this.#options.clock.now();
		while ((this.#waiting.first?.expiresAtMs ?? Infinity) <= now) this.#drop();
	}

	#drop(): void {
		const dropped = this.#take();
		if (dropped !== undefined) this.#options.onDropped?.(dropped.content);
	}

	#take(): Waiting | undefined {
		const waiting = this.#waiting.shift();
		this.#bytes -= waiting?.content.body.length ?? 0;
		return waiting;
	}
}
