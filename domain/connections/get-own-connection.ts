import {ForbiddenError, NotFoundError} from '../errors.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {Connection} from './connection.ts';

/** A user's connection, also a deleted one. @throws {NotFoundError} @throws {ForbiddenError} it is somebody else's */
export async function getOwnConnection(
	store: Pick<ConnectionStore, 'find'>,
	userId: string,
	id: string,
): Promise<Connection> {
	const connection = await store.find(id);
	if (connection === undefined) {
		throw new NotFoundError('Connection not found');
	}
	if (connection.userId !== userId) {
		throw new ForbiddenError('You do not own this connection');
	}
	return connection;
}
