import type {RoomMember} from './room-member.ts';
import {StreamFrame} from './stream-frame.ts';

/** One event on its way to the clients that may have it. */
export class EventFrame extends StreamFrame {
	readonly eventId: string;
	/** Null for an event of the user as a whole. */
	readonly connectionId: string | null;

	constructor({eventId, connectionId, body}: {eventId: string; connectionId: string | null; body: Buffer}) {
		super(body);
		this.eventId = eventId;
		this.connectionId = connectionId;
	}

	sendTo(members: Iterable<RoomMember>): void {
		for (const member of members) {
			if (member.concerns(this.connectionId)) member.send(this);
		}
	}
}
