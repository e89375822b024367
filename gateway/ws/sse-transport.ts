import {PassThrough, type Readable} from 'node:stream';
import type {Clock} from '../../domain/ports/clock.ts';
import type {CloseReason} from './close-reason.ts';
import {StreamFrame} from './stream-frame.ts';
import type {StreamTransport} from './stream-transport.ts';

/** Well under the minute after which proxies give up on what is silent. */
const HEARTBEAT_MS = 25_000;

/** How soon an EventSource comes back. */
const RETRY_MS = 2000;

const HEARTBEAT = Buffer.from(': still here\n\n');

/** A replay waits for the client from here on. */
const FULL_BYTES = 64 * 1024;

/** Server-Sent Events: an HTTP answer that does not end. A client has nothing to say in it. */
export class SseTransport implements StreamTransport {
	readonly kind = 'sse';
	readonly closed: Promise<void>;
	readonly #output = new PassThrough({highWaterMark: FULL_BYTES});
	readonly #clock: Clock;
	#heartbeat: Disposable;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
		this.#output.write(`retry: ${RETRY_MS}\n\n`);
		this.#heartbeat = this.#nextHeartbeat();
		this.closed = new Promise((resolve) => {
			this.#output.once('close', () => {
				this.#heartbeat[Symbol.dispose]();
				resolve();
			});
		});
		// What ends it is the client's going; whoever sends the answer knows.
		this.#output.on('error', () => undefined);
	}

	/** The body of the answer. */
	get body(): Readable {
		return this.#output;
	}

	get isOpen(): boolean {
		return this.#output.writable;
	}

	get bufferedBytes(): number {
		return this.#output.readableLength + this.#output.writableLength;
	}

	get isFull(): boolean {
		return this.#output.writableNeedDrain;
	}

	drained(): Promise<void> {
		if (!this.isFull) {
			return Promise.resolve();
		}
		return new Promise((resolve) => {
			const finish = (): void => {
				this.#output.off('drain', finish);
				this.#output.off('close', finish);
				resolve();
			};
			this.#output.on('drain', finish);
			this.#output.on('close', finish);
		});
	}

	listen(): void {
		// There is nothing to hear.
	}

	write(frame: StreamFrame): void {
		if (this.isOpen) this.#output.write(frame.serverSent);
	}

	close({code, reason}: CloseReason): void {
		this.write(StreamFrame.about('closing', {code, reason}));
		this.#output.end();
	}

	terminate(): void {
		this.#output.destroy();
	}

	#nextHeartbeat(): Disposable {
		return this.#clock.after(HEARTBEAT_MS, () => {
			if (this.isOpen && !this.isFull) this.#output.write(HEARTBEAT);
			this.#heartbeat = this.#nextHeartbeat();
		});
	}
}
