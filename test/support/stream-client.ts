import {WebSocket} from 'ws';

/** One frame of the live stream. */
export interface StreamFrame {
	readonly id: string;
	readonly event: string;
	readonly connectionId: string | null;
	readonly payload: unknown;
}

/** A tenant's socket that comes back after every loss and resumes where `since` says. */
export class StreamClient implements AsyncDisposable {
	/** Every frame in the order of arrival, repeats included. */
	readonly frames: StreamFrame[] = [];
	readonly #url: string;
	readonly #token: string;
	#since: string | undefined;
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

	/** From now on, a reconnect replays everything after this event. */
	resumeFrom(eventId: string): void {
		this.#since = eventId;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#socket?.terminate();
		return Promise.resolve();
	}

	#connect(): void {
		const since = this.#since === undefined ? '' : `?since=${this.#since}`;
		const socket = new WebSocket(`${this.#url}/ws${since}`, {headers: {authorization: `Bearer ${this.#token}`}});
		this.#socket = socket;
		socket.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as StreamFrame));
		socket.on('error', () => undefined);
		socket.on('close', () => {
			if (!this.#closed)
				setTimeout(() => {
					this.#connect();
				}, 100).unref();
		});
	}
}
