import {Batch} from '../../domain/batch.ts';
import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {outcomeBase} from './attempt-maker.ts';

/** Outcomes of many deliveries share one message on the broker. */
const OUTCOMES_PER_MESSAGE = 100;
const OUTCOMES_DELAY_MS = 10;

/** Tells whoever keeps the rows what became of deliveries. Nothing vanishes: what is not sent is told with the reason. */
export class DeliveryReports {
	readonly #clock: Clock;
	readonly #outcomes: Batch<Outcome>;

	constructor({publisher, clock}: {publisher: Pick<Publisher, 'outcomes'>; clock: Clock}) {
		this.#clock = clock;
		this.#outcomes = new Batch({
			maxItems: OUTCOMES_PER_MESSAGE,
			maxDelayMs: OUTCOMES_DELAY_MS,
			clock,
			flush: (outcomes) => publisher.outcomes(outcomes),
		});
	}

	/** Resolves when the broker has it. @throws {BrokerUnavailableError} */
	add(outcome: Outcome): Promise<void> {
		return this.#outcomes.add(outcome);
	}

	/** As `add`: it is in hand, and waits for its first attempt or for the answer to it. */
	addQueued(task: DeliveryTask): Promise<void> {
		return this.add({...outcomeBase(task), state: 'queued', atMs: this.#clock.now()});
	}

	/** It ends without (another) attempt. */
	toEnd(task: DeliveryTask, state: 'skipped' | 'dead', reason: string): Outcome {
		return {...outcomeBase(task), state, atMs: this.#clock.now(), reason};
	}

	/** It waits until then, without an attempt. */
	toParked(task: DeliveryTask, untilMs: number): Outcome {
		return {...outcomeBase(task), state: 'parked', atMs: this.#clock.now(), nextAttemptAtMs: untilMs};
	}
}
