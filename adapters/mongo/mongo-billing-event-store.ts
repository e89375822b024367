import type {Model} from 'mongoose';
import type {BillingEventStore} from '../../domain/ports/billing-event-store.ts';
import type {BillingEventDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** The billing provider's events in MongoDB; deleted long after the provider stops repeating them. */
export class MongoBillingEventStore implements BillingEventStore {
	readonly #events: Model<BillingEventDocument>;
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#events = database.models.billingEvents;
		this.#retentionMs = retentionMs;
	}

	async has(id: string): Promise<boolean> {
		return (await withinDeadline(this.#events.exists({_id: id}))) !== null;
	}

	note(id: string, at: Date): Promise<void> {
		return insertOnce(this.#events, {_id: id, at, expiresAt: new Date(at.getTime() + this.#retentionMs)});
	}
}
