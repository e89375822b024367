import type {ConnectionStore} from '../ports/connection-store.ts';
import {requireOwn} from '../require-own.ts';
import type {Connection} from './connection.ts';

/** A user's connection, also a deleted one. @throws {NotFoundError} @throws {ForbiddenError} it is somebody else's */
export async function getOwnConnection(
	store: Pick<ConnectionStore, 'find'>,
	userId: string,
	id: string,
): Promise<Connection> {
	return requireOwn(await store.find(id), userId, 'connection');
}
