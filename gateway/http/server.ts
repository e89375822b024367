import {createServer, type RequestListener, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import {SetupError} from '../../domain/errors.ts';
import {answerClientError} from './client-error.ts';

/** Idle connections stay open longer than workers (5 s) and usual load balancers (60 s) keep theirs: they close first, without a race. */
const KEEP_ALIVE_MS = 65_000;

/** What a client may take, in time and in space. */
export interface RequestLimits {
	/** For the headers to arrive. */
	readonly headersTimeoutMs: number;
	/** For the whole request to arrive. */
	readonly requestTimeoutMs: number;
	/** How often the two above are looked at. */
	readonly checkEveryMs: number;
	/** The request line and all headers together. */
	readonly maxHeaderBytes: number;
	/** More are refused. */
	readonly maxHeaders: number;
}

const LIMITS: RequestLimits = {
	headersTimeoutMs: 20_000,
	requestTimeoutMs: 120_000,
	checkEveryMs: 2000,
	maxHeaderBytes: 16 * 1024,
	maxHeaders: 200,
};

/** How long requests in progress may take when the server closes. */
const CLOSE_GRACE_MS = 10_000;

/** How soon a connection is noticed to be idle while the server closes. */
const IDLE_CHECK_MS = 50;

export interface HttpServerOptions {
	readonly listener: RequestListener;
	readonly host: string;
	/** 0 takes any free port. */
	readonly port: number;
	/** Where tenants reach us, without a trailing slash; errors link to its pages. */
	readonly publicUrl: string;
	/** Defaults: 20 s, 120 s, 2 s, 16 KiB, 200. */
	readonly limits?: Partial<RequestLimits>;
}

/** A listening HTTP server. `server` is for whoever handles upgrades. */
export class HttpServer implements AsyncDisposable {
	readonly server: Server;
	readonly #sockets = new Set<Socket>();

	private constructor(server: Server) {
		this.server = server;
		server.on('connection', (socket) => {
			this.#sockets.add(socket);
			socket.once('close', () => this.#sockets.delete(socket));
		});
	}

	/** Resolves once it listens. @throws {SetupError} the address cannot be had */
	static async listen({listener, host, port, publicUrl, limits}: HttpServerOptions): Promise<HttpServer> {
		const {headersTimeoutMs, requestTimeoutMs, checkEveryMs, maxHeaderBytes, maxHeaders} = {...LIMITS, ...limits};
		const server = createServer(
			{
				keepAliveTimeout: KEEP_ALIVE_MS,
				headersTimeout: headersTimeoutMs,
				requestTimeout: requestTimeoutMs,
				connectionsCheckingInterval: checkEveryMs,
				maxHeaderSize: maxHeaderBytes,
				// Nobody here reads it, and the server's own refusal would be an empty one.
				requireHostHeader: false,
				// Clients that offer HTTP/2 by default (`Upgrade: h2c`) get their answer instead.
				shouldUpgradeCallback: ({headers}) => headers.upgrade?.toLowerCase() === 'websocket',
			},
			listener,
		);
		server.maxHeadersCount = maxHeaders;
		// An expectation that nobody knows is no reason to refuse.
		server.on('checkExpectation', listener);
		answerFaults(server, publicUrl);
		const listening = new HttpServer(server);
		await new Promise<void>((resolve, reject) => {
			server.once('error', (error: NodeJS.ErrnoException) => {
				reject(new SetupError(advice(error, host, port), {cause: error}));
			});
			server.listen(port, host, resolve);
		});
		return listening;
	}

	get port(): number {
		return (this.server.address() as AddressInfo).port;
	}

	/** Takes no more requests, lets those in progress finish for up to 10 s, then cuts what is left (open sockets included). */
	async [Symbol.asyncDispose](): Promise<void> {
		const closed = new Promise<void>((resolve) => {
			this.server.close(() => {
				resolve();
			});
		});
		const idle = setInterval(() => {
			this.server.closeIdleConnections();
		}, IDLE_CHECK_MS);
		const end = setTimeout(() => {
			for (const socket of this.#sockets) socket.destroy();
		}, CLOSE_GRACE_MS);
		await closed;
		clearInterval(idle);
		clearTimeout(end);
	}
}

/** What never becomes a request gets its error too. */
function answerFaults(server: Server, publicUrl: string): void {
	const responses = new WeakMap<object, ServerResponse>();
	server.on('request', ({socket}, response) => {
		responses.set(socket, response);
	});
	server.on('clientError', (error, stream) => {
		answerClientError(error, {stream, response: responses.get(stream), publicUrl});
	});
}

function advice({code, message}: NodeJS.ErrnoException, host: string, port: number): string {
	switch (code) {
		case 'EADDRINUSE':
			return `port ${port} on ${host} is in use: stop what listens there, or set another PORT`;
		case 'EACCES':
			return `port ${port} on ${host} may not be opened by this user: set PORT to one above 1023`;
		case 'EADDRNOTAVAIL':
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
			return `${host} is not an address of this machine: set HOST to one that is, or to 0.0.0.0 for all`;
		default:
			return `cannot listen on ${host}, port ${port} (${message}): set HOST and PORT`;
	}
}
