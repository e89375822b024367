import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {SqliteDatabase} from './database.ts';
import {transact} from './transact.ts';

/** Whether the embedded store answers: a transaction that changes nothing, queued behind the writes that wait. */
export class SqliteHealthCheck implements HealthCheck {
	readonly dependency = 'store';
	readonly #database: SqliteDatabase;

	constructor({database}: {database: SqliteDatabase}) {
		this.#database = database;
	}

	async check(signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		await transact(this.#database, () => this.#database.prepare('SELECT 1 FROM users LIMIT 1').get());
	}
}
