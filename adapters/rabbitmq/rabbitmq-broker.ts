import {allQueues, type QueueDeclaration, type Topology} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {
	Broker,
	ConsumeOptions,
	Consumer,
	Message,
	OutgoingMessage,
	Settlement,
} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {AmqpConnection} from './amqp-connection.ts';
import {ConfirmPublisher} from './confirm-publisher.ts';
import {RabbitMqConsumer} from './rabbitmq-consumer.ts';
import {Requester} from './requester.ts';

export interface RabbitMqBrokerOptions {
	/** A memory or disk alarm stops this one … */
	readonly publishing: AmqpConnection;
	/** … and must not stop acknowledgements on this one. */
	readonly consuming: AmqpConnection;
	readonly topology: Topology;
	readonly clock: Clock;
	readonly log: Logger;
	/** How long a publish may take, in milliseconds. */
	readonly publishTimeoutMs: number;
}

/** The `Broker` port over RabbitMQ (3.10 or later); `connectRabbitMq` makes one. Owns both connections. */
export class RabbitMqBroker implements Broker {
	readonly #options: RabbitMqBrokerOptions;
	readonly #publisher: ConfirmPublisher;
	readonly #requester: Requester;
	readonly #queues: ReadonlySet<string>;
	readonly #consumers = new Set<RabbitMqConsumer>();
	#closing: Promise<void> | undefined;

	constructor(options: RabbitMqBrokerOptions) {
		const {publishing: connection, topology, clock, log, publishTimeoutMs: timeoutMs} = options;
		this.#options = options;
		this.#publisher = new ConfirmPublisher({connection, topology, clock, log, timeoutMs});
		this.#requester = new Requester({connection, topology, clock, log, timeoutMs});
		this.#queues = new Set(allQueues(topology).map(({name}) => name));
	}

	/** Resolves when messages can be published. */
	async whenOpen(): Promise<void> {
		await Promise.all([this.#publisher.whenOpen(), this.#requester.whenOpen()]);
	}

	publish(message: OutgoingMessage): Promise<void> {
		return this.#publisher.publish(message);
	}

	async consume(
		queue: QueueDeclaration,
		options: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
	): Promise<Consumer> {
		if (!this.#queues.has(queue.name)) throw new TypeError(`the topology has no queue ${queue.name}`);
		if (this.#closing !== undefined) throw new BrokerUnavailableError('it is being closed');
		const {consuming: connection, log} = this.#options;
		const onClosed = (): void => {
			this.#consumers.delete(consumer);
		};
		const consumer: RabbitMqConsumer = new RabbitMqConsumer({...options, connection, queue, handle, log, onClosed});
		this.#consumers.add(consumer);
		await consumer.start();
		return consumer;
	}

	request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined> {
		return this.#requester.request(message, timeoutMs);
	}

	reply(request: Message, body: Buffer): Promise<void> {
		return this.#requester.reply(request, body);
	}

	/** Takes no further messages, finishes what runs (handlers may still publish), then closes the connections. */
	[Symbol.asyncDispose](): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
		await Promise.all([this.#publisher.close(), this.#requester.close()]);
		await Promise.all([this.#options.publishing.close(), this.#options.consuming.close()]);
	}
}
