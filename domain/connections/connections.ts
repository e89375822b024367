import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import type {Publisher} from '../broker/publisher.ts';
import {CommandFailedError, EngineError, ForbiddenError, NotFoundError} from '../errors.ts';
import type {Command, SessionCommandKind} from '../messaging/command.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore, Page} from '../ports/connection-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {Logger} from '../ports/logger.ts';
import type {QrCode} from '../ports/whatsapp-engine.ts';
import {newSessionName} from './session-name.ts';
import type {Account, Connection} from './connection.ts';

/** How long creating a connection waits for its session (contract: up to 15 s). */
const CREATION_WAIT_MS = 15_000;

/** What is on the screen of someone who wants to link a phone. */
export type LinkState = {readonly kind: 'connected'} | {readonly kind: 'qr'; readonly qr: QrCode};

/** What tenants do with their connections. Reading asks the engine; every change of a session crosses the broker. */
export class Connections {
	readonly #store: ConnectionStore;
	readonly #engines: EngineDirectory;
	readonly #publisher: Publisher;
	readonly #control: ControlBus;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		store: ConnectionStore;
		engines: EngineDirectory;
		publisher: Publisher;
		control: ControlBus;
		clock: Clock;
		log: Logger;
	}) {
		this.#store = options.store;
		this.#engines = options.engines;
		this.#publisher = options.publisher;
		this.#control = options.control;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Stores the connection and asks for its session. It is `scan_qr` when a worker answered in time and else `pending`: the
	 * supervisor goes on trying.
	 */
	async create(userId: string, name: string | null): Promise<Connection> {
		const now = new Date(this.#clock.now());
		const connection: Connection = {
			id: randomUUID(),
			userId,
			workerId: null,
			name,
			sessionName: newSessionName(userId),
			phoneNumber: null,
			me: null,
			status: 'pending',
			statusAt: new Date(0),
			engine: this.#engines.workers()[0]?.engine ?? 'NOWEB',
			desiredState: 'running',
			linkedAt: null,
			createdAt: now,
			updatedAt: now,
			deletedAt: null,
		};
		await this.#store.insert(connection);
		try {
			await this.#publisher.request(this.#command('session.ensure', connection), CREATION_WAIT_MS);
		} catch (error) {
			this.#log.warn({error, connectionId: connection.id}, 'connection.ensure.delayed');
		}
		return (await this.#store.find(connection.id)) ?? connection;
	}

	list(userId: string, page: Page): Promise<readonly Connection[]> {
		return this.#store.list(userId, page);
	}

	/** Deleted ones too. @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<Connection> {
		const connection = await this.#store.find(id);
		if (connection === undefined) {
			throw new NotFoundError('Connection not found');
		}
		if (connection.userId !== userId) {
			throw new ForbiddenError('You do not own this connection');
		}
		return connection;
	}

	/** @param name null takes the name off; undefined changes nothing */
	async rename(userId: string, id: string, name: string | null | undefined): Promise<Connection> {
		const connection = await this.get(userId, id);
		if (name === undefined) {
			return connection;
		}
		return (await this.#store.rename(id, name, new Date(this.#clock.now()))) ?? connection;
	}

	/** Unlinks and deletes; repeatable. @throws {BrokerUnavailableError} nothing was changed then. */
	async remove(userId: string, id: string): Promise<Connection> {
		const connection = await this.get(userId, id);
		if (connection.deletedAt !== null) {
			return connection;
		}
		await this.#publisher.command(this.#command('session.remove', connection));
		const deleted = await this.#store.markDeleted(id, new Date(this.#clock.now()));
		await this.#control.announce({kind: 'connection', userId, connectionId: id, sessionName: connection.sessionName});
		return deleted ?? connection;
	}

	/**
	 * The QR code to scan, or that it is not needed.
	 * @throws {NotFoundError} it was deleted, too
	 * @throws {CommandFailedError} QR_NOT_READY: ask again in a second
	 */
	async linkState(userId: string, id: string): Promise<LinkState> {
		const connection = await this.get(userId, id);
		if (connection.deletedAt !== null) {
			throw new NotFoundError('Connection not found');
		}
		if (connection.status === 'connected') {
			return {kind: 'connected'};
		}
		if (connection.workerId === null) {
			throw new CommandFailedError('QR_NOT_READY', 'Worker is being provisioned, please wait', 2000);
		}
		try {
			return {kind: 'qr', qr: await this.#engines.engineOf(connection.workerId).link.qr(connection.sessionName)};
		} catch (error) {
			if (error instanceof EngineError) {
				return this.#linkedMeanwhile(connection, error);
			}
			throw error;
		}
	}

	/** The linked account; null while there is none. @throws {EngineError} when the engine fails */
	async account(userId: string, id: string): Promise<Account | null> {
		const connection = await this.get(userId, id);
		if (connection.workerId === null || connection.status !== 'connected') {
			return null;
		}
		return this.#engines.engineOf(connection.workerId).me(connection.sessionName);
	}

	/** A session without a QR code is linked already (our record lags behind) or still starting. */
	async #linkedMeanwhile(connection: Connection, error: EngineError): Promise<LinkState> {
		const current = await this.#store.find(connection.id);
		if (current?.status === 'connected') {
			return {kind: 'connected'};
		}
		this.#log.info({connectionId: connection.id, code: error.code}, 'connection.qr.notReady');
		throw new CommandFailedError('QR_NOT_READY', 'Worker is starting up, please wait', 2000);
	}

	#command(kind: SessionCommandKind, connection: Connection): Command {
		const {id, userId, sessionName, workerId} = connection;
		return {kind, id: randomUUID(), userId, connectionId: id, sessionName, workerId};
	}
}
