import {toConnectionStatus, type Connection} from '../../domain/connections/connection.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import {DomainError, EngineError, NoWorkerAvailableError, StoreUnavailableError} from '../../domain/errors.ts';
import type {Command, CommandReply} from '../../domain/messaging/command.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {WorkerStore} from '../../domain/ports/worker-store.ts';
import type {EngineSession, SessionConfig, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {toFailure} from './failure.ts';

type SessionCommand = Exclude<Command, {kind: 'message.send'}>;

const DONE: CommandReply = {ok: true, messageId: null, timestamp: null};

/** Creates, restarts, unlinks and removes sessions. Every step can be repeated; only `logout` and `remove` unlink a phone. */
export class SessionKeeper {
	readonly #connections: ConnectionStore;
	readonly #places: WorkerStore;
	readonly #engines: EngineDirectory;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #callbackUrl: string;
	readonly #ingestionSecret: string;

	/** @param options.callbackUrl where workers reach us, without a trailing slash */
	constructor(options: {
		connections: ConnectionStore;
		places: WorkerStore;
		engines: EngineDirectory;
		clock: Clock;
		log: Logger;
		callbackUrl: string;
		ingestionSecret: string;
	}) {
		this.#connections = options.connections;
		this.#places = options.places;
		this.#engines = options.engines;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#callbackUrl = options.callbackUrl;
		this.#ingestionSecret = options.ingestionSecret;
	}

	/**
	 * What an engine refuses is the answer, not a failure of the message.
	 * @throws {StoreUnavailableError}
	 * @throws {EngineError} a removal that must be tried again: nobody would else clear the session away
	 */
	async execute(command: SessionCommand): Promise<CommandReply> {
		try {
			await this.#run(command);
			return DONE;
		} catch (error) {
			const mustRepeat = command.kind === 'session.remove' && error instanceof DomainError && error.retryable;
			if (mustRepeat || error instanceof StoreUnavailableError) {
				throw error;
			}
			this.#log.warn({error, kind: command.kind, connectionId: command.connectionId}, 'session.command.failed');
			return {ok: false, failure: toFailure(error)};
		}
	}

	async #run(command: SessionCommand): Promise<void> {
		switch (command.kind) {
			case 'session.ensure':
				return this.#ensure(command.connectionId);
			case 'session.restart':
				await this.#engineOf(command).sessions.restart(command.sessionName);
				return;
			case 'session.logout':
				return this.#engineOf(command).sessions.logout(command.sessionName);
			case 'session.remove':
				return this.#remove(command);
		}
	}

	async #ensure(connectionId: string): Promise<void> {
		const connection = await this.#connections.find(connectionId);
		if (connection === undefined || connection.deletedAt !== null) {
			return;
		}
		const worker = await this.#workerFor(connection);
		try {
			const session = await this.#engines
				.engineOf(worker.id)
				.sessions.ensure(connection.sessionName, this.#configFor(worker, connection));
			await this.#report(connection, session);
		} catch (error) {
			await this.#giveUpPlace(connection, worker, error);
			throw error;
		}
	}

	/** The worker that holds the session, or else the first with room (fill-first). */
	async #workerFor(connection: Connection): Promise<Worker> {
		const workers = this.#engines.workers();
		const current = workers.find(({id}) => id === connection.workerId);
		if (current !== undefined) {
			return current;
		}
		for (const worker of workers) {
			if (await this.#places.takePlace(worker.id, connection.id, worker.capacity)) {
				await this.#connections.assign(connection.id, worker.id, worker.engine, new Date(this.#clock.now()));
				return worker;
			}
		}
		throw new NoWorkerAvailableError('No worker has room for another session: add a worker, or wait until one is free');
	}

	/** The session's own events follow; this only saves the first look from being `pending`. */
	async #report(connection: Connection, session: EngineSession): Promise<void> {
		const status = toConnectionStatus(session.status) ?? (session.status === 'STARTING' ? 'scan_qr' : undefined);
		if (status !== undefined && connection.status === 'pending') {
			await this.#connections.applyReport(connection.id, {status, me: session.me, atMs: connection.statusAt.getTime()});
		}
	}

	/** A worker that cannot be reached now must not keep a session that never started on it from going elsewhere. */
	async #giveUpPlace(connection: Connection, worker: Worker, error: unknown): Promise<void> {
		if (connection.linkedAt !== null || !(error instanceof EngineError) || error.scope !== 'worker') {
			return;
		}
		await this.#connections.assign(connection.id, null, null, new Date(this.#clock.now()));
		await this.#places.releasePlace(worker.id, connection.id);
	}

	async #remove(command: SessionCommand): Promise<void> {
		if (command.workerId === null) {
			return;
		}
		await this.#engineOf(command).sessions.remove(command.sessionName);
		await this.#places.releasePlace(command.workerId, command.connectionId);
	}

	#engineOf({workerId}: SessionCommand): WhatsAppEngine {
		if (workerId === null) {
			throw new NoWorkerAvailableError('No worker assigned to this connection');
		}
		return this.#engines.engineOf(workerId);
	}

	#configFor(worker: Worker, {sessionName}: Connection): SessionConfig {
		return {
			callbackUrl: `${this.#callbackUrl}/api/events/waha/${encodeURIComponent(worker.name)}/${sessionName}`,
			ingestionKey: ingestionKey(this.#ingestionSecret, sessionName),
		};
	}
}
