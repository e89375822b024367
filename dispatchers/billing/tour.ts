import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ListPosition, Page} from '../../domain/ports/page.ts';

/** Visits everything in a list, some of it in each round, and begins again a while after the last beginning. */
export class Tour<Row extends ListPosition> {
	readonly #name: string;
	readonly #list: (page: Page) => Promise<readonly Row[]>;
	readonly #visit: (row: Row) => Promise<void>;
	readonly #rowsPerRound: number;
	readonly #everyMs: number;
	readonly #clock: Clock;
	readonly #log: Logger;
	#after: ListPosition | undefined;
	#beganAtMs = -Infinity;
	#isUnderWay = false;

	/** @param options.name stands in the log */
	constructor(options: {
		name: string;
		list: (page: Page) => Promise<readonly Row[]>;
		visit: (row: Row) => Promise<void>;
		rowsPerRound: number;
		everyMs: number;
		clock: Clock;
		log: Logger;
	}) {
		this.#name = options.name;
		this.#list = options.list;
		this.#visit = options.visit;
		this.#rowsPerRound = options.rowsPerRound;
		this.#everyMs = options.everyMs;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** One that cannot be visited is passed by until the next time. @throws {StoreUnavailableError} the list cannot be read */
	async round(): Promise<void> {
		if (!this.#isUnderWay && this.#clock.now() - this.#beganAtMs < this.#everyMs) {
			return;
		}
		if (!this.#isUnderWay) {
			this.#isUnderWay = true;
			this.#beganAtMs = this.#clock.now();
			this.#after = undefined;
		}
		const rows = await this.#list({limit: this.#rowsPerRound, ...(this.#after && {after: this.#after})});
		for (const row of rows) {
			try {
				await this.#visit(row);
			} catch (error) {
				this.#log.warn({error, tour: this.#name, id: row.id}, 'tour.visit.failed');
			}
		}
		this.#after = rows.at(-1);
		this.#isUnderWay = rows.length === this.#rowsPerRound;
	}
}
