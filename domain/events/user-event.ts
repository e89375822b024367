import {hashedUlid} from '../hashing.ts';
import type {EventEnvelope, PreparedEvent} from './envelope.ts';

/** Something that happened to a user as a whole, not on one of his connections. */
export interface UserEvent {
	readonly event: string;
	readonly userId: string;
	/** What its id is made of: the same in every process that comes to tell of it. */
	readonly key: {readonly timeMs: number; readonly hash: Buffer};
	readonly timestamp: Date;
	readonly payload: Readonly<Record<string, unknown>>;
}

/** Turns what a user is told about his account into bytes: the envelope of all events, without a connection and a session. */
export function prepareUserEvent({event, userId, key, timestamp, payload}: UserEvent): PreparedEvent {
	const id = `evt_${hashedUlid(key.timeMs, key.hash)}`;
	const envelope: EventEnvelope = {
		id,
		event,
		connectionId: null,
		session: null,
		timestamp: timestamp.toISOString(),
		payload,
	};
	return {
		id,
		event,
		userId,
		connectionId: null,
		receivedAtMs: timestamp.getTime(),
		body: Buffer.from(JSON.stringify(envelope)),
		media: [],
	};
}
