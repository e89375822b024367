import type {Model} from 'mongoose';
import type {Page} from '../../domain/ports/page.ts';
import type {TokenStore} from '../../domain/ports/token-store.ts';
import type {ApiToken} from '../../domain/tokens/token.ts';
import {toDocument, type TokenDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {positionedAfter} from './positioned-after.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** API tokens (their hashes) in MongoDB. */
export class MongoTokenStore implements TokenStore {
	readonly #tokens: Model<TokenDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#tokens = database.models.tokens;
	}

	async insert(token: ApiToken): Promise<void> {
		try {
			await withinDeadline(this.#tokens.insertMany([toDocument(token)], {lean: true}));
		} catch (error) {
			if (!isDuplicateKey(error)) throw error;
		}
	}

	findByHash(hash: string): Promise<ApiToken | undefined> {
		return this.#findOne({hash});
	}

	find(id: string): Promise<ApiToken | undefined> {
		return this.#findOne({_id: id});
	}

	async listActive(userId: string, {limit, after}: Page): Promise<readonly ApiToken[]> {
		const query = this.#tokens.find({userId, active: true, ...positionedAfter(after)});
		const documents = await withinDeadline(query.sort({createdAt: 1, _id: 1}).limit(limit).lean<TokenDocument[]>());
		return documents.map(toToken);
	}

	async revoke(id: string): Promise<void> {
		await withinDeadline(this.#tokens.updateOne({_id: id}, {$set: {active: false}}));
	}

	async touch(id: string, at: Date): Promise<void> {
		await withinDeadline(this.#tokens.updateOne({_id: id}, {$max: {lastUsedAt: at}}));
	}

	async #findOne(filter: Partial<TokenDocument>): Promise<ApiToken | undefined> {
		const document = await withinDeadline(this.#tokens.findOne(filter).lean<TokenDocument | null>());
		return document === null ? undefined : toToken(document);
	}
}

/** Tokens from before there were restrictions have none. */
function toToken({_id, scopes = null, connectionIds = null, ...token}: TokenDocument): ApiToken {
	return {id: _id, ...token, scopes, connectionIds};
}
