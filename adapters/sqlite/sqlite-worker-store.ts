import type {WorkerStore} from '../../domain/ports/worker-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface Place {
	readonly workerId: string;
	readonly connectionId: string;
}

/** Workers' places in the embedded store: one row per taken place. */
export class SqliteWorkerStore implements WorkerStore {
	readonly #places: SqliteTable<Place>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#places = new SqliteTable<Place>({
			database,
			name: 'workerPlaces',
			columns: {workerId: 'plain', connectionId: 'plain'},
		});
	}

	takePlace(workerId: string, connectionId: string, capacity: number): Promise<boolean> {
		return this.#places.transact(() => {
			const held = this.#places.get('WHERE workerId = ? AND connectionId = ?', workerId, connectionId);
			return (
				held !== undefined ||
				this.#places.run(
					`INSERT INTO workerPlaces (workerId, connectionId)
					SELECT ?1, ?2 WHERE (SELECT count(*) FROM workerPlaces WHERE workerId = ?1) < ?3`,
					workerId,
					connectionId,
					capacity,
				)
			);
		});
	}

	async releasePlace(workerId: string, connectionId: string): Promise<void> {
		const sql = 'DELETE FROM workerPlaces WHERE workerId = ? AND connectionId = ?';
		await this.#places.transact(() => this.#places.run(sql, workerId, connectionId));
	}

	async countPlaces(workerId: string): Promise<number> {
		return (await this.#places.list('WHERE workerId = ?', workerId)).length;
	}
}
