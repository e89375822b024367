import {dueAtMsOf} from '../domain/broker/publisher.ts';
import type {Message} from '../domain/ports/broker.ts';

/** Own header of a message that was put off: when it was due before, milliseconds since the epoch, 0 = at once. */
const PLANNED_HEADER = 'plannedAt';

/** A message that was in hand and has to come again later than it was due: it keeps its first time, however often that happens. */
export function putOff(message: Message): Message {
	return {...message, headers: {...message.headers, [PLANNED_HEADER]: plannedAtMsOf(message)}};
}

/**
 * A message as it was before it was put off, but for having been in hand. Whether a delivery went past its message is told by when that was
 * due (`isOvertaken`): how long somebody held it must not count.
 */
export function asPlanned(message: Message): Message {
	if (!(PLANNED_HEADER in message.headers)) {
		return message;
	}
	const {[PLANNED_HEADER]: _plannedAt, ...headers} = message.headers;
	return {...message, redelivered: true, headers: {...headers, dueAt: plannedAtMsOf(message)}};
}

function plannedAtMsOf(message: Message): number {
	const plannedAt = message.headers[PLANNED_HEADER];
	return typeof plannedAt === 'number' ? plannedAt : dueAtMsOf(message);
}
