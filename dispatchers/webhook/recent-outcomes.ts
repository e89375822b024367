import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';

/** Two generations of this many; 40 MB if every answer had its full 4 KB. */
const GENERATION_SIZE = 5000;

interface Step {
	/** When the message was due that it was made for. */
	readonly dueAtMs: number;
	readonly outcome: Promise<Outcome>;
}

/**
 * Remembers what this process did lately for each attempt of a delivery. A message that comes again (its outcome could not be stored, the channel was
 * lost before the ack), or another one for the same attempt, gets the outcome that is known instead of a second HTTP request.
 */
export class RecentOutcomes {
	#young = new Map<string, Step>();
	#old = new Map<string, Step>();

	/**
	 * Runs `step` unless the same attempt was made before, or was parked to a later time than this message's; one that threw may
	 * be tried again.
	 * @param dueAtMs when the message was due
	 */
	async once(task: DeliveryTask, dueAtMs: number, step: () => Promise<Outcome>): Promise<Outcome> {
		const key = `${task.event.id}/${task.webhookId}:${task.run}:${task.attempt}`;
		for (let known = this.#find(key); known !== undefined; known = this.#find(key)) {
			const outcome = await known.outcome;
			if (outcome.state !== 'parked' || dueAtMs <= known.dueAtMs) return outcome;
			if (this.#find(key) === known) break;
		}
		return this.#run(key, {dueAtMs, outcome: step()});
	}

	async #run(key: string, step: Step): Promise<Outcome> {
		this.#remember(key, step);
		try {
			return await step.outcome;
		} catch (error) {
			if (this.#find(key) === step) {
				this.#young.delete(key);
				this.#old.delete(key);
			}
			throw error;
		}
	}

	#find(key: string): Step | undefined {
		return this.#young.get(key) ?? this.#old.get(key);
	}

	#remember(key: string, step: Step): void {
		if (this.#young.size >= GENERATION_SIZE) {
			this.#old = this.#young;
			this.#young = new Map();
		}
		this.#young.set(key, step);
	}
}
