import {ConnectionSuspendedError} from '../errors.ts';
import type {Connection} from './connection.ts';

/** @throws {ConnectionSuspendedError} it is stopped, because its user has not enough slots */
export function requireRunning({suspendedAt, deletedAt}: Pick<Connection, 'suspendedAt' | 'deletedAt'>): void {
	if (suspendedAt !== null && deletedAt === null) {
		throw new ConnectionSuspendedError();
	}
}
