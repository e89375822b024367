import type {Model, QueryFilter} from 'mongoose';
import type {WorkerStore} from '../../domain/ports/worker-store.ts';
import type {WorkerPlacesDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** Workers' places in MongoDB: one document per worker, whose list of holders grows only while it is short enough. */
export class MongoWorkerStore implements WorkerStore {
	readonly #places: Model<WorkerPlacesDocument>;
	/** Workers whose document was seen; it is never deleted. */
	readonly #existing = new Set<string>();

	constructor({database}: {database: MongoDatabase}) {
		this.#places = database.models.workerPlaces;
	}

	async takePlace(workerId: string, connectionId: string, capacity: number): Promise<boolean> {
		if (!this.#existing.has(workerId)) {
			await insertOnce(this.#places, {_id: workerId, holders: []});
			this.#existing.add(workerId);
		}
		return this.#take(workerId, connectionId, capacity);
	}

	async releasePlace(workerId: string, connectionId: string): Promise<void> {
		await withinDeadline(this.#places.updateOne({_id: workerId}, {$pull: {holders: connectionId}}));
	}

	async countPlaces(workerId: string): Promise<number> {
		const document = await withinDeadline(this.#places.findById(workerId).lean<WorkerPlacesDocument | null>());
		return document?.holders.length ?? 0;
	}

	/** One compare-and-set: the place is there already, or the last place of the list is still free. */
	async #take(workerId: string, connectionId: string, capacity: number): Promise<boolean> {
		const held: QueryFilter<WorkerPlacesDocument> = {holders: connectionId};
		const free = capacity < 1 ? [] : [{[`holders.${capacity - 1}`]: {$exists: false}}];
		const {matchedCount} = await withinDeadline(
			this.#places.updateOne({_id: workerId, $or: [held, ...free]}, {$addToSet: {holders: connectionId}}),
		);
		return matchedCount === 1;
	}
}
