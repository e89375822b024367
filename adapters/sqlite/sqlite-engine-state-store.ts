import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface EngineState {
	readonly engine: string;
	readonly session: string;
	readonly state: string;
}

/** Documents of in-process engines in the embedded store. */
export class SqliteEngineStateStore implements EngineStateStore {
	readonly #states: SqliteTable<EngineState>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#states = new SqliteTable<EngineState>({
			database,
			name: 'engineStates',
			columns: {engine: 'plain', session: 'plain', state: 'plain'},
		});
	}

	async load(engine: string, session: string): Promise<string | undefined> {
		return (await this.#states.find('WHERE engine = ? AND session = ?', engine, session))?.state;
	}

	async save(engine: string, session: string, state: string): Promise<void> {
		const replace = 'ON CONFLICT (engine, session) DO UPDATE SET state = excluded.state';
		await this.#states.transact(() => this.#states.insert({engine, session, state}, replace));
	}

	async remove(engine: string, session: string): Promise<void> {
		const sql = 'DELETE FROM engineStates WHERE engine = ? AND session = ?';
		await this.#states.transact(() => this.#states.run(sql, engine, session));
	}

	async list(engine: string): Promise<readonly string[]> {
		return (await this.#states.list('WHERE engine = ? ORDER BY session', engine)).map(({session}) => session);
	}
}
