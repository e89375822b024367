import type {IncomingMessage, Server} from 'node:http';
import type {Duplex} from 'node:stream';
import type {NextFunction, Request, Response} from 'express';
import {WebSocketServer, type ServerOptions} from 'ws';
import {DomainError, ValidationError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {AddressBudget} from '../http/address-budget.ts';
import {RouteNotFoundError} from '../http/http-errors.ts';
import {isNobody} from './admission.ts';
import {originOf} from './client-origin.ts';
import type {CloseReason} from './close-reason.ts';
import type {EventStream} from './event-stream.ts';
import {readHandshake, readStreamRequest, type SocketIoRequest} from './handshake.ts';
import {refuseUpgrade} from './refuse-upgrade.ts';
import {SocketIoEndpoint} from './socket-io-endpoint.ts';
import type {StreamClient} from './stream-client.ts';
import {WebSocketTransport} from './websocket-transport.ts';

/** Clients have little to say here; larger messages close their socket (1009). */
const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;

/** The Engine.IO protocol of Socket.IO's clients 3 and 4. */
const ENGINE_PROTOCOL = '4';

/** Pings are messages like others, and a client that sends too many is told so: `ws` would cut it without a word. */
const UPGRADE_OPTIONS: ServerOptions & {readonly maxPendingAutoPongs: number} = {
	noServer: true,
	clientTracking: false,
	perMessageDeflate: false,
	maxPayload: MAX_CLIENT_MESSAGE_BYTES,
	maxPendingAutoPongs: 0,
};

export interface StreamEndpointOptions {
	readonly stream: EventStream;
	readonly clock: Clock;
	/** Where tenants reach us, without a trailing slash. */
	readonly publicUrl: string;
	/** How many proxies, one behind the other, may name the client's address. */
	readonly trustProxy: number;
	/** Of failed attempts to come in. */
	readonly failures: AddressBudget;
	/** Of Socket.IO handshakes once those are used up: whose they are is said only after them. */
	readonly handshakes: AddressBudget;
}

/** `/api/ws` and `/ws`: Socket.IO for requests with `EIO=`, a plain WebSocket for all others. */
export class StreamEndpoint implements AsyncDisposable {
	readonly #stream: EventStream;
	readonly #clock: Clock;
	readonly #publicUrl: string;
	readonly #trustProxy: number;
	readonly #failures: AddressBudget;
	readonly #handshakes: AddressBudget;
	readonly #socketIo: SocketIoEndpoint;
	readonly #upgrades = new WebSocketServer(UPGRADE_OPTIONS);
	readonly #servers = new Set<Server>();

	constructor({stream, clock, publicUrl, trustProxy, failures, handshakes}: StreamEndpointOptions) {
		this.#stream = stream;
		this.#clock = clock;
		this.#publicUrl = publicUrl;
		this.#trustProxy = trustProxy;
		this.#failures = failures;
		this.#handshakes = handshakes;
		this.#socketIo = new SocketIoEndpoint({
			stream,
			trustProxy,
			failures,
			maxMessageBytes: MAX_CLIENT_MESSAGE_BYTES,
		});
	}

	/** The server gets an `upgrade` listener for as long as this lives. */
	attach(server: Server): void {
		server.on('upgrade', this.#onUpgrade);
		this.#servers.add(server);
	}

	/**
	 * Long polling: a request handler in front of all others.
	 * @throws {ValidationError} another protocol than is spoken here @throws {RateLimitedError}
	 */
	readonly requests = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
		const wanted = readStreamRequest({url: request.originalUrl});
		if (wanted.kind !== 'socket.io') {
			next();
			return;
		}
		const refusal = await this.#refusalOf(request, wanted);
		if (refusal !== undefined) throw refusal;
		this.#socketIo.handleRequest(request, response);
	};

	/** Closes every client in an orderly way (1012), for up to 2 s. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#stream[Symbol.asyncDispose]();
		this.#socketIo[Symbol.dispose]();
		for (const server of this.#servers) server.off('upgrade', this.#onUpgrade);
	}

	readonly #onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
		// Until somebody takes the connection over: the client may be gone already, which concerns nobody.
		const onError = (): void => {
			stream.destroy();
		};
		stream.on('error', onError);
		void this.#judge(request).then((judgement) => {
			stream.off('error', onError);
			if (judgement instanceof DomainError) refuseUpgrade(stream, judgement, this.#publicUrl);
			else if (judgement === 'socket.io') this.#socketIo.handleUpgrade(request, stream, head);
			else this.#upgrade(request, stream, head, judgement);
		});
	};

	/** What becomes of a request for an upgrade; of a plain client: who it is, or why it may not come in. Never rejects. */
	async #judge(request: IncomingMessage): Promise<DomainError | 'socket.io' | Identity | CloseReason> {
		const wanted = readStreamRequest(request);
		if (wanted.kind === 'unknown-path') {
			return new RouteNotFoundError(request.method ?? 'GET', wanted.path);
		}
		if (wanted.kind === 'socket.io') {
			return (await this.#refusalOf(request, wanted)) ?? 'socket.io';
		}
		const found = await this.#stream.identify(readHandshake(request).credentials);
		const refusal = isNobody(found) ? await this.#failures.spend(this.#addressOf(request)) : undefined;
		return refusal ?? found;
	}

	/** Also to be refused: browsers see a close code, but not a status. */
	#upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, found: Identity | CloseReason): void {
		this.#upgrades.handleUpgrade(request, stream, head, (websocket) => {
			const transport = new WebSocketTransport({websocket, stream, clock: this.#clock});
			const client = this.#stream.open(transport, originOf(request, this.#trustProxy));
			void this.#welcome(client, request, found);
		});
	}

	async #welcome(client: StreamClient, request: IncomingMessage, found: Identity | CloseReason): Promise<void> {
		const refusal =
			'user' in found
				? (this.#stream.admit(client, found) ?? (await this.#stream.join(client, readHandshake(request))))
				: found;
		if (refusal !== undefined) this.#stream.dismiss(client, refusal);
	}

	/** Whose a new Socket.IO connection is turns out later: of an address that failed too often, as many are let through again. */
	async #refusalOf(request: IncomingMessage, wanted: SocketIoRequest): Promise<DomainError | undefined> {
		if (wanted.protocol !== ENGINE_PROTOCOL) {
			return new ValidationError(
				`Socket.IO is spoken here with EIO=${ENGINE_PROTOCOL}: use version 3 or 4 of socket.io-client, or a plain WebSocket without EIO`,
			);
		}
		const address = this.#addressOf(request);
		return wanted.isNew && this.#failures.isSpent(address) ? this.#handshakes.spend(address) : undefined;
	}

	#addressOf(request: IncomingMessage): string | null {
		return originOf(request, this.#trustProxy).address;
	}
}
