import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {DeliveryReports} from './delivery-reports.ts';

/** A first attempt that nobody knows the end of so long after its message came makes a row. A fast lane that is full takes a second. */
const SLOW_AFTER_MS = 2000;

/** Looked for so often at most. */
const INTERVAL_MS = 100;

interface Start {
	readonly task: DeliveryTask;
	atMs: number;
	isOver: boolean;
}

/**
 * Sees to it that a delivery in hand has a row, `queued`, two seconds after it came: one that waits for its lane, for its chat or for an
 * answer would otherwise look like one that nobody began, which a replay of what was missed sends once more. What goes fast costs
 * nothing.
 */
export class SlowStarts {
	readonly #reports: DeliveryReports;
	readonly #clock: Clock;
	readonly #log: Logger;
	/** Those without a row, the oldest first. */
	readonly #unknown = new Set<Start>();
	#timer: Disposable | undefined;

	constructor({reports, clock, log}: {reports: DeliveryReports; clock: Clock; log: Logger}) {
		this.#reports = reports;
		this.#clock = clock;
		this.#log = log;
	}

	/**
	 * Does the work on a delivery that has no row yet.
	 * @param work calls back as soon as a row tells what became of the first attempt; its end does so, too
	 */
	async during<T>(task: DeliveryTask, work: (onRecorded: () => void) => Promise<T>): Promise<T> {
		const start: Start = {task, atMs: this.#clock.now(), isOver: false};
		const end = (): void => {
			start.isOver = true;
			this.#unknown.delete(start);
		};
		this.#watch(start);
		try {
			return await work(end);
		} finally {
			end();
		}
	}

	#watch(start: Start): void {
		this.#unknown.add(start);
		if (this.#timer === undefined) this.#lookLater();
	}

	#lookLater(): void {
		const [oldest] = this.#unknown;
		if (oldest === undefined) return;
		const remainderMs = oldest.atMs + SLOW_AFTER_MS - this.#clock.now();
		this.#timer = this.#clock.after(Math.max(remainderMs, INTERVAL_MS), () => {
			this.#look();
		});
	}

	#look(): void {
		this.#timer = undefined;
		for (const start of this.#unknown) {
			if (this.#clock.now() - start.atMs < SLOW_AFTER_MS) break;
			this.#unknown.delete(start);
			void this.#tell(start);
		}
		this.#lookLater();
	}

	/** What the broker did not take is told later: it is still in hand. */
	async #tell(start: Start): Promise<void> {
		try {
			await this.#reports.addQueued(start.task);
		} catch (error) {
			this.#log.debug({error, webhookId: start.task.webhookId}, 'delivery.queued.unreported');
			if (start.isOver) return;
			start.atMs = this.#clock.now();
			this.#watch(start);
		}
	}
}
