import type {CloseReason} from './close-reason.ts';
import type {StreamFrame} from './stream-frame.ts';

/** How a client is connected. */
export type TransportKind = 'websocket' | 'socket.io' | 'sse';

/** Who hears what a client does. */
export interface TransportListener {
	/** The client sent something, whatever it is. */
	readonly onActivity: () => void;
	/** `acknowledge` is where the answer goes instead of into the stream; only some transports have it. */
	readonly onMessage: (message: unknown, acknowledge?: (answer: unknown) => void) => void;
	/** The client broke the protocol and was told so. */
	readonly onFault: () => void;
}

/**
 * What carries frames to one client and is the only thing that knows how: a WebSocket, a Socket.IO socket, an HTTP answer. It keeps
 * itself alive and judges nothing.
 */
export interface StreamTransport {
	readonly kind: TransportKind;
	/** Resolves once it is closed for good. */
	readonly closed: Promise<void>;
	/** False as soon as it is closing. */
	readonly isOpen: boolean;
	/** What was written and not taken by the system yet. */
	readonly bufferedBytes: number;
	/** True while more should wait for `drained`, if it can wait. */
	readonly isFull: boolean;
	/** Resolves when it takes more, or is closed. */
	drained(): Promise<void>;
	/** Call once, before anything can have come. */
	listen(listener: TransportListener): void;
	/** Never throws; does nothing once it is closing. */
	write(frame: StreamFrame): void;
	/** Tells the client why and ends in an orderly way, which takes as long as the client likes. */
	close(reason: CloseReason): void;
	/** Cuts the connection without a word. */
	terminate(): void;
}
