import type {Page} from '../../domain/ports/page.ts';
import type {TokenStore} from '../../domain/ports/token-store.ts';
import type {ApiToken} from '../../domain/tokens/token.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

/** API tokens (their hashes) in the embedded store. */
export class SqliteTokenStore implements TokenStore {
	readonly #tokens: SqliteTable<ApiToken>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#tokens = new SqliteTable<ApiToken>({
			database,
			name: 'tokens',
			columns: {
				id: 'plain',
				userId: 'plain',
				name: 'plain',
				hash: 'plain',
				prefix: 'plain',
				active: 'flag',
				lastUsedAt: 'date',
				expiresAt: 'date',
				scopes: 'json',
				connectionIds: 'json',
				createdAt: 'date',
			},
		});
	}

	async insert(token: ApiToken): Promise<void> {
		await this.#tokens.transact(() => this.#tokens.insert(token, 'ON CONFLICT DO NOTHING'));
	}

	findByHash(hash: string): Promise<ApiToken | undefined> {
		return this.#tokens.find('WHERE hash = ?', hash);
	}

	find(id: string): Promise<ApiToken | undefined> {
		return this.#tokens.find('WHERE id = ?', id);
	}

	listActive(userId: string, {limit, after}: Page): Promise<readonly ApiToken[]> {
		return this.#tokens.list(
			'WHERE userId = ? AND active AND (createdAt, id) > (?, ?) ORDER BY createdAt, id LIMIT ?',
			userId,
			after?.createdAt.getTime() ?? -1,
			after?.id ?? '',
			limit,
		);
	}

	async revoke(id: string): Promise<void> {
		await this.#tokens.transact(() => this.#tokens.run('UPDATE tokens SET active = 0 WHERE id = ?', id));
	}

	async touch(id: string, at: Date): Promise<void> {
		const sql = 'UPDATE tokens SET lastUsedAt = max(coalesce(lastUsedAt, 0), ?) WHERE id = ?';
		await this.#tokens.transact(() => this.#tokens.run(sql, at.getTime(), id));
	}
}
