import type {DeadQueue, WorkQueue} from '../../../domain/broker/topology.ts';
import type {ConsumeOptions, Consumer, Message, Settlement} from '../../../domain/ports/broker.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {SqliteDatabase} from '../database.ts';
import {CommitBatch} from './commit-batch.ts';
import {ConsumerGroup} from './consumer-group.ts';
import type {Distributor} from './distributor.ts';
import {toMessage, type Content, type Entry} from './entry.ts';
import type {MemoryBudget} from './memory-budget.ts';
import type {MessageTables} from './message-tables.ts';
import {QueueConsumer} from './queue-consumer.ts';
import {ReadyWindow} from './ready-window.ts';
import type {TableQueue} from './table-queue.ts';

/** Pause after the file could not be read or written. */
const RETRY_AFTER_MS = 1000;

interface DurableQueueOptions {
	readonly declaration: WorkQueue | DeadQueue;
	readonly database: SqliteDatabase;
	readonly tables: MessageTables;
	readonly distributor: Distributor;
	readonly budget: MemoryBudget;
	readonly clock: Clock;
	readonly log: Logger;
}

/**
 * A queue that survives the process. A hand-out is on disk before it happens, so that a message that kills the process each
 * time still reaches its delivery limit. Past half of the limit a message is handed out alone: what would be in hand with a
 * deadly one comes back as often, and must not end as a dead letter too.
 */
export class DurableQueue implements TableQueue, AsyncDisposable {
	readonly name: string;
	readonly #options: DurableQueueOptions;
	readonly #deliveryLimit: number;
	readonly #consumers: ConsumerGroup;
	readonly #window: ReadyWindow;
	/** Entries that have a consumer's place and whose hand-out is being written. */
	readonly #handOuts: CommitBatch<Entry>;
	readonly #acks: CommitBatch<Entry>;
	/** In hand and suspected of ending the process: nothing else is handed out with it. */
	#suspect: Entry | undefined;
	#closed = false;

	constructor(options: DurableQueueOptions) {
		const {declaration, database, tables, budget} = options;
		const {kind, name} = declaration;
		this.name = name;
		this.#options = options;
		this.#deliveryLimit = kind === 'work' ? declaration.deliveryLimit : Infinity;
		this.#consumers = new ConsumerGroup({single: kind === 'work' && declaration.singleActiveConsumer});
		this.#window = new ReadyWindow({
			load: (afterPosition, limit) => tables.entriesAfter(name, afterPosition, limit),
			budget,
		});
		this.#handOuts = new CommitBatch({
			database,
			apply: ({position}) => {
				tables.countDelivery(name, position);
			},
			committed: (entry) => {
				entry.recorded++;
				this.#handOver(entry);
			},
			failed: (entries, error) => {
				for (const entry of entries) this.#takeBack(entry);
				this.#retryLater(error, () => {
					this.#pump();
				});
			},
		});
		this.#acks = new CommitBatch({
			database,
			apply: (entry) => {
				tables.removeEntry(name, entry);
			},
			failed: (entries, error) => {
				this.#retryLater(error, () => {
					for (const entry of entries) this.#acks.add(entry);
				});
			},
		});
	}

	consume({prefetch}: ConsumeOptions, handle: (message: Message) => Promise<Settlement>): Consumer {
		const consumer = new QueueConsumer({
			prefetch,
			handle,
			log: this.#options.log,
			queue: this.name,
			onFree: () => {
				this.#pump();
			},
			onClosed: async () => {
				this.#consumers.remove(consumer);
				this.#pump();
				await this.#acks.settled();
			},
		});
		this.#consumers.add(consumer);
		this.#pump();
		return consumer;
	}

	/** A message that can be handed out at once is written as handed out, which saves a second write. */
	admit(entry: Entry): void {
		entry.consumer = this.#window.isEmpty && this.#suspect === undefined ? this.#consumers.reserve() : undefined;
		entry.recorded = entry.consumer === undefined ? 0 : 1;
	}

	add(entry: Entry, content: Content | undefined): void {
		if (entry.consumer === undefined) {
			this.#window.append(entry, content);
			this.#pump();
		} else {
			this.#window.skip(entry);
			entry.content = content;
			this.#handOver(entry);
		}
	}

	dismiss(entry: Entry): void {
		this.#free(entry);
	}

	/** Closes every consumer; acks that could not be written by then are given up, and their messages come again. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#consumers.close();
		this.#closed = true;
	}

	/** Gives entries to consumers while there are both. */
	#pump(): void {
		while (!this.#window.isEmpty && this.#suspect === undefined) {
			const consumer = this.#consumers.reserve();
			if (consumer === undefined) return;
			const entry = this.#takeNext();
			if (entry === undefined) {
				consumer.release();
				return;
			}
			entry.consumer = consumer;
			if (entry.returned > this.#deliveryLimit / 2) {
				if (this.#consumers.inHand > 1) {
					this.#takeBack(entry);
					return;
				}
				this.#suspect = entry;
			}
			this.#give(entry);
		}
	}

	#give(entry: Entry): void {
		if (entry.recorded > entry.returned) {
			this.#handOver(entry);
		} else {
			this.#handOuts.add(entry);
		}
	}

	/** The next entry that has not come back too often. */
	#takeNext(): Entry | undefined {
		try {
			for (;;) {
				const entry = this.#window.take();
				if (entry === undefined || entry.returned <= this.#deliveryLimit) return entry;
				void this.#bury(entry);
			}
		} catch (error) {
			this.#retryLater(error, () => {
				this.#pump();
			});
			return undefined;
		}
	}

	/** Hands an entry to the consumer that has a place for it, unless that was paused in the meantime. */
	#handOver(entry: Entry): void {
		const {consumer} = entry;
		if (consumer?.takes === true) {
			void this.#handle(entry, consumer);
		} else {
			this.#takeBack(entry);
			this.#pump();
		}
	}

	async #handle(entry: Entry, consumer: QueueConsumer): Promise<void> {
		const settlement = await consumer.handle(() => this.#read(entry));
		if (settlement === 'ack') {
			this.#free(entry);
			this.#acks.add(entry);
		} else {
			entry.returned = entry.recorded;
			this.#takeBack(entry);
		}
		this.#pump();
	}

	#read(entry: Entry): Message {
		const content = entry.content ?? this.#options.tables.getContent(entry.contentId);
		entry.content = undefined;
		return toMessage(content, entry);
	}

	/** Puts an entry back to its place in the queue. */
	#takeBack(entry: Entry): void {
		this.#free(entry);
		if (entry.returned > this.#deliveryLimit) {
			void this.#bury(entry);
		} else {
			this.#window.insert(entry);
		}
	}

	/** Gives back the place that an entry had with a consumer. */
	#free(entry: Entry): void {
		entry.consumer?.release();
		entry.consumer = undefined;
		if (this.#suspect === entry) this.#suspect = undefined;
	}

	/** Dead-letters an entry that came back too often. */
	async #bury(entry: Entry): Promise<void> {
		const {declaration, distributor, log} = this.#options;
		if (declaration.kind === 'dead') return;
		const {name, deadLetterExchange: exchange} = declaration;
		const death = {queue: name, reason: 'delivery_limit'};
		try {
			const [stranded] = await distributor.move({from: name, entries: [entry], exchange, death});
			if (stranded !== undefined) log.error({queue: name, exchange}, 'broker.dead-letter.unroutable');
		} catch (error) {
			this.#retryLater(error, () => {
				void this.#bury(entry);
			});
		}
	}

	#retryLater(error: unknown, retry: () => void): void {
		const {clock, log} = this.#options;
		log.error({error, queue: this.name}, 'broker.file.failed');
		clock.after(RETRY_AFTER_MS, () => {
			if (!this.#closed) retry();
		});
	}
}
