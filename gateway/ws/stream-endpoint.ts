import type {IncomingMessage, Server} from 'node:http';
import type {Duplex} from 'node:stream';
import type {NextFunction, Request, Response} from 'express';
import {WebSocketServer, type WebSocket} from 'ws';
import {ValidationError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {RouteNotFoundError} from '../http/http-errors.ts';
import {originOf} from './client-origin.ts';
import type {EventStream} from './event-stream.ts';
import {readHandshake, readStreamRequest} from './handshake.ts';
import {refuseUpgrade} from './refuse-upgrade.ts';
import {SocketIoEndpoint} from './socket-io-endpoint.ts';
import {WebSocketTransport} from './websocket-transport.ts';

/** Clients have little to say here; larger messages close their socket (1009). */
const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;

/** The Engine.IO protocol of Socket.IO's clients 3 and 4. */
const ENGINE_PROTOCOL = '4';

export interface StreamEndpointOptions {
	readonly stream: EventStream;
	readonly clock: Clock;
	/** Where tenants reach us, without a trailing slash. */
	readonly publicUrl: string;
	/** How many proxies, one behind the other, may name the client's address. */
	readonly trustProxy: number;
}

/** `/api/ws` and `/ws`: Socket.IO for requests with `EIO=`, a plain WebSocket for all others. */
export class StreamEndpoint implements AsyncDisposable {
	readonly #stream: EventStream;
	readonly #clock: Clock;
	readonly #publicUrl: string;
	readonly #trustProxy: number;
	readonly #socketIo: SocketIoEndpoint;
	readonly #upgrades = new WebSocketServer({
		noServer: true,
		clientTracking: false,
		perMessageDeflate: false,
		maxPayload: MAX_CLIENT_MESSAGE_BYTES,
	});
	readonly #servers = new Set<Server>();

	constructor({stream, clock, publicUrl, trustProxy}: StreamEndpointOptions) {
		this.#stream = stream;
		this.#clock = clock;
		this.#publicUrl = publicUrl;
		this.#trustProxy = trustProxy;
		this.#socketIo = new SocketIoEndpoint({stream, trustProxy, maxMessageBytes: MAX_CLIENT_MESSAGE_BYTES});
	}

	/** The server gets an `upgrade` listener for as long as this lives. */
	attach(server: Server): void {
		server.on('upgrade', this.#onUpgrade);
		this.#servers.add(server);
	}

	/** Long polling: a request handler in front of all others. @throws {ValidationError} another protocol than is spoken here */
	readonly requests = (request: Request, response: Response, next: NextFunction): void => {
		const wanted = readStreamRequest({url: request.originalUrl});
		if (wanted.kind !== 'socket.io') {
			next();
			return;
		}
		const fault = protocolFault(wanted.protocol);
		if (fault !== undefined) throw fault;
		this.#socketIo.handleRequest(request, response);
	};

	/** Closes every client in an orderly way (1012), for up to 2 s. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#stream[Symbol.asyncDispose]();
		this.#socketIo[Symbol.dispose]();
		for (const server of this.#servers) server.off('upgrade', this.#onUpgrade);
	}

	readonly #onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
		const wanted = readStreamRequest(request);
		if (wanted.kind === 'unknown-path') {
			refuseUpgrade(stream, new RouteNotFoundError(request.method ?? 'GET', wanted.path), this.#publicUrl);
			return;
		}
		if (wanted.kind === 'plain') {
			// Always upgraded, also to be refused: browsers see a close code, but not a status.
			this.#upgrades.handleUpgrade(
				request,
				stream,
				head,
				(websocket) => void this.#welcome(websocket, stream, request),
			);
			return;
		}
		const fault = protocolFault(wanted.protocol);
		if (fault === undefined) this.#socketIo.handleUpgrade(request, stream, head);
		else refuseUpgrade(stream, fault, this.#publicUrl);
	};

	async #welcome(websocket: WebSocket, stream: Duplex, request: IncomingMessage): Promise<void> {
		const transport = new WebSocketTransport({websocket, stream, clock: this.#clock});
		const client = this.#stream.open(transport, originOf(request, this.#trustProxy));
		const handshake = readHandshake(request);
		const refusal =
			(await this.#stream.authenticate(client, handshake.credentials)) ?? (await this.#stream.join(client, handshake));
		if (refusal !== undefined) this.#stream.dismiss(client, refusal);
	}
}

/** Undefined for the protocol that is spoken here. */
function protocolFault(protocol: string): ValidationError | undefined {
	return protocol === ENGINE_PROTOCOL
		? undefined
		: new ValidationError(
				`Socket.IO is spoken here with EIO=${ENGINE_PROTOCOL}: use version 3 or 4 of socket.io-client, or a plain WebSocket without EIO`,
			);
}
