import type {DeliveryTask} from '../../domain/broker/messages.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';

/** The next attempt of a delivery. */
export interface Turn {
	readonly task: DeliveryTask;
	/** When its message was due, milliseconds since the epoch; 0 for an event itself. */
	readonly dueAtMs: number;
}

/**
 * What became of it: a step of the delivery; or none, since the process ends (`returned`) or since the delivery went past it while it
 * waited (`overtaken`).
 */
export type TurnEnd = Outcome | 'returned' | 'overtaken';

export function isStep(end: TurnEnd): end is Outcome {
	return typeof end !== 'string';
}
