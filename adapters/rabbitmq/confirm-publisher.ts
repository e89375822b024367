import type {ChannelModel, ConfirmChannel, Message as ReturnedMessage, Options} from 'amqplib';
import {allExchanges, allQueues, type Topology} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {OutgoingMessage} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {AmqpConnection} from './amqp-connection.ts';
import {Lasting, type Opened} from './lasting.ts';
import {openChannel} from './open-channel.ts';

/** Unconfirmed messages at once. RabbitMQ's own figures are best with some hundreds; each is in memory on both sides. */
const WINDOW = 500;
/** A channel that is away for longer refuses messages at once; a shorter gap is waited out. */
const GAP_MS = 1000;

export interface ConfirmPublisherOptions {
	readonly connection: AmqpConnection;
	readonly topology: Topology;
	readonly clock: Clock;
	readonly log: Logger;
	/** From `publish` to the confirm, in milliseconds. */
	readonly timeoutMs: number;
	/** Called with each new channel before anything is published on it. */
	readonly prepare?: (channel: ConfirmChannel) => Promise<void>;
}

/** A message whose caller waits. */
interface Pending {
	readonly message: OutgoingMessage;
	readonly properties: Options.Publish;
	readonly expiresAtMs: number;
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

/** Publishes on one channel, confirmed and mandatory, with a bounded number of messages under way. */
export class ConfirmPublisher {
	readonly #options: ConfirmPublisherOptions;
	readonly #lasting: Lasting<ConfirmChannel>;
	readonly #exchanges: ReadonlySet<string>;
	readonly #optional: ReadonlySet<string>;
	/** Both in the order of publishing, and so in the order of their deadlines. */
	readonly #waiting = new Set<Pending>();
	readonly #unconfirmed = new Set<Pending>();
	#channel: ConfirmChannel | undefined;
	#model: ChannelModel | undefined;
	#awaySinceMs: number;
	#deadline: Disposable | undefined;
	#closing: PromiseWithResolvers<void> | undefined;

	constructor(options: ConfirmPublisherOptions) {
		this.#options = options;
		this.#exchanges = new Set(allExchanges(options.topology).map(({name}) => name));
		this.#optional = broadcastExchanges(options.topology);
		this.#awaySinceMs = options.clock.now();
		this.#lasting = new Lasting({
			open: () => this.#open(),
			onLost: (error) => {
				if (options.connection.current !== undefined) options.log.warn({error}, 'broker.publisher.lost');
			},
		});
		this.#lasting.start();
	}

	/** Resolves when messages can be published. */
	async whenOpen(): Promise<void> {
		await this.#lasting.whenOpen();
	}

	/** As `Broker.publish`. */
	publish(message: OutgoingMessage, properties: Options.Publish = {}): Promise<void> {
		const refusal = this.#refusal(message);
		if (refusal !== undefined) return Promise.reject(new BrokerUnavailableError(refusal));
		return new Promise((resolve, reject) => {
			const expiresAtMs = this.#options.clock.now() + this.#options.timeoutMs;
			this.#waiting.add({message, properties, expiresAtMs, resolve, reject});
			this.#deadline ??= this.#schedule(expiresAtMs);
			this.#sendWaiting();
		});
	}

	/** Publishes to a queue that may be gone by now. Resolves to whether the server took it over, whatever it does with it. */
	tell(queue: string, body: Buffer, properties: Options.Publish): Promise<boolean> {
		const channel = this.#channel;
		if (channel === undefined) return Promise.resolve(false);
		return new Promise((resolve) => {
			try {
				channel.publish('', queue, body, properties, (error: unknown) => {
					resolve(error === null);
				});
			} catch (error) {
				this.#options.log.debug({error}, 'broker.publisher.silent');
				resolve(false);
			}
		});
	}

	/** Takes no more messages; resolves when every caller has its answer. */
	async close(): Promise<void> {
		this.#closing = Promise.withResolvers();
		this.#finishIfIdle();
		await this.#closing.promise;
		await this.#lasting.stop();
	}

	#refusal({exchange}: OutgoingMessage): string | undefined {
		if (this.#closing !== undefined) return 'it is being closed';
		if (!this.#exchanges.has(exchange)) return `there is no exchange ${exchange}`;
		const {connection, clock} = this.#options;
		const away = this.#channel === undefined && clock.now() - this.#awaySinceMs > GAP_MS;
		return away ? 'it is not connected' : connection.refusal;
	}

	async #open(): Promise<Opened<ConfirmChannel>> {
		const {connection, prepare} = this.#options;
		const model = await connection.whenOpen();
		// The server closed the channel alone: somebody may have deleted an exchange.
		if (model === this.#model) await connection.redeclare();
		this.#model = model;
		const opened = await openChannel(model.createConfirmChannel());
		const channel = opened.value;
		channel.on('return', (returned) => {
			this.#onReturn(returned);
		});
		// Before amqplib fails what is unconfirmed, which would make room for messages on a channel that is gone.
		channel.prependOnceListener('close', () => {
			this.#channel = undefined;
			this.#awaySinceMs = this.#options.clock.now();
		});
		await prepare?.(channel);
		this.#channel = channel;
		this.#sendWaiting();
		return opened;
	}

	#sendWaiting(): void {
		for (const pending of this.#waiting) {
			if (this.#channel === undefined || this.#unconfirmed.size >= WINDOW) return;
			this.#waiting.delete(pending);
			this.#send(this.#channel, pending);
		}
	}

	#send(channel: ConfirmChannel, pending: Pending): void {
		const {id, exchange, routingKey, headers, body} = pending.message;
		const properties = {
			...pending.properties,
			messageId: id,
			headers,
			persistent: true,
			mandatory: !this.#optional.has(exchange),
		};
		this.#unconfirmed.add(pending);
		try {
			channel.publish(exchange, routingKey, body, properties, (error: unknown) => {
				this.#onConfirm(pending, error);
			});
		} catch (error) {
			// What cannot be encoded, such as headers over 64 KiB.
			this.#settle(pending, error);
		}
	}

	#onConfirm(pending: Pending, error: unknown): void {
		const failure = error && new BrokerUnavailableError('it did not confirm the message', {cause: error});
		this.#settle(pending, failure);
	}

	/** Comes before the confirm of the same message. Two messages that are alike have the same way, and the same fate. */
	#onReturn({fields, properties}: ReturnedMessage): void {
		// Somebody may have deleted the queue or its binding.
		this.#options.connection.repair();
		for (const pending of this.#unconfirmed) {
			const {id, exchange, routingKey} = pending.message;
			if (id === properties.messageId && exchange === fields.exchange && routingKey === fields.routingKey) {
				this.#settle(
					pending,
					new BrokerUnavailableError(`no queue takes the key "${routingKey}" from exchange ${exchange}`),
				);
				return;
			}
		}
	}

	/** Answers the caller unless that was done already, and uses the room. */
	#settle(pending: Pending, failure: unknown): void {
		if (!this.#unconfirmed.delete(pending)) return;
		if (failure === null) pending.resolve();
		else pending.reject(failure);
		this.#sendWaiting();
		this.#finishIfIdle();
	}

	/** One timer for all: every message has the same time to live, so the first one expires first. */
	#schedule(atMs: number): Disposable {
		const {clock} = this.#options;
		return clock.after(Math.max(0, atMs - clock.now()), () => {
			this.#expire(this.#unconfirmed, 'it did not confirm in time');
			this.#expire(this.#waiting, 'it did not take the message in time');
			const [unconfirmed] = this.#unconfirmed;
			const [waiting] = this.#waiting;
			const next = unconfirmed ?? waiting;
			this.#deadline = next && this.#schedule(next.expiresAtMs);
			this.#sendWaiting();
			this.#finishIfIdle();
		});
	}

	#expire(messages: Set<Pending>, detail: string): void {
		const {clock, connection} = this.#options;
		const nowMs = clock.now();
		for (const pending of messages) {
			if (pending.expiresAtMs > nowMs) return;
			messages.delete(pending);
			pending.reject(new BrokerUnavailableError(connection.refusal ?? detail));
		}
	}

	#finishIfIdle(): void {
		if (this.#waiting.size + this.#unconfirmed.size === 0) {
			this.#closing?.resolve();
		}
	}
}

/** Exchanges that feed nothing but broadcast queues: that nobody listens there is no failure. */
function broadcastExchanges(topology: Topology): ReadonlySet<string> {
	const queues = allQueues(topology);
	const sources = (broadcast: boolean): readonly string[] =>
		queues
			.filter(({kind}) => (kind === 'broadcast') === broadcast)
			.flatMap(({bindings}) => bindings.map(({exchange}) => exchange));
	const others = new Set(sources(false));
	return new Set(sources(true).filter((exchange) => !others.has(exchange)));
}
