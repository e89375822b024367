import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';

/** A TCP proxy on a port of its own, to take a service away and to give it back. */
export class TcpProxy implements AsyncDisposable {
	readonly #server: Server;
	readonly #target: {readonly host: string; readonly port: number};
	/** Both ends of every open connection. */
	readonly #pairs = new Set<{readonly client: Socket; readonly upstream: Socket}>();
	#mode: 'forward' | 'refuse' | 'pause' = 'forward';
	#attempts = 0;

	private constructor(server: Server, target: {host: string; port: number}) {
		this.#server = server;
		this.#target = target;
		server.on('connection', (client) => {
			this.#onConnection(client);
		});
	}

	/** @param target a URL with host and port, such as `amqp://127.0.0.1:5672` */
	static async to(target: string): Promise<TcpProxy> {
		const {hostname, port} = new URL(target);
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return new TcpProxy(server, {host: hostname, port: Number(port)});
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	/** How many connections are open. */
	get connections(): number {
		return this.#pairs.size;
	}

	/** How many connections were asked for so far, those that were refused included. */
	get attempts(): number {
		return this.#attempts;
	}

	/** The target's URL with this proxy in front. */
	urlFor(target: string): string {
		const url = new URL(target);
		url.hostname = '127.0.0.1';
		url.port = String(this.port);
		return url.href;
	}

	/**
	 * Drops every connection; new ones are served. (Not by a reset: Node 26 spins at its exit when a reset met a socket that was
	 * shutting down.)
	 */
	cut(): void {
		for (const {client, upstream} of this.#pairs) {
			client.destroy();
			upstream.destroy();
		}
	}

	/** Drops every connection and each new one, until `heal`. */
	refuse(): void {
		this.#mode = 'refuse';
		this.cut();
	}

	/** Lets nothing through in either direction, without a sign to either side, until `heal`. */
	pause(): void {
		this.#mode = 'pause';
		for (const {client, upstream} of this.#pairs) {
			client.pause();
			upstream.pause();
		}
	}

	/** Keeps back what the service says on the connections of now, until `heal`. */
	mute(): void {
		for (const {upstream} of this.#pairs) upstream.pause();
	}

	/** Serves again; what was kept back goes on. */
	heal(): void {
		this.#mode = 'forward';
		for (const {client, upstream} of this.#pairs) {
			client.resume();
			upstream.resume();
		}
	}

	/** Says something on every connection as if the other side had: to the `client`, or to the service (`upstream`). */
	inject(receiver: 'client' | 'upstream', bytes: Buffer): void {
		for (const pair of this.#pairs) pair[receiver].write(bytes);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.cut();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	#onConnection(client: Socket): void {
		this.#attempts++;
		if (this.#mode === 'refuse') {
			client.destroy();
			return;
		}
		const upstream = connect(this.#target);
		const pair = {client, upstream};
		this.#pairs.add(pair);
		this.#forward(pair, client, upstream);
		this.#forward(pair, upstream, client);
		if (this.#mode === 'pause') {
			client.pause();
			upstream.pause();
		}
	}

	#forward(pair: {client: Socket; upstream: Socket}, from: Socket, to: Socket): void {
		from.on('data', (bytes) => to.write(bytes));
		from.on('end', () => to.end());
		from.on('error', () => to.destroy());
		from.on('close', () => {
			to.destroy();
			this.#pairs.delete(pair);
		});
	}
}
