import type {Model} from 'mongoose';
import type {LeaseStore} from '../../domain/ports/lease-store.ts';
import type {LeaseDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Leases in MongoDB: one document per name, moved by compare-and-set. */
export class MongoLeaseStore implements LeaseStore {
	readonly #leases: Model<LeaseDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#leases = database.models.leases;
	}

	async acquire(name: string, holder: string, ttlMs: number, nowMs: number): Promise<number | undefined> {
		const expiresAtMs = nowMs + ttlMs;
		return (await this.#renew(name, holder, expiresAtMs)) ?? (await this.#take(name, holder, expiresAtMs, nowMs));
	}

	async release(name: string, holder: string): Promise<void> {
		await withinDeadline(this.#leases.updateOne({_id: name, holder}, {$set: {holder: null}}));
	}

	async #renew(name: string, holder: string, expiresAtMs: number): Promise<number | undefined> {
		const query = this.#leases.findOneAndUpdate({_id: name, holder}, {$set: {expiresAtMs}}, {returnDocument: 'after'});
		return (await withinDeadline(query.lean<LeaseDocument | null>()))?.token;
	}

	/** Where somebody holds it, the upsert meets the document that its filter left out. */
	async #take(name: string, holder: string, expiresAtMs: number, nowMs: number): Promise<number | undefined> {
		const query = this.#leases.findOneAndUpdate(
			{_id: name, $or: [{holder: null}, {expiresAtMs: {$lte: nowMs}}]},
			{$set: {holder, expiresAtMs}, $inc: {token: 1}},
			{upsert: true, returnDocument: 'after'},
		);
		try {
			return (await withinDeadline(query.lean<LeaseDocument | null>()))?.token;
		} catch (error) {
			if (!isDuplicateKey(error)) throw error;
			return undefined;
		}
	}
}
