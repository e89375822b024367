import {lossOf, toConnectionStatus, type Connection} from '../../domain/connections/connection.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import {EngineError, NoWorkerAvailableError, StoreUnavailableError} from '../../domain/errors.ts';
import type {CommandReply, SessionCommand} from '../../domain/messaging/command.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import type {WorkerStore} from '../../domain/ports/worker-store.ts';
import type {EngineSession, EngineSessions, SessionConfig, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {toFailure} from './failure.ts';

const DONE: CommandReply = {ok: true, messageId: null, timestamp: null};

/**
 * Creates, stops, restarts, unlinks and removes sessions. Every step can be repeated; only `logout` and `remove` unlink a phone, and
 * what an engine has lost by itself is created again.
 */
export class SessionKeeper {
	readonly #connections: ConnectionStore;
	readonly #places: WorkerStore;
	readonly #engines: EngineDirectory;
	readonly #media: MediaStore;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #callbackUrl: string;
	readonly #ingestionSecret: string;

	/** @param options.callbackUrl where workers reach us, without a trailing slash */
	constructor(options: {
		connections: ConnectionStore;
		places: WorkerStore;
		engines: EngineDirectory;
		media: MediaStore;
		clock: Clock;
		log: Logger;
		callbackUrl: string;
		ingestionSecret: string;
	}) {
		this.#connections = options.connections;
		this.#places = options.places;
		this.#engines = options.engines;
		this.#media = options.media;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#callbackUrl = options.callbackUrl;
		this.#ingestionSecret = options.ingestionSecret;
	}

	/**
	 * What an engine refuses is the answer, not a failure of the message.
	 * @throws {StoreUnavailableError}
	 * @throws whatever stopped a removal: nobody waits for its answer, and nobody else would clear the session away
	 */
	async execute(command: SessionCommand): Promise<CommandReply> {
		try {
			await this.#run(command);
			return DONE;
		} catch (error) {
			if (command.kind === 'session.remove' || error instanceof StoreUnavailableError) {
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
			case 'session.stop':
				return this.#stop(command.connectionId);
			case 'session.restart':
				return this.#change(command, (sessions) => sessions.restart(command.sessionName));
			case 'session.logout':
				return this.#change(command, (sessions) => sessions.logout(command.sessionName));
			case 'session.remove':
				return this.#remove(command);
		}
	}

	/** A session that its engine has lost is created again instead: its credentials are gone, so it waits for a phone as after a log-out. */
	async #change(command: SessionCommand, change: (sessions: EngineSessions) => Promise<unknown>): Promise<void> {
		try {
			await change(this.#engineOf(command).sessions);
		} catch (error) {
			if (!isEngineError(error, 'SESSION_NOT_FOUND') || !(await this.#noteLoss(command))) throw error;
			await this.#ensure(command.connectionId);
		}
	}

	/** False when the session is not missed: it is on another worker by now, or not wanted any more. */
	async #noteLoss({connectionId, workerId}: SessionCommand): Promise<boolean> {
		const connection = await this.#connections.find(connectionId);
		const isMissed = connection?.deletedAt === null && connection.desiredState === 'running';
		if (!isMissed || connection.workerId !== workerId) {
			return false;
		}
		this.#log.warn({connectionId, workerId}, 'session.lost');
		await this.#connections.applyReport(connectionId, lossOf(connection));
		return true;
	}

	async #ensure(connectionId: string): Promise<void> {
		const wanted = await this.#connections.find(connectionId);
		if (wanted === undefined || wanted.deletedAt !== null || wanted.desiredState === 'stopped') {
			return;
		}
		const {worker, session} = await this.#start(wanted);
		const connection = await this.#connections.find(connectionId);
		if (connection?.deletedAt === null) {
			await this.#report(connection, session);
			if (connection.desiredState === 'stopped') await this.#stop(connectionId);
		} else {
			// Deleted meanwhile: its removal may know of no worker.
			await this.#clearAway(worker.id, wanted);
		}
	}

	/** On the worker that holds the session, or else on the first that has room (fill-first) and can be reached. */
	async #start(connection: Connection): Promise<{worker: Worker; session: EngineSession}> {
		const workers = this.#engines.workers();
		const current = workers.find(({id}) => id === connection.workerId);
		const candidates = current ? [current, ...workers.filter((worker) => worker !== current)] : workers;
		let failure: EngineError | undefined;
		for (const worker of candidates) {
			if (worker !== current && !(await this.#takePlace(connection, worker))) continue;
			try {
				const config = this.#configFor(worker, connection);
				return {
					worker,
					session: await this.#engines.engineOf(worker.id).sessions.ensure(connection.sessionName, config),
				};
			} catch (error) {
				if (connection.linkedAt !== null || !wasNotReached(error)) throw error;
				await this.#giveUpPlace(connection, worker);
				failure = error;
			}
		}
		throw (
			failure ??
			new NoWorkerAvailableError('No worker has room for another session: add a worker, or wait until one is free')
		);
	}

	async #takePlace({id}: Connection, worker: Worker): Promise<boolean> {
		const taken = await this.#places.takePlace(worker.id, id, worker.capacity);
		if (taken) {
			await this.#connections.assign(id, worker.id, worker.engine, new Date(this.#clock.now()));
		}
		return taken;
	}

	async #giveUpPlace({id}: Connection, worker: Worker): Promise<void> {
		await this.#connections.assign(id, null, null, new Date(this.#clock.now()));
		await this.#places.releasePlace(worker.id, id);
	}

	/** Only what is still not wanted to run: it may have been resumed since this was asked for. */
	async #stop(connectionId: string): Promise<void> {
		const connection = await this.#connections.find(connectionId);
		if (connection?.deletedAt !== null || connection.desiredState === 'running' || connection.workerId === null) {
			return;
		}
		const {sessions} = this.#engines.engineOf(connection.workerId);
		const session = await sessions.find(connection.sessionName);
		if (session !== undefined && session.status !== 'STOPPED') {
			await sessions.stop(connection.sessionName);
		}
	}

	/** The session's own events follow; this only saves the first look from being `pending`. */
	async #report(connection: Connection, session: EngineSession): Promise<void> {
		const isUnlinked = session.status === 'STARTING' && connection.me === null;
		const status = toConnectionStatus(session.status) ?? (isUnlinked ? 'scan_qr' : undefined);
		if (status !== undefined && connection.status === 'pending') {
			await this.#connections.applyReport(connection.id, {status, me: session.me, atMs: connection.statusAt.getTime()});
		}
	}

	/** The session may have got its worker after the removal was asked for. */
	async #remove({connectionId, sessionName, workerId: known}: SessionCommand): Promise<void> {
		const workerId = known ?? (await this.#connections.find(connectionId))?.workerId ?? null;
		if (workerId !== null) {
			await this.#clearAway(workerId, {id: connectionId, sessionName});
		}
		await this.#media.removeAll(connectionId);
	}

	async #clearAway(workerId: string, {id, sessionName}: Pick<Connection, 'id' | 'sessionName'>): Promise<void> {
		await this.#engines.engineOf(workerId).sessions.remove(sessionName);
		await this.#places.releasePlace(workerId, id);
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

/**
 * Nothing can have begun on a worker that was not reached, so it must not keep a session that was never linked from going
 * elsewhere. One that did not answer in time may have created it.
 */
function wasNotReached(error: unknown): error is EngineError {
	return error instanceof EngineError && error.scope === 'worker' && error.sideEffect === 'none';
}
