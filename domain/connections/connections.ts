import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import type {BillingCare} from '../billing/billing-care.ts';
import type {Slots} from '../billing/slots.ts';
import type {Publisher} from '../broker/publisher.ts';
import {answerWithin, READ_WAIT_MS} from '../engines/answer-within.ts';
import {requireEngine} from '../engines/require-engine.ts';
import {CommandFailedError, EngineError, NotFoundError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {Logger} from '../ports/logger.ts';
import type {Page} from '../ports/page.ts';
import type {CapabilityTable} from '../ports/whatsapp-engine.ts';
import type {Account, Connection} from './connection.ts';
import {getOwnConnection} from './get-own-connection.ts';
import {sessionCommand} from './session-command.ts';
import {requireRunning} from './require-running.ts';
import {newSessionName} from './session-name.ts';

/** How long creating a connection waits for its session (contract: up to 15 s). */
const CREATION_WAIT_MS = 15_000;

/** How long restarting and unlinking wait for the engine: WAHA needs up to 10 s to stop a session, and clients give up at 30 s. */
const CONTROL_WAIT_MS = 20_000;

/** What tenants do with their connections. Reading asks the engine; every change of a session crosses the broker. */
export class Connections {
	readonly #store: ConnectionStore;
	readonly #engines: EngineDirectory;
	readonly #publisher: Publisher;
	readonly #control: ControlBus;
	readonly #slots: Pick<Slots, 'take' | 'release'>;
	readonly #care: Pick<BillingCare, 'follow'>;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		store: ConnectionStore;
		engines: EngineDirectory;
		publisher: Publisher;
		control: ControlBus;
		slots: Pick<Slots, 'take' | 'release'>;
		care: Pick<BillingCare, 'follow'>;
		clock: Clock;
		log: Logger;
	}) {
		this.#store = options.store;
		this.#engines = options.engines;
		this.#publisher = options.publisher;
		this.#control = options.control;
		this.#slots = options.slots;
		this.#care = options.care;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Stores the connection and asks for its session. It is `scan_qr` when a worker answered in time and else `pending`: the
	 * supervisor goes on trying.
	 * @param withinMs the worker is not waited for any longer, and never longer than 15 s
	 * @throws {SlotsExhaustedError} the user has no slot for it
	 */
	async create(userId: string, name: string | null, withinMs = CREATION_WAIT_MS): Promise<Connection> {
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
			suspendedAt: null,
			linkedAt: null,
			createdAt: now,
			updatedAt: now,
			deletedAt: null,
		};
		await this.#slots.take(userId, connection.id);
		await this.#insert(connection);
		try {
			await this.#publisher.request(sessionCommand('session.ensure', connection), Math.min(withinMs, CREATION_WAIT_MS));
		} catch (error) {
			this.#log.warn({error, connectionId: connection.id}, 'connection.ensure.delayed');
		}
		return (await this.#store.find(connection.id)) ?? connection;
	}

	/** Oldest first. @param ids only these of them; null = all */
	list(userId: string, page: Page, ids: readonly string[] | null = null): Promise<readonly Connection[]> {
		return this.#store.list(userId, page, ids);
	}

	/** Deleted ones too. @throws {NotFoundError} @throws {ForbiddenError} */
	get(userId: string, id: string): Promise<Connection> {
		return getOwnConnection(this.#store, userId, id);
	}

	/** @param name null takes the name off; undefined changes nothing */
	async rename(connection: Connection, name: string | null | undefined): Promise<Connection> {
		if (name === undefined) {
			return connection;
		}
		return (await this.#store.rename(connection.id, name, new Date(this.#clock.now()))) ?? connection;
	}

	/** Unlinks and deletes; repeatable. @throws {BrokerUnavailableError} nothing was changed then. */
	async remove(connection: Connection): Promise<Connection> {
		if (connection.deletedAt !== null) {
			return connection;
		}
		const {id, userId, sessionName} = connection;
		await this.#publisher.command(sessionCommand('session.remove', connection));
		const deleted = await this.#store.markDeleted(id, new Date(this.#clock.now()));
		await this.#control.announce({kind: 'connection', userId, connectionId: id, sessionName});
		await this.#giveUpSlot(userId, id);
		return deleted ?? connection;
	}

	/**
	 * Stops and starts the session; its credentials stay. An unlinked one shows a new QR code, and so does one that its engine has
	 * lost, which is created again.
	 * @throws {NotFoundError} there is no session to restart
	 * @throws {ConnectionSuspendedError}
	 * @throws {CommandFailedError} why the engine did not
	 * @throws {EngineError} ENGINE_TIMEOUT it is not done after 20 s, but may still be
	 */
	async restart(connection: Connection): Promise<Connection> {
		requireRunning(connection);
		if (connection.workerId === null) {
			throw new NotFoundError('No worker assigned to this connection');
		}
		await this.#controlSession(connection, 'session.restart');
		const current = (await this.#store.find(connection.id)) ?? connection;
		return current.me === null ? {...current, status: 'scan_qr'} : current;
	}

	/**
	 * Unlinks the phone, the only call that does beside deletion; a new QR code follows.
	 * @throws as `restart`
	 */
	async logout(connection: Connection): Promise<Connection> {
		requireRunning(connection);
		if (connection.workerId === null) {
			throw new NotFoundError('No worker assigned to this connection');
		}
		await this.#controlSession(connection, 'session.logout');
		const current = (await this.#store.find(connection.id)) ?? connection;
		if (current.status === 'scan_qr') {
			return current;
		}
		// At the time of what is known, so that nothing the session says from now on is too old, whatever its clock shows.
		await this.#store.applyReport(current.id, {status: 'scan_qr', me: null, atMs: current.statusAt.getTime()});
		return (await this.#store.find(current.id)) ?? current;
	}

	/** The linked account, which a suspended connection keeps; null while there is none. @throws {EngineError} when the engine fails */
	async account({workerId, status, sessionName, suspendedAt, me}: Connection): Promise<Account | null> {
		if (suspendedAt !== null) {
			return me;
		}
		if (workerId === null || status !== 'connected') {
			return null;
		}
		return answerWithin(this.#clock, READ_WAIT_MS, this.#engines.engineOf(workerId).me(sessionName));
	}

	/** What the engine of a connection can do. @throws {NoWorkerAvailableError} it has none yet */
	capabilities(connection: Connection): CapabilityTable {
		return requireEngine(this.#engines, connection).capabilities();
	}

	/** A slot without a connection would be swept up later, but somebody may be waiting for it. */
	async #insert(connection: Connection): Promise<void> {
		try {
			await this.#store.insert(connection);
		} catch (error) {
			await this.#giveUpSlot(connection.userId, connection.id);
			throw error;
		}
	}

	/** Never throws: a slot that is not freed now is swept up when the next one is asked for. */
	async #giveUpSlot(userId: string, connectionId: string): Promise<void> {
		try {
			await this.#slots.release(userId, connectionId);
		} catch (error) {
			this.#log.warn({error, userId, connectionId}, 'slot.release.failed');
		}
		await this.#care.follow(userId);
	}

	/** @throws {CommandFailedError} @throws {EngineError} ENGINE_TIMEOUT */
	async #controlSession(connection: Connection, kind: 'session.restart' | 'session.logout'): Promise<void> {
		const reply = await this.#publisher.request(sessionCommand(kind, connection), CONTROL_WAIT_MS);
		if (reply === undefined) {
			throw new EngineError(
				'ENGINE_TIMEOUT',
				'WhatsApp’s side did not answer in time and may still be at it: look at the connection in a minute, then try again',
			);
		}
		if (!reply.ok) {
			throw new CommandFailedError(reply.failure);
		}
	}
}
