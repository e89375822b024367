import type {Retention} from '../../domain/ports/retention.ts';
import type {SqliteDatabase} from './database.ts';
import {transact} from './transact.ts';

/** Rows of one transaction: some milliseconds' work, so that nobody else waits long. */
const CHUNK_ROWS = 500;

/** What grows for ever if nobody sweeps, with the column that tells the age (each has an index). */
const AGING = [
	['events', 'receivedAtMs'],
	['deliveries', 'updatedAt'],
	['attempts', 'at'],
	['commands', 'createdAt'],
	['deadLetters', 'at'],
	['jobs', 'updatedAt'],
	['billingEvents', 'at'],
] as const;

/** Deletes old rows of the embedded store; their pages are used again for new ones. */
export class SqliteRetention implements Retention {
	readonly #database: SqliteDatabase;

	constructor({database}: {database: SqliteDatabase}) {
		this.#database = database;
	}

	async sweep(before: Date): Promise<number> {
		let swept = 0;
		for (const [table, column] of AGING) {
			const chunk = `SELECT rowid FROM ${table} WHERE ${column} < ? LIMIT ${CHUNK_ROWS}`;
			const sql = `DELETE FROM ${table} WHERE rowid IN (${chunk})`;
			let deleted: number;
			do {
				deleted = await this.#delete(sql, before);
				swept += deleted;
			} while (deleted === CHUNK_ROWS);
		}
		return swept;
	}

	#delete(sql: string, before: Date): Promise<number> {
		return transact(this.#database, () => Number(this.#database.prepare(sql).run(before.getTime()).changes));
	}
}
