import type {LeaseStore} from '../../domain/ports/lease-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface Lease {
	readonly name: string;
	/** Null after a release: whoever comes next is a new holder. */
	readonly holder: string | null;
	readonly token: number;
	readonly expiresAtMs: number;
}

const TAKE_OR_RENEW = `ON CONFLICT (name) DO UPDATE SET
	token = token + (holder IS NOT excluded.holder), holder = excluded.holder, expiresAtMs = excluded.expiresAtMs
	WHERE holder IS NULL OR holder = excluded.holder OR expiresAtMs <= ?`;

/** Leases in the embedded store, where their only use is that the supervisor need not know that it is alone. */
export class SqliteLeaseStore implements LeaseStore {
	readonly #leases: SqliteTable<Lease>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#leases = new SqliteTable<Lease>({
			database,
			name: 'leases',
			columns: {name: 'plain', holder: 'plain', token: 'plain', expiresAtMs: 'plain'},
		});
	}

	acquire(name: string, holder: string, ttlMs: number, nowMs: number): Promise<number | undefined> {
		return this.#leases.transact(() => {
			const sql = `INSERT INTO leases (name, holder, token, expiresAtMs) VALUES (?, ?, 1, ?) ${TAKE_OR_RENEW}`;
			const taken = this.#leases.run(sql, name, holder, nowMs + ttlMs, nowMs);
			return taken ? this.#leases.get('WHERE name = ?', name)?.token : undefined;
		});
	}

	async release(name: string, holder: string): Promise<void> {
		const sql = 'UPDATE leases SET holder = NULL WHERE name = ? AND holder = ?';
		await this.#leases.transact(() => this.#leases.run(sql, name, holder));
	}
}
