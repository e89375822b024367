import type {StreamFrame} from './stream-frame.ts';

/** One client of a room, whatever carries its frames. */
export interface RoomMember {
	/** Whether it may have events of this connection; null = of the user as a whole. */
	concerns(connectionId: string | null): boolean;
	/** Never throws and never waits: a client that is gone gets nothing, one that is too slow is cut. */
	send(frame: StreamFrame): void;
	/** True while more should wait for `drained`, if it can wait. */
	readonly isFull: boolean;
	/** Resolves when it takes more, or ends; in any case within some seconds. */
	drained(): Promise<void>;
}
