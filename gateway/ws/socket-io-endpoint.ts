import type {IncomingMessage, ServerResponse} from 'node:http';
import type {Duplex} from 'node:stream';
import {Server as EngineServer} from 'engine.io';
import {Server, type Socket} from 'socket.io';
import type {AddressBudget} from '../http/address-budget.ts';
import {isNobody} from './admission.ts';
import {originOf} from './client-origin.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import type {EventStream} from './event-stream.ts';
import {readHandshake} from './handshake.ts';
import {SocketIoTransport} from './socket-io-transport.ts';
import type {StreamClient} from './stream-client.ts';

/** Plain sockets have the same: a ping each 25 s, and the client is gone after another 50 s without an answer. */
const PING_INTERVAL_MS = 25_000;
const PING_TIMEOUT_MS = 50_000;

/** A connection that names no token by then is closed. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Why a socket may not come in, for `connect_error`: the contract's `data`. */
class RefusedError extends Error {
	readonly data: {readonly code: number};

	constructor({code, reason}: CloseReason) {
		super(reason);
		this.data = {code};
	}
}

/**
 * Socket.IO (protocol 5, `EIO=4`) over WebSocket and long polling, for whoever hands requests over. Nothing of it spans processes: rooms
 * and filters are the stream's own, what concerns all processes comes by the control bus, and so no adapter is needed.
 */
export class SocketIoEndpoint implements Disposable {
	readonly #stream: EventStream;
	readonly #trustProxy: number;
	readonly #failures: AddressBudget;
	readonly #engine: EngineServer;
	readonly #clients = new WeakMap<Socket, StreamClient>();

	/**
	 * @param failures failed attempts to come in are counted here
	 * @param maxMessageBytes what a client may send at once
	 */
	constructor({
		stream,
		trustProxy,
		failures,
		maxMessageBytes,
	}: {
		stream: EventStream;
		trustProxy: number;
		failures: AddressBudget;
		maxMessageBytes: number;
	}) {
		this.#stream = stream;
		this.#trustProxy = trustProxy;
		this.#failures = failures;
		this.#engine = new EngineServer({
			transports: ['polling', 'websocket'],
			allowEIO3: false,
			perMessageDeflate: false,
			httpCompression: false,
			maxHttpBufferSize: maxMessageBytes,
			pingInterval: PING_INTERVAL_MS,
			pingTimeout: PING_TIMEOUT_MS,
		});
		const sockets = new Server({serveClient: false, connectTimeout: CONNECT_TIMEOUT_MS});
		sockets.bind(this.#engine);
		sockets.use((socket, next) => {
			void this.#welcome(socket).then(next);
		});
		sockets.on('connection', (socket) => void this.#join(socket));
	}

	handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
		this.#engine.handleUpgrade(request, stream, head);
	}

	handleRequest(request: IncomingMessage, response: ServerResponse): void {
		this.#engine.handleRequest(request, response);
	}

	/** Cuts every connection. */
	[Symbol.dispose](): void {
		this.#engine.close();
	}

	/** @returns why the socket may not come in */
	async #welcome(socket: Socket): Promise<Error | undefined> {
		const transport = new SocketIoTransport({socket});
		const origin = originOf(socket.request, this.#trustProxy);
		const client = this.#stream.open(transport, origin);
		this.#clients.set(socket, client);
		const {credentials} = readHandshake(socket.request, socket.handshake.auth);
		const found = await this.#stream.identify(credentials);
		if (isNobody(found)) void this.#failures.spend(origin.address);
		const refusal = 'user' in found ? this.#stream.admit(client, found) : found;
		if (refusal === undefined) {
			return undefined;
		}
		this.#stream.refuse(client, refusal);
		return new RefusedError(refusal);
	}

	async #join(socket: Socket): Promise<void> {
		const client = this.#clients.get(socket);
		const handshake = readHandshake(socket.request, socket.handshake.auth);
		const refusal = client === undefined ? CLOSE.missingToken : await this.#stream.join(client, handshake);
		if (client !== undefined && refusal !== undefined) this.#stream.dismiss(client, refusal);
	}
}
