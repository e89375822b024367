import type {EventSubject, RoomMember} from './room-member.ts';
import {StreamFrame} from './stream-frame.ts';

/** One event on its way to the clients that may have it. */
export class EventFrame extends StreamFrame implements EventSubject {
	readonly eventId: string;
	readonly event: string;
	readonly connectionId: string | null;
	readonly #isBehind: boolean;

	/** @param event.isBehind it comes from before the place of a client that resumes; default false */
	constructor({
		eventId,
		event,
		connectionId,
		body,
		isBehind = false,
	}: EventSubject & {eventId: string; body: Buffer; isBehind?: boolean}) {
		super('event', body);
		this.eventId = eventId;
		this.event = event;
		this.connectionId = connectionId;
		this.#isBehind = isBehind;
	}

	sendTo(members: Iterable<RoomMember>): void {
		for (const member of members) {
			if (member.concerns(this)) member.send(this);
		}
	}

	/** None for what is behind: an EventSource would go back there, and further back each time its connection is lost. */
	protected override get idLine(): string {
		return this.#isBehind ? '' : `id: ${this.eventId}\n`;
	}
}
