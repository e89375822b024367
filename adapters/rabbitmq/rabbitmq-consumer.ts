import type {Channel, ConsumeMessage} from 'amqplib';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {ConsumeOptions, Consumer, Message, Settlement} from '../../domain/ports/broker.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {Acknowledger} from './acknowledger.ts';
import type {AmqpConnection} from './amqp-connection.ts';
import {declareQueue} from './declare-topology.ts';
import {toMessage} from './incoming-message.ts';
import {Lasting, type Opened} from './lasting.ts';
import {openChannel} from './open-channel.ts';
import {withinTimeout} from './within-timeout.ts';

export interface RabbitMqConsumerOptions extends ConsumeOptions {
	readonly connection: AmqpConnection;
	readonly queue: QueueDeclaration;
	readonly handle: (message: Message) => Promise<Settlement>;
	readonly log: Logger;
	/** Called once, after `close`. */
	readonly onClosed: () => void;
}

/** The channel of this moment. */
interface Live {
	readonly opened: Opened<Channel>;
	readonly acknowledger: Acknowledger;
	/** Names the subscription; undefined while there is none. */
	consumerTag: string | undefined;
}

interface Delivery {
	readonly raw: ConsumeMessage;
	/** Of the channel that it came by: no other one may settle it. */
	readonly acknowledger: Acknowledger;
}

/** One subscription with a channel of its own; both are rebuilt whenever they are lost. */
export class RabbitMqConsumer implements Consumer {
	readonly #options: RabbitMqConsumerOptions;
	readonly #lasting: Lasting<Channel>;
	#live: Live | undefined;
	#wanted = true;
	/** Subscribing and unsubscribing happen one after the other. */
	#changing: Promise<void> = Promise.resolve();
	#subscribedBefore = false;
	#mayHaveMissed = false;
	#inHand = 0;
	/** What a new channel delivers while handlers of the old one still fill all places. */
	#backlog: Delivery[] = [];
	#idle: PromiseWithResolvers<void> | undefined;
	/** Nothing more is begun; what is not acknowledged goes back with the channel. Only for a queue that is worked by one at a time. */
	#isLeaving = false;
	#closing: Promise<void> | undefined;

	constructor(options: RabbitMqConsumerOptions) {
		const {connection, log, queue} = options;
		this.#options = options;
		this.#lasting = new Lasting({
			open: () => this.#open(),
			onLost: (error) => {
				if (connection.current !== undefined) log.warn({error, queue: queue.name}, 'broker.consumer.lost');
			},
		});
	}

	/** Resolves when messages can arrive; call once. @throws {BrokerUnavailableError} it was closed before. */
	async start(): Promise<void> {
		this.#lasting.start();
		await this.#lasting.whenOpen();
	}

	pause(): Promise<void> {
		return this.#isLeaving ? Promise.resolve() : this.#want(false);
	}

	resume(): Promise<void> {
		return this.#want(true);
	}

	close(): Promise<void> {
		this.#closing ??= this.#finish();
		return this.#closing;
	}

	async #finish(): Promise<void> {
		const {queue} = this.#options;
		if (queue.kind === 'work' && queue.singleActiveConsumer) {
			// Without a subscription another process would begin at once, with what comes after that which is still under way here.
			this.#wanted = false;
			this.#isLeaving = true;
		} else {
			await withinTimeout(this.pause());
		}
		if (this.#inHand > 0) {
			this.#idle = Promise.withResolvers();
			await this.#idle.promise;
		}
		this.#live?.acknowledger.flush();
		await this.#lasting.stop();
		this.#options.onClosed();
	}

	async #open(): Promise<Opened<Channel>> {
		const model = await this.#options.connection.whenOpen();
		const opened = await openChannel(model.createChannel());
		const channel = opened.value;
		const live: Live = {opened, acknowledger: new Acknowledger(channel), consumerTag: undefined};
		channel.once('close', () => {
			this.#live = undefined;
			this.#backlog = [];
			this.#mayHaveMissed = this.#subscribedBefore;
		});
		try {
			await channel.prefetch(this.#options.prefetch);
			this.#live = live;
			await this.#change();
			return opened;
		} catch (error) {
			await opened.close();
			throw error;
		}
	}

	async #want(wanted: boolean): Promise<void> {
		this.#wanted = wanted;
		try {
			await this.#change();
		} catch (error) {
			// The channel is lost; the next one begins with what is wanted.
			this.#options.log.debug({error, queue: this.#options.queue.name}, 'broker.consumer.unchanged');
		}
	}

	/** Brings the subscription in line with what is wanted. Without a channel there is nothing to do. */
	#change(): Promise<void> {
		const change = this.#changing.then(async () => {
			const live = this.#live;
			if (live === undefined) return;
			if (this.#wanted && live.consumerTag === undefined) await this.#subscribe(live);
			if (!this.#wanted && live.consumerTag !== undefined) await this.#unsubscribe(live, live.consumerTag);
		});
		this.#changing = change.catch(() => undefined);
		return change;
	}

	async #subscribe(live: Live): Promise<void> {
		const {queue, onRestored} = this.#options;
		const channel = live.opened.value;
		const name = await declareQueue(channel, queue);
		const {consumerTag} = await channel.consume(name, (raw) => {
			this.#onDelivery(live, raw);
		});
		live.consumerTag = consumerTag;
		this.#subscribedBefore = true;
		if (this.#mayHaveMissed) {
			this.#mayHaveMissed = false;
			onRestored?.();
		}
	}

	async #unsubscribe(live: Live, consumerTag: string): Promise<void> {
		await live.opened.value.cancel(consumerTag);
		live.consumerTag = undefined;
		// The queue goes with its consumer, and so does what it would have got.
		this.#mayHaveMissed ||= this.#options.queue.kind === 'broadcast';
	}

	#onDelivery({opened, acknowledger}: Live, raw: ConsumeMessage | null): void {
		if (raw === null) {
			// The server ended the subscription, since the queue was deleted: another channel declares it again.
			void opened.close();
		} else if (this.#isLeaving) {
			// It goes back with the channel.
		} else if (this.#inHand < this.#options.prefetch) {
			void this.#take({raw, acknowledger});
		} else {
			this.#backlog.push({raw, acknowledger});
		}
	}

	async #take({raw, acknowledger}: Delivery): Promise<void> {
		this.#inHand++;
		const settlement = await this.#handle(raw);
		if (settlement === 'ack' || !this.#isLeaving) acknowledger.settle(raw.fields.deliveryTag, settlement);
		this.#inHand--;
		const next = this.#isLeaving ? undefined : this.#backlog.shift();
		if (next !== undefined) void this.#take(next);
		else if (this.#inHand === 0) this.#idle?.resolve();
	}

	async #handle(raw: ConsumeMessage): Promise<Settlement> {
		const {handle, log, queue} = this.#options;
		try {
			return await handle(toMessage(raw));
		} catch (error) {
			log.warn({error, queue: queue.name, messageId: String(raw.properties.messageId)}, 'broker.handler.failed');
			return 'requeue';
		}
	}
}
