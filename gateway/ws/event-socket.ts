import type {Duplex} from 'node:stream';
import type {WebSocket} from 'ws';
import type {Clock} from '../../domain/ports/clock.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import type {RoomMember} from './room-member.ts';
import type {StreamFrame} from './stream-frame.ts';

const PING_INTERVAL_MS = 25_000;
const MAX_MISSED_PONGS = 2;

/** After a close frame the client may take this long to answer it. */
const CLOSE_GRACE_MS = 5000;

/** A replay waits this long for a client to take what is buffered (64 KB by Node's default). */
const DRAIN_TIMEOUT_MS = 10_000;

/**
 * One plain WebSocket: sends frames as they are, keeps itself alive, and never buffers more than it may. What the client says
 * is ignored, but for pings and pongs.
 */
export class EventSocket implements RoomMember {
	/** Resolves once it is closed for good. */
	readonly closed: Promise<void>;
	readonly #websocket: WebSocket;
	readonly #stream: Duplex;
	readonly #clock: Clock;
	readonly #maxBufferedBytes: number;
	readonly #onTooSlow: (bufferedBytes: number) => void;
	/** Null = all of the user's. */
	#connectionIds: ReadonlySet<string> | null = null;
	#heartbeat: Disposable;
	#grace: Disposable | undefined;
	#missedPongs = 0;

	/**
	 * @param stream the connection below the WebSocket; frames are written to it whole
	 * @param maxBufferedBytes a client that has more than this outstanding is too slow for live frames
	 * @param onTooSlow called when it is cut for that
	 */
	constructor(options: {
		websocket: WebSocket;
		stream: Duplex;
		clock: Clock;
		maxBufferedBytes: number;
		onTooSlow: (bufferedBytes: number) => void;
	}) {
		this.#websocket = options.websocket;
		this.#stream = options.stream;
		this.#clock = options.clock;
		this.#maxBufferedBytes = options.maxBufferedBytes;
		this.#onTooSlow = options.onTooSlow;
		this.#heartbeat = this.#nextPing();
		this.closed = this.#listen();
	}

	get isOpen(): boolean {
		return this.#websocket.readyState === this.#websocket.OPEN;
	}

	get isFull(): boolean {
		return this.isOpen && this.#stream.writableNeedDrain;
	}

	/** From now on it gets events of these connections, and no others. */
	limitTo(connectionIds: readonly string[]): void {
		this.#connectionIds = new Set(connectionIds);
	}

	concerns(connectionId: string | null): boolean {
		return this.#connectionIds === null || (connectionId !== null && this.#connectionIds.has(connectionId));
	}

	/** Past `ws`, which would make a header per socket: without compression it never has a frame half written. */
	send(frame: StreamFrame): void {
		if (!this.isOpen) {
			return;
		}
		if (this.#stream.writableLength > this.#maxBufferedBytes) {
			this.#cut();
			return;
		}
		this.#stream.write(frame.wire);
	}

	drained(): Promise<void> {
		if (!this.isFull) {
			return Promise.resolve();
		}
		return new Promise((resolve) => {
			const finish = (): void => {
				timer[Symbol.dispose]();
				this.#stream.off('drain', finish);
				this.#stream.off('close', finish);
				resolve();
			};
			const timer = this.#clock.after(DRAIN_TIMEOUT_MS, () => {
				this.#cut();
				finish();
			});
			this.#stream.on('drain', finish);
			this.#stream.on('close', finish);
		});
	}

	/** Sends a close frame; a client that does not answer it in time is cut. */
	close({code, reason}: CloseReason): void {
		if (this.isOpen) {
			this.#websocket.close(code, reason);
			this.#terminateSoon();
		}
	}

	/** Cuts the connection without a word. */
	terminate(): void {
		this.#websocket.terminate();
	}

	#listen(): Promise<void> {
		const alive = (): void => {
			this.#missedPongs = 0;
		};
		this.#websocket.on('pong', alive);
		this.#websocket.on('ping', alive);
		// `ws` has sent the close frame already (1002, 1007, 1009): such a client need not be understood, only got rid of.
		this.#websocket.on('error', () => {
			this.#terminateSoon();
		});
		return new Promise((resolve) => {
			this.#websocket.once('close', () => {
				this.#heartbeat[Symbol.dispose]();
				this.#grace?.[Symbol.dispose]();
				resolve();
			});
		});
	}

	#cut(): void {
		this.#onTooSlow(this.#stream.writableLength);
		this.close(CLOSE.tooSlow);
	}

	#terminateSoon(): void {
		this.#grace ??= this.#clock.after(CLOSE_GRACE_MS, () => {
			this.terminate();
		});
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
