import {StoreUnavailableError} from '../../domain/errors.ts';

/**
 * SQLite's primary result codes that speak of the machine and not of the statement: BUSY, LOCKED, NOMEM, IOERR, CORRUPT, FULL,
 * CANTOPEN, NOTADB (https://www.sqlite.org/rescode.html).
 */
const MACHINE_FAILURES: ReadonlySet<number> = new Set([5, 6, 7, 10, 11, 13, 14, 26]);

/** Turns a failure of disk or memory into a `StoreUnavailableError`; every other error (a wrong statement, a broken rule) stays. */
export function toStoreError(error: unknown): unknown {
	if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') {
		const primaryCode = error.errcode & 0xff;
		if (MACHINE_FAILURES.has(primaryCode)) {
			return new StoreUnavailableError(`the database file failed (SQLite code ${primaryCode})`, {cause: error});
		}
	}
	return error;
}
