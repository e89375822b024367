import type {DeliveryTask} from '../broker/messages.ts';
import {TEST_EVENT} from '../events/vocabulary.ts';
import type {LoggedEvent} from '../ports/event-store.ts';

/** The next attempt of a delivery, made anew from the log; a test event stays one that its own webhook alone gets. */
export function toDeliveryTask(
	{id, event, userId, connectionId, receivedAtMs, body}: LoggedEvent,
	{webhookId, run, attempt, firstAtMs}: Pick<DeliveryTask, 'webhookId' | 'run' | 'attempt' | 'firstAtMs'>,
): DeliveryTask {
	return {
		event: {
			id,
			event,
			userId,
			connectionId,
			receivedAtMs,
			body: Buffer.from(body),
			// They were copied when the event came.
			media: [],
			...(event === TEST_EVENT && {onlyWebhookId: webhookId}),
		},
		webhookId,
		run,
		attempt,
		firstAtMs,
		parked: 0,
	};
}
