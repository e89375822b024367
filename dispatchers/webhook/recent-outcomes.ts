import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {isStep, type Turn, type TurnEnd} from './turn.ts';

/** Two generations of this many; 40 MB if every answer had its full 4 KB. */
const GENERATION_SIZE = 5000;

/** A turn that was taken, or is being taken. */
interface Taken {
	readonly dueAtMs: number;
	readonly end: Promise<TurnEnd>;
	/** Undefined when it failed, or was not begun yet. */
	publication: Promise<void> | undefined;
}

/** What a turn consists of. */
export interface Work {
	readonly take: () => Promise<TurnEnd>;
	/** For an outcome with a next attempt: puts that into the broker, before anything is said of it. Default: that is up to the caller. */
	readonly publishNext?: (outcome: Outcome) => Promise<void>;
}

/**
 * Remembers what this process did lately for each attempt of a delivery. A message that comes again (its outcome could not be stored, the channel was
 * lost before the ack), or another one for the same attempt, gets the outcome that is known instead of a second HTTP request.
 */
export class RecentOutcomes {
	#young = new Map<string, Taken>();
	#old = new Map<string, Taken>();

	/**
	 * Takes a turn unless the same attempt was made before, or was parked to a later time than this message's. A publication that failed is
	 * repeated alone. A turn that threw, or in which nothing was attempted or parked, may be taken again.
	 */
	async once({task, dueAtMs}: Turn, {take, publishNext}: Work): Promise<TurnEnd> {
		const key = `${task.event.id}/${task.webhookId}:${task.run}:${task.attempt}`;
		for (let known = this.#find(key); known !== undefined; known = this.#find(key)) {
			const end = await known.end;
			if (isStep(end) && (end.state !== 'parked' || dueAtMs <= known.dueAtMs)) {
				if (end.nextAttemptAtMs !== undefined) await publish(known, end, publishNext);
				return end;
			}
			if (this.#find(key) === known) break;
		}
		const taken: Taken = {dueAtMs, end: take(), publication: undefined};
		const end = await this.#endOf(key, taken);
		if (isStep(end) && end.nextAttemptAtMs !== undefined) await publish(taken, end, publishNext);
		return end;
	}

	async #endOf(key: string, taken: Taken): Promise<TurnEnd> {
		this.#remember(key, taken);
		let end: TurnEnd | undefined;
		try {
			end = await taken.end;
			return end;
		} finally {
			if (!isWorthKeeping(end) && this.#find(key) === taken) {
				this.#young.delete(key);
				this.#old.delete(key);
			}
		}
	}

	#find(key: string): Taken | undefined {
		return this.#young.get(key) ?? this.#old.get(key);
	}

	#remember(key: string, taken: Taken): void {
		if (this.#young.size >= GENERATION_SIZE) {
			this.#old = this.#young;
			this.#young = new Map();
		}
		this.#young.set(key, taken);
	}
}

/** Whatever else may have come of it is soon decided anew. */
function isWorthKeeping(end: TurnEnd | undefined): boolean {
	return end !== undefined && isStep(end) && (end.result !== undefined || end.state === 'parked');
}

async function publish(taken: Taken, outcome: Outcome, publishNext: Work['publishNext']): Promise<void> {
	const publication = (taken.publication ??= publishNext?.(outcome));
	try {
		await publication;
	} catch (error) {
		if (taken.publication === publication) taken.publication = undefined;
		throw error;
	}
}
