import type {ChangeListener, ControlBus} from '../../domain/broker/control-bus.ts';
import type {Change} from '../../domain/broker/messages.ts';
import type {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventStore} from '../../domain/ports/event-store.ts';
import type {Fanout} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import {allowsScope} from '../../domain/tokens/grants.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {Tickets} from '../../domain/tokens/tickets.ts';
import {Admission} from './admission.ts';
import type {ClientOrigin} from './client-origin.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import type {StreamHandshake} from './handshake.ts';
import {OpenClients} from './open-clients.ts';
import {Reauthentication} from './reauthentication.ts';
import {Rooms} from './rooms.ts';
import {StreamClient} from './stream-client.ts';
import type {StreamTransport} from './stream-transport.ts';
import type {Subscriptions} from './subscriptions.ts';

/** At shutdown: clients that have not gone by then are cut. */
const SHUTDOWN_GRACE_MS = 1500;

export interface EventStreamSettings {
	/** A client with more than this outstanding is cut, 4008. Default 1 MiB. */
	readonly maxBufferedBytes?: number;
	/** Per user and process; one more is refused, 4029. Default 100. */
	readonly maxSocketsPerUser?: number;
}

export interface EventStreamOptions {
	readonly authenticator: Pick<Authenticator, 'recall'>;
	readonly tickets: Pick<Tickets, 'authenticate'>;
	readonly fanout: Fanout;
	readonly events: EventStore;
	readonly deleted: Pick<DeletedConnections, 'deletedAt'>;
	readonly subscriptions: Subscriptions;
	readonly control: Pick<ControlBus, 'follow'>;
	readonly clock: Clock;
	readonly log: Logger;
	readonly settings?: EventStreamSettings;
}

/**
 * The live stream: every client gets the events of its user that its token may see and that it wants, whatever transport carries
 * them.
 */
export class EventStream implements ChangeListener, AsyncDisposable {
	readonly #admission: Admission;
	readonly #subscriptions: Subscriptions;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #maxBufferedBytes: number;
	readonly #maxSocketsPerUser: number;
	readonly #rooms: Rooms;
	readonly #reauthentication: Reauthentication;
	readonly #clients = new OpenClients();
	#isClosing = false;

	constructor(options: EventStreamOptions) {
		const {authenticator, fanout, events, deleted, control, clock, log, settings = {}} = options;
		this.#admission = new Admission({tickets: options.tickets, authenticator, log});
		this.#subscriptions = options.subscriptions;
		this.#clock = clock;
		this.#log = log;
		this.#maxBufferedBytes = settings.maxBufferedBytes ?? 1024 * 1024;
		this.#maxSocketsPerUser = settings.maxSocketsPerUser ?? 100;
		// Half, so that what was held can be sent at once without making its reader too slow.
		this.#rooms = new Rooms({fanout, events, deleted, clock, log, maxHeldBytes: this.#maxBufferedBytes / 2});
		this.#reauthentication = new Reauthentication({
			authenticator,
			clock,
			log,
			connected: () => this.#clients.identities(),
			onInvalid: (invalid) => {
				this.#clients.closeWhere(({callerId}) => callerId === invalid, CLOSE.invalidToken);
			},
		});
		control.follow(this);
	}

	/** Clients that are not closed yet, whether admitted or not. */
	get size(): number {
		return this.#clients.size;
	}

	/** A user's clients in this process. */
	clientsOf(userId: string): readonly StreamClient[] {
		return [...this.#clients.of(userId)];
	}

	/** One of this process's. */
	find(clientId: string): StreamClient | undefined {
		return this.#clients.all().find(({id}) => id === clientId);
	}

	/** False while a client is still being brought up to date from the log. */
	isLive(client: StreamClient): boolean {
		return client.identity !== undefined && this.#rooms.isLive(client.identity.user.id, client);
	}

	/** Takes a connection in; it gets nothing until it is admitted. */
	open(transport: StreamTransport, origin: ClientOrigin): StreamClient {
		const client = new StreamClient({
			transport,
			origin,
			clock: this.#clock,
			maxBufferedBytes: this.#maxBufferedBytes,
			onTooSlow: ({identity, kind, bufferedBytes}) => {
				const fields = {userId: identity?.user.id, tokenId: identity?.tokenId, kind, bufferedBytes};
				this.#log.info(fields, 'stream.client.cut');
			},
			onRequest: (speaker, request) => this.#subscriptions.change(speaker, request),
		});
		this.#clients.add(client);
		void client.closed.then(() => {
			this.#clients.remove(client);
			if (client.identity !== undefined) this.#rooms.leave(client.identity.user.id, client);
		});
		return client;
	}

	/** Whose credentials these are, or why nobody may come in by them. Never rejects. */
	identify(credentials: string | undefined): Promise<Identity | CloseReason> {
		return this.#admission.identify(credentials);
	}

	/** @returns why this caller's client may not come in; undefined when it may */
	admit(client: StreamClient, identity: Identity): CloseReason | undefined {
		if (this.#isClosing) {
			return CLOSE.restart;
		}
		if (!allowsScope(identity.grants, 'read')) {
			return CLOSE.lacksScope;
		}
		if (this.#clients.of(identity.user.id).size >= this.#maxSocketsPerUser) {
			return CLOSE.tooManySockets;
		}
		this.#clients.admit(client, identity);
		return undefined;
	}

	/**
	 * From now on an admitted client gets its events, what it missed first. A subscription that cannot be is told to it, and it gets
	 * everything.
	 * @returns why it has to go; undefined when it may stay
	 */
	async join(client: StreamClient, {since, subscription}: StreamHandshake): Promise<CloseReason | undefined> {
		const {identity} = client;
		if (identity === undefined) {
			return undefined;
		}
		const {user, tokenId} = identity;
		if (subscription.events !== undefined || subscription.connectionId !== undefined) {
			await client.ask(subscription);
		}
		if (!client.isOpen) {
			return undefined;
		}
		try {
			await this.#rooms.join(user.id, client, since);
		} catch (error) {
			this.#log.warn({error, userId: user.id}, 'stream.room.failed');
			return CLOSE.unavailable;
		}
		const sockets = this.#rooms.clientsOf(user.id);
		this.#log.debug({userId: user.id, tokenId, kind: client.kind, sockets}, 'stream.client.admitted');
		return undefined;
	}

	/** Lets go of a client that may not come in, or not stay. */
	dismiss(client: StreamClient, reason: CloseReason): void {
		this.refuse(client, reason);
		client.close(reason);
	}

	/** The same, where the client hears of it in another way. */
	refuse(client: StreamClient, reason: CloseReason): void {
		this.#log.debug(reason, 'stream.client.refused');
		client.endSoon();
	}

	onChange(change: Change): void {
		switch (change.kind) {
			case 'token-revoked':
				this.#admission.invalidate();
				this.#clients.closeWhere(({tokenId}) => tokenId === change.tokenId, CLOSE.invalidToken);
				break;
			case 'user-disabled':
				this.#admission.invalidate();
				this.#clients.closeWhere(({user}) => user.id === change.userId, CLOSE.invalidToken);
				break;
			case 'frames-lost':
				this.#rooms.onGap(change.userId ?? undefined);
				break;
			case 'connection':
			case 'webhooks':
				// A client belongs to a user: a new connection's events reach it without more ado.
				break;
		}
	}

	/** A loss of frames may have been told, too. */
	onGap(): void {
		this.#admission.invalidate();
		void this.#reauthentication.run();
		this.#rooms.onGap();
	}

	/** Takes no more clients and closes those that are there (1012); ends within 2 s, whatever they do. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#isClosing = true;
		const clients = this.#clients.all();
		for (const client of clients) client.close(CLOSE.restart);
		const ended = Promise.allSettled([this.#rooms[Symbol.asyncDispose](), ...clients.map(({closed}) => closed)]);
		await new Promise<void>((resolve) => {
			const timer = this.#clock.after(SHUTDOWN_GRACE_MS, resolve);
			void ended.then(() => {
				timer[Symbol.dispose]();
				resolve();
			});
		});
		for (const client of this.#clients.all()) client.terminate();
	}
}
