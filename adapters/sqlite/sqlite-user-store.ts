import type {Page} from '../../domain/ports/page.ts';
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

	list({limit, after}: Page): Promise<readonly User[]> {
		return this.#users.list(
			'WHERE (createdAt, id) > (?, ?) ORDER BY createdAt, id LIMIT ?',
			after?.createdAt.getTime() ?? -1,
			after?.id ?? '',
			limit,
		);
	}

	setDisabled(id: string, disabled: boolean): Promise<User | undefined> {
		return this.#users.transact(() => {
			this.#users.run('UPDATE users SET disabled = ? WHERE id = ?', disabled ? 1 : 0, id);
			return this.#users.get('WHERE id = ?', id);
		});
	}
}
