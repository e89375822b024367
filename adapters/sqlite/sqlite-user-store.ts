import type {UserStore} from '../../domain/ports/user-store.ts';
import type {User} from '../../domain/tokens/token.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

/** Users in the embedded store. */
export class SqliteUserStore implements UserStore {
	readonly #users: SqliteTable<User>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#users = new SqliteTable<User>({
			database,
			name: 'users',
			columns: {id: 'plain', email: 'plain', name: 'plain', isAdmin: 'flag', disabled: 'flag', createdAt: 'date'},
		});
	}

	async insert(user: User): Promise<void> {
		await this.#users.transact(() => this.#users.insert(user, 'ON CONFLICT (id) DO NOTHING'));
	}

	find(id: string): Promise<User | undefined> {
		return this.#users.find('WHERE id = ?', id);
	}

	async hasAdmin(): Promise<boolean> {
		return (await this.#users.find('WHERE isAdmin LIMIT 1')) !== undefined;
	}
}
