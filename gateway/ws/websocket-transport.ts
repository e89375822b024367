import type {Duplex} from 'node:stream';
import type {WebSocket} from 'ws';
import type {Clock} from '../../domain/ports/clock.ts';
import type {CloseReason} from './close-reason.ts';
import type {StreamFrame} from './stream-frame.ts';
import type {StreamTransport, TransportListener} from './stream-transport.ts';

const PING_INTERVAL_MS = 25_000;
const MAX_MISSED_PONGS = 2;

/** A plain WebSocket with JSON text frames. */
export class WebSocketTransport implements StreamTransport {
	readonly kind = 'websocket';
	readonly closed: Promise<void>;
	readonly #websocket: WebSocket;
	readonly #stream: Duplex;
	readonly #clock: Clock;
	#heartbeat: Disposable;
	#missedPongs = 0;

	/** @param stream the connection below the WebSocket; frames are written to it whole */
	constructor(options: {websocket: WebSocket; stream: Duplex; clock: Clock}) {
		this.#websocket = options.websocket;
		this.#stream = options.stream;
		this.#clock = options.clock;
		this.#heartbeat = this.#nextPing();
		this.closed = new Promise((resolve) => {
			this.#websocket.once('close', () => {
				this.#heartbeat[Symbol.dispose]();
				resolve();
			});
		});
	}

	get isOpen(): boolean {
		return this.#websocket.readyState === this.#websocket.OPEN;
	}

	get bufferedBytes(): number {
		return this.#stream.writableLength;
	}

	/** 64 KB by Node's default. */
	get isFull(): boolean {
		return this.#stream.writableNeedDrain;
	}

	drained(): Promise<void> {
		if (!this.isFull) {
			return Promise.resolve();
		}
		return new Promise((resolve) => {
			const finish = (): void => {
				this.#stream.off('drain', finish);
				this.#stream.off('close', finish);
				resolve();
			};
			this.#stream.on('drain', finish);
			this.#stream.on('close', finish);
		});
	}

	listen({onActivity, onMessage, onFault}: TransportListener): void {
		const onSignOfLife = (): void => {
			this.#missedPongs = 0;
			onActivity();
		};
		this.#websocket.on('pong', onSignOfLife);
		this.#websocket.on('ping', onSignOfLife);
		this.#websocket.on('message', (data: Buffer, isBinary: boolean) => {
			onActivity();
			if (!isBinary && this.isOpen) onMessage(parse(data));
		});
		// `ws` has sent the close frame already (1002, 1007, 1009): such a client need not be understood, only got rid of.
		this.#websocket.on('error', onFault);
	}

	/** Past `ws`, which would make a header per socket: without compression it never has a frame half written. */
	write(frame: StreamFrame): void {
		if (this.isOpen) this.#stream.write(frame.wire);
	}

	close({code, reason}: CloseReason): void {
		this.#websocket.close(code, reason);
	}

	terminate(): void {
		this.#websocket.terminate();
	}

	#nextPing(): Disposable {
		return this.#clock.after(PING_INTERVAL_MS, () => {
			this.#ping();
		});
	}

	#ping(): void {
		if (!this.isOpen) {
			return;
		}
		if (this.#missedPongs === MAX_MISSED_PONGS) {
			this.terminate();
			return;
		}
		this.#missedPongs++;
		this.#websocket.ping();
		this.#heartbeat = this.#nextPing();
	}
}

/** Undefined for what is no JSON: clients of the contract may say anything, and are not listened to. */
function parse(data: Buffer): unknown {
	try {
		return JSON.parse(data.toString());
	} catch {
		return undefined;
	}
}
