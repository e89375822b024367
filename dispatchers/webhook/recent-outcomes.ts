import type {DeliveryTask} from '../../domain/broker/messages.ts';
import {deliveryId, type Outcome} from '../../domain/webhooks/delivery.ts';

/** Two generations of this many; 40 MB if every answer had its full 4 KB. */
const GENERATION_SIZE = 5000;

/**
 * Remembers the attempts this process made lately. A message that comes again (its outcome could not be stored, the channel was
 * lost before the ack) gets the outcome that is known instead of a second HTTP request.
 */
export class RecentOutcomes {
	#young = new Map<string, Promise<Outcome>>();
	#old = new Map<string, Promise<Outcome>>();

	/** Runs `attempt` unless the same attempt was made before; one that threw may be tried again. */
	async once(task: DeliveryTask, attempt: () => Promise<Outcome>): Promise<Outcome> {
		const key = `${deliveryId(task.event.id, task.webhookId)}:${task.run}:${task.attempt}:${task.parked}`;
		const known = this.#young.get(key) ?? this.#old.get(key);
		if (known !== undefined) {
			return known;
		}
		const outcome = attempt();
		this.#remember(key, outcome);
		try {
			return await outcome;
		} catch (error) {
			this.#young.delete(key);
			this.#old.delete(key);
			throw error;
		}
	}

	#remember(key: string, outcome: Promise<Outcome>): void {
		if (this.#young.size >= GENERATION_SIZE) {
			this.#old = this.#young;
			this.#young = new Map();
		}
		this.#young.set(key, outcome);
	}
}
