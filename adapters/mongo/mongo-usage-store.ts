import type {Model} from 'mongoose';
import type {ConnectionUsage} from '../../domain/billing/connection-usage.ts';
import type {UsageStore} from '../../domain/ports/usage-store.ts';
import {fromDocument, toDocument, type UsageCountDocument, type UsageDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Usage in MongoDB: one document per connection, moved by compare-and-set. */
export class MongoUsageStore implements UsageStore {
	readonly #usage: Model<UsageDocument>;
	readonly #counts: Model<UsageCountDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#usage = database.models.usage;
		this.#counts = database.models.usageCounts;
	}

	async findMany(connectionIds: readonly string[]): Promise<readonly ConnectionUsage[]> {
		const documents = await withinDeadline(this.#usage.find({_id: {$in: connectionIds}}).lean<UsageDocument[]>());
		return documents.map((document) => fromDocument<ConnectionUsage>(document));
	}

	async listByUser(userId: string): Promise<readonly ConnectionUsage[]> {
		const documents = await withinDeadline(this.#usage.find({userId}).sort({_id: 1}).lean<UsageDocument[]>());
		return documents.map((document) => fromDocument<ConnectionUsage>(document));
	}

	async save(usage: ConnectionUsage, fromSeq: number): Promise<boolean> {
		const {_id, ...fields} = toDocument(usage);
		if (fromSeq > 0) {
			const {matchedCount} = await withinDeadline(this.#usage.updateOne({_id, seq: fromSeq}, {$set: fields}));
			return matchedCount === 1;
		}
		try {
			await withinDeadline(this.#usage.insertMany([{_id, ...fields}], {lean: true}));
			return true;
		} catch (error) {
			if (!isDuplicateKey(error)) throw error;
			return false;
		}
	}

	async countedTo(userId: string): Promise<number> {
		const document = await withinDeadline(this.#counts.findById(userId).lean<UsageCountDocument | null>());
		return document?.seq ?? 0;
	}

	async setCountedTo(userId: string, seq: number): Promise<void> {
		await withinDeadline(this.#counts.updateOne({_id: userId}, {$max: {seq}}, {upsert: true}));
	}
}
