import type {Consumer, ConsumeOptions, Message, Settlement} from '../../../domain/ports/broker.ts';
import type {Logger} from '../../../domain/ports/logger.ts';

interface QueueConsumerOptions {
	readonly prefetch: ConsumeOptions['prefetch'];
	readonly handle: (message: Message) => Promise<Settlement>;
	readonly log: Logger;
	readonly queue: string;
	/** There may be a free place now. */
	readonly onFree: () => void;
	/** Nothing is in hand any more. Closing resolves after this. */
	readonly onClosed: () => Promise<void>;
}

/** One subscription: its handler and its `prefetch` places. */
export class QueueConsumer implements Consumer {
	readonly #options: QueueConsumerOptions;
	readonly #empty = Promise.withResolvers<undefined>();
	#inHand = 0;
	#paused = false;
	#closing: Promise<void> | undefined;

	constructor(options: QueueConsumerOptions) {
		this.#options = options;
	}

	/** Places that are taken. */
	get inHand(): number {
		return this.#inHand;
	}

	/** False while it is paused and once it is closing. */
	get takes(): boolean {
		return !this.#paused && this.#closing === undefined;
	}

	/** Takes one of the free places; false when there is none. */
	reserve(): boolean {
		if (!this.takes || this.#inHand >= this.#options.prefetch) {
			return false;
		}
		this.#inHand++;
		return true;
	}

	/** Gives a place back. */
	release(): void {
		this.#inHand--;
		this.#noteEmpty();
	}

	/** Hands a message over, in a place that was reserved. Never rejects: who throws returns the message. */
	async handle(read: () => Message): Promise<Settlement> {
		const {handle, log, queue} = this.#options;
		let messageId: string | undefined;
		try {
			const message = read();
			messageId = message.id;
			return await handle(message);
		} catch (error) {
			log.warn({error, queue, messageId}, 'broker.handler.failed');
			return 'requeue';
		}
	}

	pause(): Promise<void> {
		this.#paused = true;
		return Promise.resolve();
	}

	resume(): Promise<void> {
		this.#paused = false;
		this.#options.onFree();
		return Promise.resolve();
	}

	close(): Promise<void> {
		this.#closing ??= this.#empty.promise.then(this.#options.onClosed);
		this.#noteEmpty();
		return this.#closing;
	}

	#noteEmpty(): void {
		if (this.#inHand === 0 && this.#closing !== undefined) {
			this.#empty.resolve(undefined);
		}
	}
}
