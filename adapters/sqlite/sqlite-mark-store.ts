import type {MarkStore} from '../../domain/ports/mark-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface Mark {
	readonly name: string;
	readonly value: string;
}

/** Marks of the embedded store. */
export class SqliteMarkStore implements MarkStore {
	readonly #marks: SqliteTable<Mark>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#marks = new SqliteTable<Mark>({database, name: 'marks', columns: {name: 'plain', value: 'plain'}});
	}

	async find(name: string): Promise<string | undefined> {
		return (await this.#marks.find('WHERE name = ?', name))?.value;
	}

	async keep(name: string, value: string): Promise<string> {
		return this.#marks.transact(() => {
			this.#marks.insert({name, value}, 'ON CONFLICT (name) DO NOTHING');
			return this.#marks.get('WHERE name = ?', name)?.value ?? value;
		});
	}

	async replace(name: string, value: string): Promise<void> {
		await this.#marks.transact(() =>
			this.#marks.insert({name, value}, 'ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
		);
	}
}
