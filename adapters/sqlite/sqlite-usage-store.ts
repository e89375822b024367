import type {ConnectionUsage} from '../../domain/billing/connection-usage.ts';
import type {UsageStore} from '../../domain/ports/usage-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface Count {
	readonly userId: string;
	readonly seq: number;
}

/** Usage in the embedded store: one row per connection. */
export class SqliteUsageStore implements UsageStore {
	readonly #usage: SqliteTable<ConnectionUsage>;
	readonly #counts: SqliteTable<Count>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#usage = new SqliteTable<ConnectionUsage>({
			database,
			name: 'usage',
			columns: {id: 'plain', userId: 'plain', seq: 'plain', connectedSinceMs: 'plain', days: 'json'},
		});
		this.#counts = new SqliteTable<Count>({database, name: 'usageCounts', columns: {userId: 'plain', seq: 'plain'}});
	}

	findMany(connectionIds: readonly string[]): Promise<readonly ConnectionUsage[]> {
		return this.#usage.list('WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(connectionIds));
	}

	listByUser(userId: string): Promise<readonly ConnectionUsage[]> {
		return this.#usage.list('WHERE userId = ? ORDER BY id', userId);
	}

	save(usage: ConnectionUsage, fromSeq: number): Promise<boolean> {
		return this.#usage.transact(() => {
			const stored = this.#usage.get('WHERE id = ?', usage.id);
			if ((stored?.seq ?? 0) !== fromSeq) return false;
			return this.#usage.insert(
				usage,
				'ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, connectedSinceMs = excluded.connectedSinceMs, days = excluded.days',
			);
		});
	}

	async countedTo(userId: string): Promise<number> {
		return (await this.#counts.find('WHERE userId = ?', userId))?.seq ?? 0;
	}

	async setCountedTo(userId: string, seq: number): Promise<void> {
		await this.#counts.transact(() =>
			this.#counts.insert({userId, seq}, 'ON CONFLICT (userId) DO UPDATE SET seq = max(seq, excluded.seq)'),
		);
	}
}
