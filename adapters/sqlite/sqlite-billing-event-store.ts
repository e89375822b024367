import type {BillingEventStore} from '../../domain/ports/billing-event-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable} from './sqlite-table.ts';

interface BillingEvent {
	readonly id: string;
	readonly at: Date;
}

/** The billing provider's events in the embedded store; swept with other old rows, long after the provider stops repeating them. */
export class SqliteBillingEventStore implements BillingEventStore {
	readonly #events: SqliteTable<BillingEvent>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#events = new SqliteTable<BillingEvent>({
			database,
			name: 'billingEvents',
			columns: {id: 'plain', at: 'date'},
		});
	}

	async has(id: string): Promise<boolean> {
		return (await this.#events.find('WHERE id = ?', id)) !== undefined;
	}

	async note(id: string, at: Date): Promise<void> {
		await this.#events.transact(() => this.#events.insert({id, at}, 'ON CONFLICT (id) DO NOTHING'));
	}
}
