import type {WaitQueue as WaitQueueDeclaration} from '../../../domain/broker/topology.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {Distributor} from './distributor.ts';
import type {Entry} from './entry.ts';
import type {MessageTables, WaitingRow} from './message-tables.ts';
import type {TableQueue} from './table-queue.ts';

/** Messages that leave in one transaction; keeps the process responsive when many are due at once. */
const BATCH_SIZE = 200;

interface WaitQueueOptions {
	readonly declaration: WaitQueueDeclaration;
	readonly tables: MessageTables;
	readonly distributor: Distributor;
	readonly clock: Clock;
	readonly log: Logger;
	/** Called when a message came that is due before all others. */
	readonly onWaiting: () => void;
}

/** Holds messages on disk until they are due, first in, first out; in memory is only when the next one is. */
export class WaitQueue implements TableQueue {
	readonly #options: WaitQueueOptions;
	#nextDueAtMs: number | undefined;
	/** Up to here nothing can leave: the queues that the routing keys name are not declared any more. */
	#strandedUntil = 0;

	constructor(options: WaitQueueOptions) {
		this.#options = options;
		this.#nextDueAtMs = this.#waiting(1)[0]?.dueAtMs;
	}

	get name(): string {
		return this.#options.declaration.name;
	}

	/** When `release` has something to do, milliseconds since the epoch; undefined when nothing waits. */
	get nextDueAtMs(): number | undefined {
		return this.#nextDueAtMs;
	}

	admit(entry: Entry): void {
		entry.dueAtMs = this.#options.clock.now() + this.#options.declaration.ttlMs;
	}

	add({dueAtMs}: Entry): void {
		if (this.#nextDueAtMs === undefined) {
			this.#nextDueAtMs = dueAtMs;
			this.#options.onWaiting();
		}
	}

	dismiss(): void {
		// Nothing was taken for it.
	}

	/** Hands on what is due, or the first part of it. */
	async release(): Promise<void> {
		const {declaration, distributor, clock, log} = this.#options;
		const now = clock.now();
		const waiting = this.#waiting(BATCH_SIZE);
		const later = waiting.findIndex(({dueAtMs}) => dueAtMs > now);
		const stranded = await distributor.move({
			from: this.name,
			entries: later < 0 ? waiting : waiting.slice(0, later),
			exchange: declaration.deadLetterExchange,
		});
		const last = stranded.at(-1);
		if (last !== undefined) {
			this.#strandedUntil = last.position;
			log.error({queue: this.name, messages: stranded.length}, 'broker.waiting.unroutable');
		}
		this.#nextDueAtMs = this.#waiting(1)[0]?.dueAtMs;
	}

	#waiting(limit: number): readonly WaitingRow[] {
		return this.#options.tables.waitingAfter(this.name, this.#strandedUntil, limit);
	}
}
