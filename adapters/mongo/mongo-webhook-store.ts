import type {Model, QueryFilter} from 'mongoose';
import type {Page} from '../../domain/ports/page.ts';
import type {SecretRotation, WebhookChanges, WebhookStore} from '../../domain/ports/webhook-store.ts';
import {isNewStart, NO_FAILURES} from '../../domain/webhooks/failures.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {toDocument, type WebhookDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {positionedAfter} from './positioned-after.ts';
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
		return document === null ? undefined : toWebhook(document);
	}

	listByConnection(connectionId: string, page: Page): Promise<readonly Webhook[]> {
		return this.#list({connectionId}, page);
	}

	listByUser(userId: string, page: Page): Promise<readonly Webhook[]> {
		return this.#list({userId}, page);
	}

	listForEvent(userId: string, connectionId: string | null): Promise<readonly Webhook[]> {
		return this.#list({userId, connectionId: {$in: [connectionId, null]}});
	}

	async listSome(limit: number): Promise<readonly Webhook[]> {
		const query = this.#webhooks.find({deletedAt: null}).limit(limit);
		return (await withinDeadline(query.lean<WebhookDocument[]>())).map(toWebhook);
	}

	update(id: string, changes: WebhookChanges, at: Date): Promise<Webhook | undefined> {
		const cleared = {
			...(changes.active === true && {disabledReason: null, disabledAt: null}),
			...(isNewStart(changes) && NO_FAILURES),
		};
		return this.#change({_id: id}, {...changes, ...cleared, updatedAt: at});
	}

	rotateSecret(id: string, {from, to, previous}: SecretRotation, at: Date): Promise<Webhook | undefined> {
		const changes = {...NO_FAILURES, sealedSecret: to, previousSecret: previous, updatedAt: at};
		return this.#change({_id: id, sealedSecret: from}, changes);
	}

	/** Two steps, of which one fits: between them another process may have noted a failure, which is as good. */
	async noteFailure(id: string, at: Date, quietSince: Date): Promise<Webhook | undefined> {
		const concerned = {_id: id, active: true, deletedAt: null, updatedAt: {$lte: at}};
		const begun = await this.#change(
			{...concerned, $or: [{failingSince: null}, {lastFailureAt: {$lt: quietSince}}]},
			{failingSince: at, lastFailureAt: at},
		);
		if (begun !== undefined) return begun;
		const query = this.#webhooks.findOneAndUpdate(concerned, {$max: {lastFailureAt: at}}, {returnDocument: 'after'});
		const document = await withinDeadline(query.lean<WebhookDocument | null>());
		return document === null ? undefined : toWebhook(document);
	}

	async forgetFailures(ids: readonly string[]): Promise<void> {
		await withinDeadline(this.#webhooks.updateMany({_id: {$in: ids}, failingSince: {$ne: null}}, {$set: NO_FAILURES}));
	}

	async disable(id: string, reason: string, at: Date): Promise<boolean> {
		const {matchedCount} = await withinDeadline(
			this.#webhooks.updateOne(
				{_id: id, active: true, deletedAt: null, updatedAt: {$lte: at}},
				{$set: {active: false, disabledReason: reason, disabledAt: at, updatedAt: at}},
			),
		);
		return matchedCount === 1;
	}

	async markDeleted(id: string, at: Date): Promise<void> {
		await withinDeadline(this.#webhooks.updateOne({_id: id, deletedAt: null}, {$set: {deletedAt: at, updatedAt: at}}));
	}

	async #change(filter: QueryFilter<WebhookDocument>, changes: Partial<Webhook>): Promise<Webhook | undefined> {
		const query = this.#webhooks.findOneAndUpdate(
			{...filter, deletedAt: null},
			{$set: changes},
			{returnDocument: 'after'},
		);
		const document = await withinDeadline(query.lean<WebhookDocument | null>());
		return document === null ? undefined : toWebhook(document);
	}

	/** Oldest first. @param page default: all of them */
	async #list(filter: QueryFilter<WebhookDocument>, page?: Page): Promise<readonly Webhook[]> {
		const query = this.#webhooks.find({...filter, deletedAt: null, ...positionedAfter(page?.after)});
		const inOrder = query.sort({createdAt: 1, _id: 1}).limit(page?.limit ?? 0);
		const documents = await withinDeadline(inOrder.lean<WebhookDocument[]>());
		return documents.map(toWebhook);
	}
}

/** Webhooks from before there were these options have none of them. */
function toWebhook({_id, ...webhook}: WebhookDocument): Webhook {
	const {sealedHeaders = null, filter = null, ratePerSecond = null, concurrency = null} = webhook;
	const {orderSwitchesMs = [], failingSince = null, lastFailureAt = null} = webhook;
	return {
		id: _id,
		...webhook,
		sealedHeaders,
		filter,
		ratePerSecond,
		concurrency,
		orderSwitchesMs,
		failingSince,
		lastFailureAt,
	};
}
