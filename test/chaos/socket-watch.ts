import type {StreamClient} from '../support/stream-client.ts';

/** How often frames are taken off the client. */
const EVERY_MS = 2000;

/** Reads a tenant's socket over all its losses, and remembers which events it showed. */
export class SocketWatch implements Disposable {
	readonly #stream: StreamClient;
	readonly #seen = new Set<number>();
	readonly #timer: NodeJS.Timeout;

	constructor(stream: StreamClient) {
		this.#stream = stream;
		this.#timer = setInterval(() => {
			this.#take();
		}, EVERY_MS);
	}

	/** Whether a frame with the event of this number came. */
	has(n: number): boolean {
		this.#take();
		return this.#seen.has(n);
	}

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
	}

	/** A long run has more frames than a process wants to keep. */
	#take(): void {
		for (const {event, payload} of this.#stream.frames.splice(0)) {
			if (event === 'message') this.#seen.add((payload as {n: number}).n);
		}
	}
}
