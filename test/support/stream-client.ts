import {WebSocket} from 'ws';

/** One frame of the live stream. */
export interface StreamFrame {
	readonly id: string;
	readonly event: string;
	readonly connectionId: string | null;
	readonly payload: unknown;
}

/** Ids that are remembered to tell repeats from what is new. */
const MAX_SEEN = 20_000;

/** A tenant's socket that comes back after every loss and resumes from the last event that it had not seen before. */
export class StreamClient implements AsyncDisposable {
	/** Every frame in the order of arrival, repeats included. */
	readonly frames: StreamFrame[] = [];
	readonly #url: string;
	readonly #token: string;
	readonly #seen = new Set<string>();
	#since = '';
	#socket: WebSocket | undefined;
	#closed = false;

	/** @param url of the gateway */
	constructor(url: string, token: string) {
		this.#url = url.replace(/^http/, 'ws');
		this.#token = token;
		this.#connect();
	}

	get isOpen(): boolean {
		return this.#socket?.readyState === WebSocket.OPEN;
	}

	/** How many different events came. */
	ids(): ReadonlySet<string> {
		return new Set(this.frames.map(({id}) => id));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#socket?.terminate();
		return Promise.resolve();
	}

	#connect(): void {
		const headers = {authorization: `Bearer ${this.#token}`};
		const socket = new WebSocket(`${this.#url}/ws?since=${this.#since}`, {headers});
		this.#socket = socket;
		socket.on('message', (data: Buffer) => {
			this.#take(JSON.parse(data.toString()) as StreamFrame & {type?: string; since?: string | null});
		});
		socket.on('error', () => undefined);
		socket.on('close', () => {
			if (!this.#closed)
				setTimeout(() => {
					this.#connect();
				}, 100).unref();
		});
	}

	#take(frame: StreamFrame & {type?: string; since?: string | null}): void {
		if (frame.type === 'ready') {
			this.#since = frame.since ?? this.#since;
			return;
		}
		this.frames.push(frame);
		if (frame.type !== undefined || this.#seen.has(frame.id)) return;
		this.#since = frame.id;
		this.#seen.add(frame.id);
		const [oldest] = this.#seen;
		if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest);
	}
}
