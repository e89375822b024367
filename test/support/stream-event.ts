import {digest, hashedUlid} from '../../domain/hashing.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';

/**
 * A user's event number `index`, as the log gets it.
 * @param padding characters that its payload is made larger by
 */
export function makeStreamEvent(userId: string, index: number, receivedAtMs = Date.now(), padding = 0): NewLoggedEvent {
	const id = `evt_${hashedUlid(receivedAtMs, digest(userId, String(index)))}`;
	const envelope = {
		id,
		event: 'message',
		connectionId: `connection-of-${userId}`,
		timestamp: new Date(receivedAtMs).toISOString(),
		payload: {index, body: 'é'.repeat(padding)},
	};
	return {
		id,
		event: envelope.event,
		userId,
		connectionId: envelope.connectionId,
		timestampMs: receivedAtMs,
		receivedAtMs,
		body: JSON.stringify(envelope),
	};
}

export function idsOf(events: readonly NewLoggedEvent[]): readonly string[] {
	return events.map(({id}) => id);
}

export function first<T>(items: readonly T[]): T {
	const item = items[0];
	if (item === undefined) throw new Error('there is none');
	return item;
}
