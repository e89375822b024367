import {Batch} from '../../domain/batch.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {deliveryId, isOvertaken, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {Turn} from './turn.ts';

/** Rows that are asked for together … */
const ROWS_AT_ONCE = 100;
/** … or this long after the first, in milliseconds. What is looked up comes again or comes late: it does not notice. */
const MAX_DELAY_MS = 2;

interface Question {
	readonly id: string;
	row: Delivery | undefined;
}

/**
 * Looks deliveries up, those of many callers in one query. After an outage all that was in hand comes again at once: a thousand
 * events that asked for each of their rows would keep the store busy for seconds.
 */
export class DeliveryLookup {
	readonly #questions: Batch<Question>;

	constructor({deliveries, clock}: {deliveries: Pick<DeliveryStore, 'findMany'>; clock: Clock}) {
		this.#questions = new Batch({
			maxItems: ROWS_AT_ONCE,
			maxDelayMs: MAX_DELAY_MS,
			clock,
			flush: async (questions) => {
				const found = await deliveries.findMany([...new Set(questions.map(({id}) => id))]);
				const rows = new Map(found.map((row) => [row.id, row]));
				for (const question of questions) question.row = rows.get(question.id);
			},
		});
	}

	/** Those that have a row. @throws {StoreUnavailableError} */
	async find(...ids: readonly string[]): Promise<readonly Delivery[]> {
		const questions = ids.map((id): Question => ({id, row: undefined}));
		await this.#questions.add(...questions);
		return questions.flatMap(({row}) => row ?? []);
	}

	/** True when the delivery went past this attempt. A row may lag behind, but never runs ahead. @throws {StoreUnavailableError} */
	async isOvertaken({task: {event, webhookId, run, attempt}, dueAtMs}: Turn): Promise<boolean> {
		const [delivery] = await this.find(deliveryId(event.id, webhookId));
		return delivery !== undefined && isOvertaken({run, attempt, dueAtMs}, delivery);
	}
}
