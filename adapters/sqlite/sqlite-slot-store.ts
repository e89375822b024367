import type {Entitlement, SlotHolder} from '../../domain/billing/entitlement.ts';
import type {SlotStore, SlotTaking} from '../../domain/ports/slot-store.ts';
import type {SqliteDatabase} from './database.ts';
import {ENTITLEMENT_COLUMNS} from './entitlement-columns.ts';
import {SqliteTable} from './sqlite-table.ts';

/** Holders of slots in the embedded store: a list in the row of the user's entitlement. */
export class SqliteSlotStore implements SlotStore {
	readonly #entitlements: SqliteTable<Entitlement>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#entitlements = new SqliteTable<Entitlement>({database, name: 'entitlements', columns: ENTITLEMENT_COLUMNS});
	}

	take({id, version}: Pick<Entitlement, 'id' | 'version'>, holder: SlotHolder, limit: number): Promise<SlotTaking> {
		return this.#entitlements.transact(() => {
			const stored = this.#entitlements.get('WHERE id = ?', id);
			if (stored?.holders.some((other) => other.id === holder.id) === true) return 'taken';
			if (stored?.version !== version) return 'changed';
			if (stored.holders.length >= limit) return 'full';
			this.#setHolders(id, [...stored.holders, holder]);
			return 'taken';
		});
	}

	async add(userId: string, holders: readonly SlotHolder[]): Promise<void> {
		await this.#change(userId, (held) => {
			const known = new Set(held.map(({id}) => id));
			return [...held, ...holders.filter(({id}) => !known.has(id))];
		});
	}

	async release(userId: string, connectionIds: readonly string[]): Promise<void> {
		await this.#change(userId, (held) => held.filter(({id}) => !connectionIds.includes(id)));
	}

	#change(userId: string, change: (held: readonly SlotHolder[]) => readonly SlotHolder[]): Promise<void> {
		return this.#entitlements.transact(() => {
			const stored = this.#entitlements.get('WHERE id = ?', userId);
			if (stored !== undefined) this.#setHolders(userId, change(stored.holders));
		});
	}

	#setHolders(userId: string, holders: readonly SlotHolder[]): void {
		this.#entitlements.run('UPDATE entitlements SET holders = ? WHERE id = ?', JSON.stringify(holders), userId);
	}
}
