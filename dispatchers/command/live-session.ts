import {requireRunning} from '../../domain/connections/require-running.ts';
import {EngineError} from '../../domain/errors.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';

/** A connection's session, on the engine that holds it. */
export interface LiveSession {
	readonly engine: WhatsAppEngine;
	readonly name: string;
	/** As far as we were told; the engine knows better. */
	readonly isLinked: boolean;
}

/**
 * Where a connection lives now.
 * @throws {EngineError} SESSION_NOT_FOUND it was deleted, or has no worker yet; ENGINE_UNAVAILABLE its worker is not configured
 * @throws {ConnectionSuspendedError}
 * @throws {StoreUnavailableError}
 */
export async function getSession(
	{connections, engines}: {readonly connections: ConnectionStore; readonly engines: EngineDirectory},
	connectionId: string,
): Promise<LiveSession> {
	const connection = await connections.find(connectionId);
	const workerId = connection?.deletedAt === null ? connection.workerId : null;
	if (connection === undefined || workerId === null) {
		throw new EngineError(
			'SESSION_NOT_FOUND',
			'The connection has no session: wait until it is assigned, or create a new one',
		);
	}
	requireRunning(connection);
	const {sessionName, status} = connection;
	return {engine: engines.engineOf(workerId), name: sessionName, isLinked: status === 'connected'};
}
