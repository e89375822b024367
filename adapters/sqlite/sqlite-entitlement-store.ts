import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {EntitlementStore} from '../../domain/ports/entitlement-store.ts';
import type {Page} from '../../domain/ports/page.ts';
import type {SqliteDatabase} from './database.ts';
import {ENTITLEMENT_COLUMNS} from './entitlement-columns.ts';
import {SqliteTable} from './sqlite-table.ts';

const REPLACE = `ON CONFLICT (id) DO UPDATE SET customerId = excluded.customerId, subscription = excluded.subscription,
	grantedSlots = excluded.grantedSlots, graceSince = excluded.graceSince, checkedAt = excluded.checkedAt,
	checkoutAt = excluded.checkoutAt, notices = excluded.notices, toldSuspended = excluded.toldSuspended, version = excluded.version, updatedAt = excluded.updatedAt
	WHERE version = excluded.version - 1`;

/** Entitlements in the embedded store. */
export class SqliteEntitlementStore implements EntitlementStore {
	readonly #entitlements: SqliteTable<Entitlement>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#entitlements = new SqliteTable<Entitlement>({database, name: 'entitlements', columns: ENTITLEMENT_COLUMNS});
	}

	find(userId: string): Promise<Entitlement | undefined> {
		return this.#entitlements.find('WHERE id = ?', userId);
	}

	findMany(userIds: readonly string[]): Promise<readonly Entitlement[]> {
		return this.#entitlements.list('WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(userIds));
	}

	findByCustomer(customerId: string): Promise<Entitlement | undefined> {
		return this.#entitlements.find('WHERE customerId = ? ORDER BY createdAt, id LIMIT 1', customerId);
	}

	list({limit, after}: Page): Promise<readonly Entitlement[]> {
		return this.#entitlements.list(
			'WHERE (createdAt, id) > (?, ?) ORDER BY createdAt, id LIMIT ?',
			after?.createdAt.getTime() ?? -1,
			after?.id ?? '',
			limit,
		);
	}

	save(entitlement: Entitlement): Promise<boolean> {
		const next = {...entitlement, version: entitlement.version + 1};
		return this.#entitlements.transact(() => {
			const stored = this.#entitlements.get('WHERE id = ?', entitlement.id);
			return (stored?.version ?? 0) === entitlement.version && this.#entitlements.insert(next, REPLACE);
		});
	}
}
