import type {Socket as Connection} from 'engine.io';
import type {Socket} from 'socket.io';
import type {CloseReason} from './close-reason.ts';
import {StreamFrame} from './stream-frame.ts';
import type {StreamTransport, TransportListener} from './stream-transport.ts';

/** A replay waits for the client from here on: as much as a plain socket's buffer. */
const FULL_BYTES = 64 * 1024;

/** One Socket.IO socket in the main namespace, over WebSocket or long polling. Engine.IO keeps it alive. */
export class SocketIoTransport implements StreamTransport {
	readonly kind = 'socket.io';
	readonly closed: Promise<void>;
	readonly #socket: Socket;
	readonly #connection: Connection;
	readonly #waiting = new Set<() => void>();
	#bufferedBytes = 0;
	#isClosing = false;
	#onActivity: (() => void) | undefined;

	constructor({socket}: {socket: Socket}) {
		this.#socket = socket;
		this.#connection = socket.conn;
		this.closed = new Promise((resolve) => {
			const finish = (): void => {
				this.#isClosing = true;
				this.#connection.off('close', finish);
				if (this.#onActivity !== undefined) this.#connection.off('packet', this.#onActivity);
				this.#wake();
				resolve();
			};
			this.#connection.on('close', finish);
			// A client may leave and keep the connection; when it is told to go, its connection has to, too.
			this.#socket.once('disconnect', () => {
				if (!this.#isClosing) finish();
			});
		});
	}

	get isOpen(): boolean {
		return !this.#isClosing && this.#connection.readyState === 'open';
	}

	get bufferedBytes(): number {
		return this.#bufferedBytes;
	}

	get isFull(): boolean {
		return this.#bufferedBytes > FULL_BYTES;
	}

	drained(): Promise<void> {
		return this.isOpen && this.isFull ? new Promise((resolve) => this.#waiting.add(resolve)) : Promise.resolve();
	}

	listen({onActivity, onMessage}: TransportListener): void {
		this.#onActivity = onActivity;
		this.#connection.on('packet', onActivity);
		this.#socket.onAny((type: unknown, body: unknown, acknowledge: unknown) => {
			const message = typeof body === 'object' && body !== null ? {...body, type} : {type};
			onMessage(message, typeof acknowledge === 'function' ? (acknowledge as (answer: unknown) => void) : undefined);
		});
	}

	/** Past socket.io, which would encode it for each socket. */
	write(frame: StreamFrame): void {
		if (!this.isOpen) {
			return;
		}
		const {text, options} = frame.socketIo;
		const {length} = frame.body;
		this.#bufferedBytes += length;
		this.#connection.write(text, options, () => {
			this.#bufferedBytes -= length;
			if (!this.isFull) this.#wake();
		});
	}

	/** A Socket.IO client comes back by itself after a loss of the connection, but not when the server says that it is over. */
	close({code, reason, isFinal}: CloseReason): void {
		this.write(StreamFrame.about('closing', {code, reason}));
		this.#isClosing = true;
		if (isFinal && this.#socket.connected) this.#socket.disconnect(true);
		else this.#connection.close();
	}

	/** Engine.IO would still wait for the client's close frame. */
	terminate(): void {
		this.#isClosing = true;
		const {transport} = this.#connection;
		this.#connection.close(true);
		(transport as unknown as {readonly socket?: {terminate(): void}}).socket?.terminate();
	}

	#wake(): void {
		for (const resolve of this.#waiting) resolve();
		this.#waiting.clear();
	}
}
