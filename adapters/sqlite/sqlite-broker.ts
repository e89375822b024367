import type {QueueDeclaration, Topology} from '../../domain/broker/topology.ts';
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
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {MessageTables} from './broker/message-tables.ts';
import {Queues} from './broker/queues.ts';
import {Replies} from './broker/replies.ts';
import type {SqliteDatabase} from './database.ts';

/**
 * The broker of one process on one machine: the topology is evaluated in memory, messages are rows of an SQLite file, and
 * consumers are called as soon as a commit makes a message theirs. Behaves as RabbitMQ does with the same topology, except that
 * volatile queues live in memory: what is stale in a minute need not survive the process.
 */
export class SqliteBroker implements Broker, HealthCheck {
	readonly dependency = 'broker';
	readonly #database: SqliteDatabase;
	readonly #clock: Clock;
	readonly #tables: MessageTables;
	readonly #queues: Queues;
	readonly #replies: Replies;
	#disposing: Promise<void> | undefined;
	#closed = false;

	/** @param database a file of its own, with `BROKER_MIGRATIONS`; it stays open when the broker is closed */
	constructor({
		database,
		topology,
		clock,
		log,
	}: {
		database: SqliteDatabase;
		topology: Topology;
		clock: Clock;
		log: Logger;
	}) {
		this.#database = database;
		this.#clock = clock;
		this.#tables = new MessageTables(database);
		this.#queues = new Queues({database, tables: this.#tables, topology, clock, log});
		this.#replies = new Replies({clock});
	}

	publish(message: OutgoingMessage): Promise<void> {
		return this.#publish(message);
	}

	/** Consumers of one queue take turns. A single active consumer stays the active one while it is paused, until it is closed. */
	async consume(
		{name}: QueueDeclaration,
		options: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
	): Promise<Consumer> {
		const queue = this.#queues.find(name);
		if (queue === undefined || this.#disposing !== undefined) {
			throw new BrokerUnavailableError(queue === undefined ? `there is no queue ${name} to consume` : 'it is closed');
		}
		return Promise.resolve(queue.consume(options, handle));
	}

	async request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined> {
		const {address, body} = this.#replies.expect(timeoutMs);
		try {
			await this.#publish(message, address);
		} catch (error) {
			this.#replies.deliver(address, undefined);
			throw error;
		}
		return body;
	}

	reply({replyTo}: Message, body: Buffer): Promise<void> {
		if (replyTo !== undefined) this.#replies.deliver(replyTo, body);
		return Promise.resolve();
	}

	/** Writes to the file: a full disk shows. */
	async check(signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		try {
			await this.#database.write(() => {
				this.#tables.noteCheck(this.#clock.now());
			});
		} catch (error) {
			throw toBrokerError(error);
		}
	}

	/** Waits for what consumers have in hand, who may still publish meanwhile. Requests without an answer resolve to undefined. */
	[Symbol.asyncDispose](): Promise<void> {
		this.#disposing ??= this.#dispose();
		return this.#disposing;
	}

	async #dispose(): Promise<void> {
		await this.#queues[Symbol.asyncDispose]();
		this.#closed = true;
		this.#replies[Symbol.dispose]();
		await this.#database.write(() => undefined).catch(() => undefined);
	}

	async #publish({id, exchange, routingKey, headers, body}: OutgoingMessage, replyTo?: string): Promise<void> {
		if (this.#closed) {
			throw new BrokerUnavailableError('it is closed');
		}
		const content = {id, exchange, routingKey, headers, body, ...(replyTo !== undefined && {replyTo})};
		try {
			await this.#queues.distributor.publish(content);
		} catch (error) {
			throw toBrokerError(error);
		}
	}
}

function toBrokerError(error: unknown): BrokerUnavailableError {
	return error instanceof BrokerUnavailableError
		? error
		: new BrokerUnavailableError('its file could not be written', {cause: error});
}
