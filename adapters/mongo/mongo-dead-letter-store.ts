import type {Model} from 'mongoose';
import type {DeadLetter, DeadLetterStore} from '../../domain/ports/dead-letter-store.ts';
import {toDocument, type DeadLetterDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {packText, unpackText} from './packed-text.ts';
import {withinDeadline} from './within-deadline.ts';

/** Dead letters in MongoDB. */
export class MongoDeadLetterStore implements DeadLetterStore {
	readonly #letters: Model<DeadLetterDocument>;
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#letters = database.models.deadLetters;
		this.#retentionMs = retentionMs;
	}

	insert(letter: DeadLetter): Promise<void> {
		const expiresAt = new Date(letter.at.getTime() + this.#retentionMs);
		return insertOnce(this.#letters, {...toDocument(letter), body: packText(letter.body), expiresAt});
	}

	async list(limit: number): Promise<readonly DeadLetter[]> {
		const query = this.#letters.find().sort({at: -1, _id: -1}).limit(limit);
		const documents = await withinDeadline(query.lean<DeadLetterDocument[]>());
		return documents.map(({_id, body, expiresAt: _, ...letter}) => ({id: _id, ...letter, body: unpackText(body)}));
	}
}
