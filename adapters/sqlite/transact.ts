import type {SqliteDatabase} from './database.ts';
import {toStoreError} from './store-error.ts';

/** Runs `work` in a transaction that is durable when this resolves. @throws {StoreUnavailableError} the disk or its file failed. */
export async function transact<T>(database: SqliteDatabase, work: () => T): Promise<T> {
	try {
		return await database.write(work);
	} catch (error) {
		throw toStoreError(error);
	}
}
