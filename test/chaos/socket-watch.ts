import type {StreamClient} from '../support/stream-client.ts';

/** How often frames are taken off the client, and a place to resume from is noted. */
const EVERY_MS = 2000;
/** A socket that comes back asks for this many notes before: live frames may overtake each other. */
const NOTES_BACK = 10;

/** Reads a tenant's socket over all its losses, and remembers which events it showed. */
export class SocketWatch implements Disposable {
	readonly #stream: StreamClient;
	readonly #seen = new Set<number>();
	readonly #notes: string[] = [];
	readonly #timer: NodeJS.Timeout;

	constructor(stream: StreamClient) {
		this.#stream = stream;
		this.#timer = setInterval(() => {
			this.#note();
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

	#note(): void {
		const last = this.#stream.frames.at(-1);
		if (last !== undefined) this.#notes.push(last.id);
		if (this.#notes.length > NOTES_BACK) this.#notes.shift();
		const [oldest] = this.#notes;
		if (oldest !== undefined) this.#stream.resumeFrom(oldest);
		this.#take();
	}

	/** A long run has more frames than a process wants to keep. */
	#take(): void {
		for (const {event, payload} of this.#stream.frames.splice(0)) {
			if (event === 'message') this.#seen.add((payload as {n: number}).n);
		}
	}
}
