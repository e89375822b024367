import type {Model, QueryFilter} from 'mongoose';
import type {WebhookChanges, WebhookStore} from '../../domain/ports/webhook-store.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {fromDocument, toDocument, type WebhookDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {withinDeadline} from './within-deadline.ts';

/** Webhooks in MongoDB. */
export class MongoWebhookStore implements WebhookStore {
	readonly #webhooks: Model<WebhookDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#webhooks = database.models.webhooks;
	}

	insert(webhook: Webhook): Promise<void> {
		return insertOnce(this.#webhooks, toDocument(webhook));
	}

	async find(id: string): Promise<Webhook | undefined> {
		const query = this.#webhooks.findOne({_id: id, deletedAt: null});
		const document = await withinDeadline(query.lean<WebhookDocument | null>());
		return document === null ? undefined : fromDocument<Webhook>(document);
	}

	listByConnection(connectionId: string): Promise<readonly Webhook[]> {
		return this.#list({connectionId});
	}

	listForEvent(userId: string, connectionId: string | null): Promise<readonly Webhook[]> {
		return this.#list({userId, connectionId: {$in: [connectionId, null]}});
	}

	async update(id: string, changes: WebhookChanges, at: Date): Promise<Webhook | undefined> {
		const cleared = changes.active === true ? {disabledReason: null, disabledAt: null} : {};
		const query = this.#webhooks.findOneAndUpdate(
			{_id: id, deletedAt: null},
			{$set: {...changes, ...cleared, updatedAt: at}},
			{returnDocument: 'after'},
		);
		const document = await withinDeadline(query.lean<WebhookDocument | null>());
		return document === null ? undefined : fromDocument<Webhook>(document);
	}

	async disable(id: string, reason: string, at: Date): Promise<boolean> {
		const {matchedCount} = await withinDeadline(
			this.#webhooks.updateOne(
				{_id: id, active: true, deletedAt: null},
				{$set: {active: false, disabledReason: reason, disabledAt: at, updatedAt: at}},
			),
		);
		return matchedCount === 1;
	}

	async markDeleted(id: string, at: Date): Promise<void> {
		await withinDeadline(this.#webhooks.updateOne({_id: id, deletedAt: null}, {$set: {deletedAt: at, updatedAt: at}}));
	}

	async #list(filter: QueryFilter<WebhookDocument>): Promise<readonly Webhook[]> {
		const query = this.#webhooks.find({...filter, deletedAt: null}).sort({createdAt: 1, _id: 1});
		const documents = await withinDeadline(query.lean<WebhookDocument[]>());
		return documents.map((document) => fromDocument<Webhook>(document));
	}
}
