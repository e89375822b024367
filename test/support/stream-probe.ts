import {once} from 'node:events';
import {WebSocket, type ClientOptions} from 'ws';
import {eventually} from './eventually.ts';

/** What a client reads off a frame: an event's id, or the fields of a gap or ready frame. */
export interface ProbeFrame {
	readonly id?: string;
	readonly type?: string;
	readonly from?: string | null;
	readonly to?: string | null;
	readonly reason?: string;
	readonly since?: string | null;
}

/** One real WebSocket that notes what it gets and never comes back. */
export class StreamProbe {
	/** The text of every frame but those that tell that the stream is live. */
	readonly texts: string[] = [];
	/** What it was told to come back with. */
	readonly ready: (string | null | undefined)[] = [];
	readonly socket: WebSocket;
	readonly #closed: Promise<{code: number; reason: string}>;
	#binaryFrames = 0;

	private constructor(socket: WebSocket) {
		this.socket = socket;
		socket.on('message', (data: Buffer, isBinary) => {
			if (isBinary) this.#binaryFrames++;
			const text = data.toString();
			if (text.startsWith('{"type":"ready"')) this.ready.push((JSON.parse(text) as ProbeFrame).since);
			else this.texts.push(text);
		});
		this.#closed = new Promise((resolve) => {
			socket.on('close', (code, reason) => {
				resolve({code, reason: reason.toString()});
			});
		});
	}

	/** Resolves once the upgrade succeeded, whatever comes then. */
	static async open(url: string, options: ClientOptions = {}): Promise<StreamProbe> {
		const probe = new StreamProbe(new WebSocket(url, options));
		await once(probe.socket, 'open');
		return probe;
	}

	get isOpen(): boolean {
		return this.socket.readyState === WebSocket.OPEN;
	}

	get binaryFrames(): number {
		return this.#binaryFrames;
	}

	get frames(): readonly ProbeFrame[] {
		return this.texts.map((text) => JSON.parse(text) as ProbeFrame);
	}

	/** The ids of the events, in the order of arrival, repeats included. */
	get ids(): readonly string[] {
		return this.frames.flatMap(({id}) => id ?? []);
	}

	get gaps(): readonly ProbeFrame[] {
		return this.frames.filter(({type}) => type === 'gap');
	}

	/** Resolves when all these events have come. */
	async received(ids: readonly string[]): Promise<void> {
		await eventually(() => {
			const got = new Set(this.ids);
			const missing = ids.filter((id) => !got.has(id));
			if (missing.length > 0) throw new Error(`${missing.length} of ${ids.length} events are missing`);
		});
	}

	/** Resolves with how the server (or the network) ended it. */
	closed(): Promise<{code: number; reason: string}> {
		return this.#closed;
	}
}
