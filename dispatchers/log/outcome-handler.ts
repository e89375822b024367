import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeOutcomes} from '../../domain/broker/messages.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import type {FailureWatch} from '../../domain/webhooks/failure-watch.ts';

const MAX_OUTCOMES = 500;
const MAX_DELAY_MS = 20;

/** Writes what became of deliveries: attempts and rows, many at once; and sees which webhooks do nothing but fail. */
export class OutcomeHandler {
	readonly #watch: FailureWatch;
	readonly #batch: Batch<Outcome>;

	constructor({deliveries, watch, clock}: {deliveries: DeliveryStore; watch: FailureWatch; clock: Clock}) {
		this.#watch = watch;
		this.#batch = new Batch({
			maxItems: MAX_OUTCOMES,
			maxDelayMs: MAX_DELAY_MS,
			serial: true,
			clock,
			flush: (outcomes) => deliveries.record(outcomes),
		});
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const outcomes = decodeOutcomes(message);
		await this.#batch.add(...outcomes);
		await this.#watch.look(outcomes);
		return ACK;
	}
}
