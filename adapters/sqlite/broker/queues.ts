import {allQueues, type QueueDeclaration, type Topology, type VolatileQueue} from '../../../domain/broker/topology.ts';
import type {ConsumeOptions, Consumer, Message, Settlement} from '../../../domain/ports/broker.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {SqliteDatabase} from '../database.ts';
import {Broadcast} from './broadcast.ts';
import {Distributor} from './distributor.ts';
import {DurableQueue} from './durable-queue.ts';
import type {Content} from './entry.ts';
import {ExpiryTimer} from './expiry-timer.ts';
import {MemoryBudget} from './memory-budget.ts';
import {MemoryQueue} from './memory-queue.ts';
import type {MessageTables} from './message-tables.ts';
import {Router} from './router.ts';
import {WaitQueue} from './wait-queue.ts';

/** Bodies of waiting messages that are kept in memory, over all durable queues, so that a fresh message is rarely read from disk. */
const KEPT_BYTES = 32 * 1024 * 1024;

interface QueuesOptions {
	readonly database: SqliteDatabase;
	readonly tables: MessageTables;
	readonly topology: Topology;
	readonly clock: Clock;
	readonly log: Logger;
}

/** A queue that somebody may consume: all but wait queues. */
interface ConsumableQueue extends AsyncDisposable {
	consume(options: ConsumeOptions, handle: (message: Message) => Promise<Settlement>): Consumer;
}

/** The topology, brought to life. */
export class Queues implements AsyncDisposable {
	readonly distributor: Distributor;
	readonly #options: QueuesOptions;
	readonly #budget = new MemoryBudget({bytes: KEPT_BYTES});
	readonly #durable = new Map<string, DurableQueue>();
	readonly #waiting = new Map<string, WaitQueue>();
	readonly #inMemory = new Map<string, MemoryQueue | Broadcast>();
	readonly #expiry: ExpiryTimer;

	constructor(options: QueuesOptions) {
		this.#options = options;
		const {database, tables, topology, clock, log} = options;
		const declarations = allQueues(topology);
		this.distributor = new Distributor({
			database,
			tables,
			router: new Router(topology),
			findTableQueue: (name) => this.#durable.get(name) ?? this.#waiting.get(name),
			findMemoryQueue: (name) => this.#inMemory.get(name),
			lastNumber: tables.lastNumber(declarations.map(({name}) => name)),
		});
		for (const declaration of declarations) this.#open(declaration);
		this.#expiry = new ExpiryTimer({queues: [...this.#waiting.values()], clock, log});
		this.#expiry.arm();
	}

	find(name: string): ConsumableQueue | undefined {
		return this.#durable.get(name) ?? this.#inMemory.get(name);
	}

	/** Closes all consumers, which waits for what they have in hand, and lets no more messages go. */
	async [Symbol.asyncDispose](): Promise<void> {
		const queues = [...this.#durable.values(), ...this.#inMemory.values()];
		await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
		this.#expiry[Symbol.dispose]();
	}

	#open(declaration: QueueDeclaration): void {
		const {database, tables, clock, log} = this.#options;
		const {distributor} = this;
		switch (declaration.kind) {
			case 'work':
			case 'dead': {
				const budget = this.#budget;
				this.#durable.set(
					declaration.name,
					new DurableQueue({declaration, database, tables, budget, distributor, clock, log}),
				);
				break;
			}
			case 'wait': {
				const onWaiting = (): void => {
					this.#expiry.arm();
				};
				this.#waiting.set(declaration.name, new WaitQueue({declaration, tables, distributor, clock, log, onWaiting}));
				break;
			}
			case 'volatile':
				this.#inMemory.set(declaration.name, this.#openVolatile(declaration));
				break;
			case 'broadcast':
				this.#inMemory.set(declaration.name, new Broadcast({declaration, clock, log}));
				break;
		}
	}

	#openVolatile(declaration: VolatileQueue): MemoryQueue {
		const {clock, log} = this.#options;
		const {name, deadLetterExchange: exchange} = declaration;
		if (exchange === undefined) {
			return new MemoryQueue({...declaration, clock, log});
		}
		const onDropped = (content: Content): void => {
			this.distributor.publish({...content, exchange}).catch((error: unknown) => {
				log.warn({error, queue: name}, 'message.drop.untold');
			});
		};
		return new MemoryQueue({...declaration, clock, log, onDropped});
	}
}
