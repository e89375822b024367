import {BrokerUnavailableError} from '../../../domain/errors.ts';
import type {SqliteDatabase} from '../database.ts';
import type {Content, Death, Entry, EntryPlace} from './entry.ts';
import type {MessageTables} from './message-tables.ts';
import type {Router} from './router.ts';
import type {TableQueue} from './table-queue.ts';

/** A queue without rows: what it was offered, it has. */
interface MemoryTarget {
	offer(content: Content, death?: Death): void;
}

/** Entries that leave a queue for wherever an exchange sends them. */
export interface Move {
	readonly from: string;
	readonly entries: readonly EntryPlace[];
	readonly exchange: string;
	readonly death?: Death;
}

interface Targets {
	readonly tableQueues: readonly TableQueue[];
	readonly memoryQueues: readonly MemoryTarget[];
}

interface Placed {
	readonly queue: TableQueue;
	readonly entry: Entry;
	readonly content: Content | undefined;
}

interface DistributorOptions {
	readonly database: SqliteDatabase;
	readonly tables: MessageTables;
	readonly router: Router;
	readonly findTableQueue: (name: string) => TableQueue | undefined;
	readonly findMemoryQueue: (name: string) => MemoryTarget | undefined;
	/** The largest number in use. */
	readonly lastNumber: number;
}

/** Puts messages into the queues that an exchange names, in one transaction. */
export class Distributor {
	readonly #options: DistributorOptions;
	readonly #tables: MessageTables;
	/** Numbers contents and positions alike. */
	#lastNumber: number;

	constructor(options: DistributorOptions) {
		this.#options = options;
		this.#tables = options.tables;
		this.#lastNumber = options.lastNumber;
	}

	/** Resolves after the commit, at once when only queues in memory get the message. @throws {BrokerUnavailableError} no queue gets it */
	async publish(content: Content): Promise<void> {
		const {exchange, routingKey} = content;
		const {tableQueues, memoryQueues} = this.#route(exchange, routingKey);
		if (tableQueues.length + memoryQueues.length === 0) {
			throw new BrokerUnavailableError(`exchange ${exchange} has no queue for the routing key "${routingKey}"`);
		}
		if (tableQueues.length > 0) {
			await this.#commit((placed) => {
				const contentId = ++this.#lastNumber;
				this.#tables.addContent(contentId, content);
				for (const queue of tableQueues) {
					this.#place({queue, entry: this.#newEntry(contentId), content}, placed);
				}
			});
		}
		for (const queue of memoryQueues) queue.offer(content);
	}

	/** Resolves after the commit, to the entries that no queue gets: those stay where they are. */
	async move({from, entries, exchange, death}: Move): Promise<readonly EntryPlace[]> {
		const stranded: EntryPlace[] = [];
		const offers: (() => void)[] = [];
		await this.#commit((placed) => {
			for (const old of entries) {
				const {contentId} = old;
				const {tableQueues, memoryQueues} = this.#route(exchange, this.#tables.routingKeyOf(contentId));
				if (tableQueues.length + memoryQueues.length === 0) {
					stranded.push(old);
					continue;
				}
				for (const queue of tableQueues) {
					this.#place({queue, entry: this.#newEntry(contentId, exchange, death), content: undefined}, placed);
				}
				for (const queue of memoryQueues) {
					const content = {...this.#tables.getContent(contentId), exchange};
					offers.push(() => {
						queue.offer(content, death);
					});
				}
				this.#tables.removeEntry(from, old);
			}
		});
		for (const offer of offers) offer();
		return stranded;
	}

	#route(exchange: string, routingKey: string): Targets {
		const {router, findTableQueue, findMemoryQueue} = this.#options;
		const names = router.route(exchange, routingKey);
		return {
			tableQueues: names.flatMap((name) => findTableQueue(name) ?? []),
			memoryQueues: names.flatMap((name) => findMemoryQueue(name) ?? []),
		};
	}

	async #commit(work: (placed: Placed[]) => void): Promise<void> {
		const placed: Placed[] = [];
		try {
			await this.#options.database.write(() => {
				work(placed);
			});
		} catch (error) {
			for (const {queue, entry} of placed) queue.dismiss(entry);
			throw error;
		}
		for (const {queue, entry, content} of placed) queue.add(entry, content);
	}

	/** Noted before it is written: what fails must be dismissed. */
	#place(place: Placed, placed: Placed[]): void {
		const {queue, entry} = place;
		queue.admit(entry);
		placed.push(place);
		this.#tables.addEntry(queue.name, entry);
	}

	#newEntry(contentId: number, exchange?: string, death?: Death): Entry {
		return {
			position: ++this.#lastNumber,
			contentId,
			exchange,
			death,
			dueAtMs: undefined,
			recorded: 0,
			returned: 0,
			content: undefined,
			consumer: undefined,
		};
	}
}
