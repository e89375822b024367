import type {Model} from 'mongoose';
import type {Entitlement, SlotHolder} from '../../domain/billing/entitlement.ts';
import type {SlotStore, SlotTaking} from '../../domain/ports/slot-store.ts';
import type {EntitlementDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** Holders of slots in MongoDB: a list in the document of the user's entitlement, which grows only while it is short enough. */
export class MongoSlotStore implements SlotStore {
	readonly #entitlements: Model<EntitlementDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#entitlements = database.models.entitlements;
	}

	async take(
		{id, version}: Pick<Entitlement, 'id' | 'version'>,
		holder: SlotHolder,
		limit: number,
	): Promise<SlotTaking> {
		if (limit > 0 && (await this.#push(id, holder, {version, [`holders.${limit - 1}`]: {$exists: false}}))) {
			return 'taken';
		}
		const stored = await withinDeadline(this.#entitlements.findById(id).lean<EntitlementDocument | null>());
		if (stored?.holders.some((other) => other.id === holder.id) === true) {
			return 'taken';
		}
		// A place that became free since is as good as a change: whoever asked looks again.
		return stored?.version !== version || stored.holders.length < limit ? 'changed' : 'full';
	}

	async add(userId: string, holders: readonly SlotHolder[]): Promise<void> {
		for (const holder of holders) await this.#push(userId, holder);
	}

	async release(userId: string, connectionIds: readonly string[]): Promise<void> {
		const update = {$pull: {holders: {id: {$in: connectionIds}}}};
		await withinDeadline(this.#entitlements.updateOne({_id: userId}, update));
	}

	/** One compare-and-set; false when the conditions do not hold, or it is among the holders already. */
	async #push(
		userId: string,
		holder: SlotHolder,
		conditions: Readonly<Record<string, unknown>> = {},
	): Promise<boolean> {
		const filter = {_id: userId, 'holders.id': {$ne: holder.id}, ...conditions};
		const {matchedCount} = await withinDeadline(this.#entitlements.updateOne(filter, {$push: {holders: holder}}));
		return matchedCount === 1;
	}
}
