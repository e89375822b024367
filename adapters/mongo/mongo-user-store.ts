import type {Model} from 'mongoose';
import type {Page} from '../../domain/ports/page.ts';
import type {UserStore} from '../../domain/ports/user-store.ts';
import type {User} from '../../domain/tokens/token.ts';
import {fromDocument, toDocument, type UserDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {positionedAfter} from './positioned-after.ts';
import {withinDeadline} from './within-deadline.ts';

/** Users in MongoDB. */
export class MongoUserStore implements UserStore {
	readonly #users: Model<UserDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#users = database.models.users;
	}

	insert(user: User): Promise<void> {
		return insertOnce(this.#users, toDocument(user));
	}

	async find(id: string): Promise<User | undefined> {
		const document = await withinDeadline(this.#users.findById(id).lean<UserDocument | null>());
		return document === null ? undefined : fromDocument<User>(document);
	}

	async hasAdmin(): Promise<boolean> {
		return (await withinDeadline(this.#users.exists({isAdmin: true}))) !== null;
	}

	async list({limit, after}: Page): Promise<readonly User[]> {
		const query = this.#users.find(positionedAfter(after)).sort({createdAt: 1, _id: 1}).limit(limit);
		const documents = await withinDeadline(query.lean<UserDocument[]>());
		return documents.map((document) => fromDocument<User>(document));
	}

	async setDisabled(id: string, disabled: boolean): Promise<User | undefined> {
		const query = this.#users.findOneAndUpdate({_id: id}, {$set: {disabled}}, {returnDocument: 'after'});
		const document = await withinDeadline(query.lean<UserDocument | null>());
		return document === null ? undefined : fromDocument<User>(document);
	}
}
