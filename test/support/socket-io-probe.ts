import {io, type ManagerOptions, type Socket, type SocketOptions} from 'socket.io-client';
import {eventually} from './eventually.ts';
import type {ProbeFrame} from './stream-probe.ts';

/** Why the server let a client go, as the client hears it. */
interface Closing {
	readonly code: number;
	readonly reason: string;
}

/** One real Socket.IO client that notes what it gets. It comes back by itself only where a test says so. */
export class SocketIoProbe implements Disposable {
	readonly socket: Socket;
	readonly frames: ProbeFrame[] = [];
	readonly closings: Closing[] = [];
	/** Other things that came: `ready`, `subscribed`, `error`. */
	readonly others: {readonly type: string; readonly code?: string; readonly message?: string}[] = [];

	/** @param url of the gateway, without a path */
	constructor(url: string, options: Partial<ManagerOptions & SocketOptions>) {
		this.socket = io(url.replace(/^ws/, 'http'), {
			path: '/api/ws',
			transports: ['websocket'],
			reconnection: false,
			forceNew: true,
			...options,
		});
		this.socket.on('event', (frame: ProbeFrame) => this.frames.push(frame));
		this.socket.on('gap', (frame: ProbeFrame) => this.frames.push(frame));
		this.socket.on('closing', (closing: Closing) => this.closings.push(closing));
		for (const type of ['ready', 'subscribed', 'error']) {
			this.socket.on(type, (frame: (typeof this.others)[number]) => this.others.push(frame));
		}
	}

	get ids(): readonly string[] {
		return this.frames.flatMap(({id}) => id ?? []);
	}

	get gaps(): readonly ProbeFrame[] {
		return this.frames.filter(({type}) => type === 'gap');
	}

	/** How it carries frames at the moment. */
	get transport(): string | undefined {
		return this.socket.io.engine.transport.name;
	}

	/** Resolves once it is connected. @throws what `connect_error` says */
	connected(): Promise<void> {
		return new Promise((resolve, reject) => {
			if (this.socket.connected) resolve();
			this.socket.once('connect', resolve);
			this.socket.once('connect_error', reject);
		});
	}

	/** Resolves to what a refused client is told. */
	refused(): Promise<{readonly message: string; readonly data: unknown}> {
		return new Promise((resolve, reject) => {
			this.socket.once('connect', () => {
				reject(new Error('it was let in'));
			});
			this.socket.once('connect_error', (error: Error & {data?: unknown}) => {
				resolve({message: error.message, data: error.data});
			});
		});
	}

	/** Resolves to why it was disconnected, in the client's words. */
	async disconnected(): Promise<string> {
		return new Promise((resolve) => {
			this.socket.once('disconnect', resolve);
		});
	}

	/** Resolves when all these events have come. */
	async received(ids: readonly string[]): Promise<void> {
		await eventually(() => {
			const got = new Set(this.ids);
			const missing = ids.filter((id) => !got.has(id));
			if (missing.length > 0) throw new Error(`${missing.length} of ${ids.length} events are missing`);
		});
	}

	[Symbol.dispose](): void {
		this.socket.disconnect();
	}
}
