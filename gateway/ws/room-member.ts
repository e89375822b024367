import type {StreamFrame} from './stream-frame.ts';

/** What clients filter events by. */
export interface EventSubject {
	readonly event: string;
	/** Null for an event of the user as a whole. */
	readonly connectionId: string | null;
}

/** One client of a room, whatever carries its frames. */
export interface RoomMember {
	/** Whether it may have this event, and wants it. */
	concerns(subject: EventSubject): boolean;
	/** Whether it may know of events of this connection; null = of the user as a whole. */
	mayKnow(connectionId: string | null): boolean;
	/** Never throws and never waits: a client that is gone gets nothing, one that is too slow is cut. */
	send(frame: StreamFrame): void;
	/** True while more should wait for `drained`, if it can wait. */
	readonly isFull: boolean;
	/** Resolves when it takes more, or ends; in any case within some seconds. */
	drained(): Promise<void>;
}
