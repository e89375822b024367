import {once} from 'node:events';
import {createServer, type RequestListener, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';

/** A server that answers every request with one listener, for what no WAHA would do, or only on a bad day. */
export class FakeWahaServer implements AsyncDisposable {
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async start(listener: RequestListener): Promise<FakeWahaServer> {
		const server = createServer(listener).listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new FakeWahaServer(server);
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	onConnection(listener: () => void): void {
		this.#server.on('connection', listener);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, 'close');
	}
}
