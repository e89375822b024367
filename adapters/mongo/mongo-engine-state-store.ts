import type {Model} from 'mongoose';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {EngineStateDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Documents of in-process engines in MongoDB. */
export class MongoEngineStateStore implements EngineStateStore {
	readonly #states: Model<EngineStateDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#states = database.models.engineStates;
	}

	async load(engine: string, session: string): Promise<string | undefined> {
		const query = this.#states.findById(idOf(engine, session));
		return (await withinDeadline(query.lean<EngineStateDocument | null>()))?.state;
	}

	async save(engine: string, session: string, state: string): Promise<void> {
		try {
			await this.#upsert(engine, session, state);
		} catch (error) {
			// Two first saves at once: the document is there now.
			if (!isDuplicateKey(error)) throw error;
			await this.#upsert(engine, session, state);
		}
	}

	async remove(engine: string, session: string): Promise<void> {
		await withinDeadline(this.#states.deleteOne({_id: idOf(engine, session)}));
	}

	async list(engine: string): Promise<readonly string[]> {
		const query = this.#states.find({engine}, {session: 1}).sort({session: 1});
		const documents = await withinDeadline(query.lean<Pick<EngineStateDocument, 'session'>[]>());
		return documents.map(({session}) => session);
	}

	async #upsert(engine: string, session: string, state: string): Promise<void> {
		const document = {$set: {engine, session, state}};
		await withinDeadline(this.#states.updateOne({_id: idOf(engine, session)}, document, {upsert: true}));
	}
}

function idOf(engine: string, session: string): string {
	return JSON.stringify([engine, session]);
}
