import type {DeadLetter, DeadLetterStore} from '../../domain/ports/dead-letter-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

/** Dead letters in the embedded store. */
export class SqliteDeadLetterStore implements DeadLetterStore {
	readonly #letters: SqliteTable<DeadLetter>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#letters = new SqliteTable<DeadLetter>({
			database,
			name: 'deadLetters',
			columns: {id: 'plain', queue: 'plain', reason: 'plain', headers: 'json', body: 'plain', at: 'date'},
		});
	}

	async insert(letter: DeadLetter): Promise<void> {
		await this.#letters.transact(() => this.#letters.insert(letter, 'ON CONFLICT (id) DO NOTHING'));
	}

	list(limit: number): Promise<readonly DeadLetter[]> {
		return this.#letters.list('ORDER BY at DESC, id DESC LIMIT ?', limit);
	}
}
