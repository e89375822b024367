import type {EventSubject, RoomMember} from './room-member.ts';
import {StreamFrame} from './stream-frame.ts';

/** One event on its way to the clients that may have it. */
export class EventFrame extends StreamFrame implements EventSubject {
	readonly eventId: string;
	readonly event: string;
	readonly connectionId: string | null;

	constructor({eventId, event, connectionId, body}: EventSubject & {eventId: string; body: Buffer}) {
		super('event', body);
		this.eventId = eventId;
		this.event = event;
		this.connectionId = connectionId;
	}

	sendTo(members: Iterable<RoomMember>): void {
		for (const member of members) {
			if (member.concerns(this)) member.send(this);
		}
	}

	protected override get idLine(): string {
		return `id: ${this.eventId}\n`;
	}
}
