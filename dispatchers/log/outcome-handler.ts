import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeOutcomes} from '../../domain/broker/messages.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';

const MAX_OUTCOMES = 500;
const MAX_DELAY_MS = 20;

/** Writes what became of deliveries: attempts and rows, many at once. */
export class OutcomeHandler {
	readonly #batch: Batch<Outcome>;

	constructor({deliveries, clock}: {deliveries: DeliveryStore; clock: Clock}) {
		this.#batch = new Batch({
			maxItems: MAX_OUTCOMES,
			maxDelayMs: MAX_DELAY_MS,
			serial: true,
			clock,
			flush: (outcomes) => deliveries.record(outcomes),
		});
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		await this.#batch.add(...decodeOutcomes(message));
		return ACK;
	}
}
