import type {Model, QueryFilter} from 'mongoose';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {EntitlementStore} from '../../domain/ports/entitlement-store.ts';
import type {Page} from '../../domain/ports/page.ts';
import {fromDocument, toDocument, type EntitlementDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {positionedAfter} from './positioned-after.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Entitlements in MongoDB: one document per user, moved by compare-and-set. */
export class MongoEntitlementStore implements EntitlementStore {
	readonly #entitlements: Model<EntitlementDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#entitlements = database.models.entitlements;
	}

	async find(userId: string): Promise<Entitlement | undefined> {
		return (await this.#list({_id: userId}, 1))[0];
	}

	findMany(userIds: readonly string[]): Promise<readonly Entitlement[]> {
		return this.#list({_id: {$in: userIds}}, userIds.length);
	}

	async findByCustomer(customerId: string): Promise<Entitlement | undefined> {
		return (await this.#list({customerId}, 1))[0];
	}

	list({limit, after}: Page): Promise<readonly Entitlement[]> {
		return this.#list(positionedAfter(after), limit);
	}

	async save(entitlement: Entitlement): Promise<boolean> {
		const {_id, holders, createdAt, ...changes} = {...toDocument(entitlement), version: entitlement.version + 1};
		if (entitlement.version > 0) {
			const filter = {_id, version: entitlement.version};
			const {matchedCount} = await withinDeadline(this.#entitlements.updateOne(filter, {$set: changes}));
			return matchedCount === 1;
		}
		try {
			await withinDeadline(this.#entitlements.insertMany([{_id, holders, createdAt, ...changes}], {lean: true}));
			return true;
		} catch (error) {
			if (!isDuplicateKey(error)) throw error;
			return false;
		}
	}

	async #list(filter: QueryFilter<EntitlementDocument>, limit: number): Promise<readonly Entitlement[]> {
		if (limit === 0) {
			return [];
		}
		const query = this.#entitlements.find(filter).sort({createdAt: 1, _id: 1}).limit(limit);
		const documents = await withinDeadline(query.lean<EntitlementDocument[]>());
		return documents.map(toEntitlement);
	}
}

function toEntitlement(document: EntitlementDocument): Entitlement {
	const {checkoutAt = null, toldSuspended = []} = document;
	return fromDocument<Entitlement>({...document, checkoutAt, toldSuspended});
}
