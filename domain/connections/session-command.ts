import {randomUUID} from 'node:crypto';
import type {SessionCommand} from '../messaging/command.ts';
import type {Connection} from './connection.ts';

/** A new command that changes the life of a connection's session, on the worker that holds it now. */
export function sessionCommand(
	kind: SessionCommand['kind'],
	{id: connectionId, userId, sessionName, workerId}: Connection,
): SessionCommand {
	return {kind, id: randomUUID(), userId, connectionId, sessionName, workerId};
}
