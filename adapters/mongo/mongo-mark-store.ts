import type {Model} from 'mongoose';
import type {MarkStore} from '../../domain/ports/mark-store.ts';
import type {MarkDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** Marks in MongoDB. */
export class MongoMarkStore implements MarkStore {
	readonly #marks: Model<MarkDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#marks = database.models.marks;
	}

	async find(name: string): Promise<string | undefined> {
		return (await withinDeadline(this.#marks.findById(name).lean<MarkDocument | null>()))?.value;
	}

	async keep(name: string, value: string): Promise<string> {
		await insertOnce(this.#marks, {_id: name, value});
		return (await this.find(name)) ?? value;
	}

	/** Not by an upsert: of two first ones at once, one would fail. */
	async replace(name: string, value: string): Promise<void> {
		await insertOnce(this.#marks, {_id: name, value});
		await withinDeadline(this.#marks.updateOne({_id: name}, {$set: {value}}));
	}
}
