import {once} from 'node:events';
import {createServer as createHttpServer, type RequestListener, type Server as HttpServer} from 'node:http';
import {createServer as createTcpServer, type AddressInfo, type Server, type Socket} from 'node:net';

/** A server on a port of its own that counts its connections. */
export class Receiver implements AsyncDisposable {
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	connections = 0;

	private constructor(server: Server) {
		this.#server = server;
		server.on('connection', (socket) => {
			this.connections++;
			this.#sockets.add(socket);
			socket.on('error', () => undefined);
			socket.on('close', () => this.#sockets.delete(socket));
		});
	}

	static http(listener: RequestListener): Promise<Receiver> {
		const server: HttpServer = createHttpServer((request, response) => {
			response.on('error', () => undefined);
			listener(request, response);
		});
		return Receiver.#listen(server);
	}

	/** Says `answer` to whatever comes, then closes the connection. */
	static raw(answer: string): Promise<Receiver> {
		return Receiver.#listen(createTcpServer((socket) => socket.once('data', () => socket.end(answer))));
	}

	static async #listen(server: Server): Promise<Receiver> {
		const receiver = new Receiver(server);
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		return receiver;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}/hook?a=1`;
	}

	/** Connections that are open now. */
	get open(): number {
		return this.#sockets.size;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.close();
		for (const socket of this.#sockets) socket.destroy();
		await once(this.#server, 'close');
	}
}
