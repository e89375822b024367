import type {Connection} from '../connections/connection.ts';
import {NoWorkerAvailableError} from '../errors.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {WhatsAppEngine} from '../ports/whatsapp-engine.ts';

/**
 * The engine that holds a connection's session.
 * @throws {NoWorkerAvailableError} no worker holds it yet (the contract's wording)
 * @throws {EngineError} ENGINE_UNAVAILABLE its worker is not configured any more
 */
export function requireEngine(engines: EngineDirectory, {workerId}: Pick<Connection, 'workerId'>): WhatsAppEngine {
	if (workerId === null) {
		throw new NoWorkerAvailableError('No worker assigned');
	}
	return engines.engineOf(workerId);
}
