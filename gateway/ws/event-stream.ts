import type {IncomingMessage, Server} from 'node:http';
import type {Duplex} from 'node:stream';
import {WebSocketServer, type WebSocket} from 'ws';
import type {ChangeListener, ControlBus} from '../../domain/broker/control-bus.ts';
import type {Change} from '../../domain/broker/messages.ts';
import {UnauthenticatedError, ValidationError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventStore} from '../../domain/ports/event-store.ts';
import type {Fanout} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import {allowsScope} from '../../domain/tokens/grants.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {RouteNotFoundError} from '../http/http-errors.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import {EventSocket} from './event-socket.ts';
import {Expiry} from './expiry.ts';
import {readHandshake, type StreamHandshake} from './handshake.ts';
import {OpenSockets} from './open-sockets.ts';
import {Reauthentication} from './reauthentication.ts';
import {refuseUpgrade} from './refuse-upgrade.ts';
import {Rooms} from './rooms.ts';

/** Clients have nothing to say here; larger messages close their socket (1009). */
const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;

/** At shutdown: clients that have not answered the close frame by then are cut. */
const SHUTDOWN_GRACE_MS = 1500;

export interface EventStreamSettings {
	/** A client with more than this outstanding is cut, 4008. Default 1 MiB. */
	readonly maxBufferedBytes?: number;
	/** Per user and process; one more is refused, 4029. Default 100. */
	readonly maxSocketsPerUser?: number;
}

export interface EventStreamOptions {
	/** Gets an `upgrade` listener for as long as this lives. */
	readonly server: Server;
	readonly authenticator: Authenticator;
	readonly fanout: Fanout;
	readonly events: EventStore;
	readonly control: Pick<ControlBus, 'follow'>;
	readonly clock: Clock;
	readonly log: Logger;
	/** Where tenants reach us, without a trailing slash. */
	readonly publicUrl: string;
	readonly settings?: EventStreamSettings;
}

/**
 * The live stream as a plain WebSocket at `/api/ws` and `/ws`: every event of the token's user that the token may see, as a
 * JSON text frame.
 */
export class EventStream implements ChangeListener, AsyncDisposable {
	readonly #server: Server;
	readonly #authenticator: Authenticator;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #publicUrl: string;
	readonly #maxBufferedBytes: number;
	readonly #maxSocketsPerUser: number;
	readonly #rooms: Rooms;
	readonly #reauthentication: Reauthentication;
	readonly #upgrades = new WebSocketServer({
		noServer: true,
		clientTracking: false,
		perMessageDeflate: false,
		maxPayload: MAX_CLIENT_MESSAGE_BYTES,
	});
	readonly #sockets = new OpenSockets();
	/** Counts what may have made a token invalid: a check that began before does not count. */
	#invalidations = 0;
	#isClosing = false;

	constructor(options: EventStreamOptions) {
		const {server, authenticator, fanout, events, control, clock, log, settings = {}} = options;
		this.#server = server;
		this.#authenticator = authenticator;
		this.#clock = clock;
		this.#log = log;
		this.#publicUrl = options.publicUrl;
		this.#maxBufferedBytes = settings.maxBufferedBytes ?? 1024 * 1024;
		this.#maxSocketsPerUser = settings.maxSocketsPerUser ?? 100;
		// Half, so that what was held can be sent at once without making its reader too slow.
		this.#rooms = new Rooms({fanout, events, clock, log, maxHeldBytes: this.#maxBufferedBytes / 2});
		this.#reauthentication = new Reauthentication({
			authenticator,
			clock,
			log,
			openTokens: () => this.#sockets.tokens(),
			onInvalid: (invalid) => {
				this.#sockets.closeWhere(({token}) => token === invalid, CLOSE.invalidToken);
			},
		});
		control.follow(this);
		server.on('upgrade', this.#onUpgrade);
	}

	/** Sockets that are not closed yet, whether admitted or not. */
	get size(): number {
		return this.#sockets.size;
	}

	onChange(change: Change): void {
		switch (change.kind) {
			case 'token-revoked':
				this.#invalidations++;
				this.#sockets.closeWhere(({tokenId}) => tokenId === change.tokenId, CLOSE.invalidToken);
				break;
			case 'user-disabled':
				this.#invalidations++;
				this.#sockets.closeWhere(({userId}) => userId === change.userId, CLOSE.invalidToken);
				break;
			case 'connection':
			case 'webhooks':
				// A socket belongs to a user: a new connection's events reach it without more ado.
				break;
		}
	}

	onGap(): void {
		this.#invalidations++;
		void this.#reauthentication.run();
	}

	/** Takes no more sockets and closes the open ones (1012); ends within 2 s, whatever the clients do. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#isClosing = true;
		const sockets = this.#sockets.all();
		for (const socket of sockets) socket.close(CLOSE.restart);
		const ended = Promise.allSettled([this.#rooms[Symbol.asyncDispose](), ...sockets.map(({closed}) => closed)]);
		await new Promise<void>((resolve) => {
			const timer = this.#clock.after(SHUTDOWN_GRACE_MS, resolve);
			void ended.then(() => {
				timer[Symbol.dispose]();
				resolve();
			});
		});
		for (const socket of this.#sockets.all()) socket.terminate();
		this.#server.off('upgrade', this.#onUpgrade);
	}

	readonly #onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
		const handshake = readHandshake(request);
		if (handshake.kind === 'unknown-path') {
			refuseUpgrade(stream, new RouteNotFoundError(request.method ?? 'GET', handshake.path), this.#publicUrl);
		} else if (handshake.kind === 'socket.io') {
			refuseUpgrade(
				stream,
				new ValidationError('Socket.IO is not served here: connect with a plain WebSocket, without EIO'),
				this.#publicUrl,
			);
		} else {
			// Always upgraded, also to be refused: browsers see a close code, but not a status.
			this.#upgrades.handleUpgrade(request, stream, head, (websocket) => {
				void this.#welcome(websocket, stream, handshake);
			});
		}
	};

	async #welcome(websocket: WebSocket, stream: Duplex, {token, since}: StreamHandshake): Promise<void> {
		const socket = new EventSocket({
			websocket,
			stream,
			clock: this.#clock,
			maxBufferedBytes: this.#maxBufferedBytes,
			onTooSlow: (bufferedBytes) => {
				const {userId, tokenId} = this.#sockets.admissionOf(socket) ?? {};
				this.#log.info({userId, tokenId, bufferedBytes}, 'stream.socket.cut');
			},
		});
		this.#sockets.add(socket);
		void socket.closed.then(() => {
			this.#forget(socket);
		});
		const refusal = await this.#admit(socket, token, since);
		if (refusal !== undefined) {
			this.#log.debug(refusal, 'stream.socket.refused');
			socket.close(refusal);
		}
	}

	/** @returns why the socket has to go, if it has to */
	async #admit(
		socket: EventSocket,
		token: string | undefined,
		since: string | undefined,
	): Promise<CloseReason | undefined> {
		if (this.#isClosing) {
			return CLOSE.restart;
		}
		if (token === undefined) {
			return CLOSE.missingToken;
		}
		try {
			let identity: Identity;
			let invalidations: number;
			// Once more when it may have been revoked while the store was asked: its socket was not there to be closed.
			do {
				invalidations = this.#invalidations;
				identity = await this.#authenticator.authenticate(token);
			} while (invalidations !== this.#invalidations);
			return await this.#join(socket, {token, identity, since});
		} catch (error) {
			if (error instanceof UnauthenticatedError) {
				return CLOSE.invalidToken;
			}
			this.#log.warn({error}, 'stream.authentication.failed');
			return CLOSE.authenticationFailed;
		}
	}

	async #join(
		socket: EventSocket,
		{token, identity, since}: {token: string; identity: Identity; since: string | undefined},
	): Promise<CloseReason | undefined> {
		if (!socket.isOpen) {
			return undefined;
		}
		const {tokenId, grants} = identity;
		const userId = identity.user.id;
		if (!allowsScope(grants, 'read')) {
			return CLOSE.lacksScope;
		}
		if (this.#rooms.clientsOf(userId) >= this.#maxSocketsPerUser) {
			return CLOSE.tooManySockets;
		}
		this.#sockets.admit(socket, {token, tokenId, userId});
		this.#limit(socket, identity);
		try {
			await this.#rooms.join(userId, socket, since);
		} catch (error) {
			this.#log.warn({error, userId}, 'stream.room.failed');
			return CLOSE.unavailable;
		}
		this.#log.debug({userId, tokenId, sockets: this.#rooms.clientsOf(userId)}, 'stream.socket.admitted');
		return undefined;
	}

	/** It gets what the token may see, for as long as the token is valid. */
	#limit(socket: EventSocket, {grants, expiresAt}: Identity): void {
		if (grants.connectionIds !== null) {
			socket.limitTo(grants.connectionIds);
		}
		if (expiresAt !== null) {
			const callback = (): void => {
				socket.close(CLOSE.invalidToken);
			};
			const expiry = new Expiry({clock: this.#clock, at: expiresAt, callback});
			void socket.closed.then(() => {
				expiry[Symbol.dispose]();
			});
		}
	}

	#forget(socket: EventSocket): void {
		const admission = this.#sockets.admissionOf(socket);
		this.#sockets.remove(socket);
		if (admission !== undefined) {
			this.#rooms.leave(admission.userId, socket);
		}
	}
}
