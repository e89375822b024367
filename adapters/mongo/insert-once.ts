import type {Model} from 'mongoose';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/**
 * Adds a document; does nothing when its `_id` exists, so that a repeat is harmless. Another unique field that is taken throws.
 * @throws {StoreUnavailableError}
 */
export async function insertOnce<T extends {readonly _id: string}>(model: Model<T>, document: T): Promise<void> {
	try {
		await withinDeadline(model.insertMany([document], {lean: true}));
	} catch (error) {
		const repeated = isDuplicateKey(error) && (await withinDeadline(model.exists({_id: document._id}))) !== null;
		if (!repeated) throw error;
	}
}
