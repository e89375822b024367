import type {AnyBulkWriteOperation, Model, QueryFilter} from 'mongoose';
import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {ListPosition} from '../../domain/ports/page.ts';
import {attemptId, deliveryAfter, progressOf, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import {toDocument, type AttemptDocument, type DeliveryDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {refusedAsDuplicates} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Where a delivery stands after a batch, and when it was first due as far as the batch knows. */
interface Step {
	readonly outcome: Outcome;
	readonly firstAtMs: number;
}

/** Deliveries and their attempts in MongoDB. */
export class MongoDeliveryStore implements DeliveryStore {
	readonly #deliveries: Model<DeliveryDocument>;
	readonly #attempts: Model<AttemptDocument>;
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#deliveries = database.models.deliveries;
		this.#attempts = database.models.attempts;
		this.#retentionMs = retentionMs;
	}

	async record(outcomes: readonly Outcome[]): Promise<void> {
		await Promise.all([this.#addAttempts(outcomes), this.#moveForward(furthestSteps(outcomes))]);
	}

	async find(id: string): Promise<Delivery | undefined> {
		const document = await withinDeadline(this.#deliveries.findById(id).lean<DeliveryDocument | null>());
		return document === null ? undefined : toDelivery(document);
	}

	async listByWebhook(
		webhookId: string,
		{limit, before}: {readonly limit: number; readonly before?: ListPosition},
	): Promise<readonly Delivery[]> {
		const rest: QueryFilter<DeliveryDocument> =
			before === undefined
				? {}
				: {
						createdAt: {$lte: before.createdAt},
						$or: [{createdAt: {$lt: before.createdAt}}, {_id: {$lt: before.id}}],
					};
		const query = this.#deliveries
			.find({webhookId, ...rest})
			.sort({createdAt: -1, _id: -1})
			.limit(limit);
		const documents = await withinDeadline(query.lean<DeliveryDocument[]>());
		return documents.map(toDelivery);
	}

	async listAttempts(deliveryId: string): Promise<readonly Outcome[]> {
		const query = this.#attempts.find({deliveryId}).sort({run: 1, attempt: 1});
		const documents = await withinDeadline(query.lean<AttemptDocument[]>());
		return documents.map(toOutcome);
	}

	/** Each attempt once; what is there already stays as it is. */
	async #addAttempts(outcomes: readonly Outcome[]): Promise<void> {
		const attempts = outcomes
			.filter(({result, attempt}) => result !== undefined && attempt >= 1)
			.map((outcome) => ({...outcome, _id: attemptId(outcome), expiresAt: this.#expiry(outcome)}));
		if (attempts.length > 0) {
			await duplicatesOf(this.#attempts.insertMany(attempts, {ordered: false, lean: true}));
		}
	}

	/** Most deliveries are told of once, when their first attempt succeeded: so rows are inserted, and only those that exist are moved. */
	async #moveForward(steps: readonly Step[]): Promise<void> {
		if (steps.length === 0) {
			return;
		}
		const rows = steps.map((step) => this.#toRow(step));
		const existing = await duplicatesOf(this.#deliveries.insertMany(rows, {ordered: false, lean: true}));
		if (existing.size > 0) {
			const moves = rows.filter((_, index) => existing.has(index)).flatMap(toMoves);
			await withinDeadline(this.#deliveries.bulkWrite(moves, {ordered: false}));
		}
	}

	#toRow({outcome, firstAtMs}: Step): DeliveryDocument {
		return {
			...toDocument({...deliveryAfter(outcome), createdAt: new Date(firstAtMs)}),
			progress: progressOf(outcome),
			expiresAt: this.#expiry(outcome),
		};
	}

	#expiry({atMs}: Outcome): Date {
		return new Date(atMs + this.#retentionMs);
	}
}

/** The furthest step of each delivery. */
function furthestSteps(outcomes: readonly Outcome[]): readonly Step[] {
	const steps = new Map<string, Step>();
	for (const outcome of outcomes) {
		const known = steps.get(outcome.deliveryId);
		steps.set(outcome.deliveryId, {
			outcome: known !== undefined && progressOf(known.outcome) >= progressOf(outcome) ? known.outcome : outcome,
			firstAtMs: Math.min(known?.firstAtMs ?? Infinity, outcome.firstAtMs),
		});
	}
	return [...steps.values()];
}

/** Forward only; when a delivery was first due is the earliest that any step says, late ones included. */
function toMoves({_id, createdAt, ...row}: DeliveryDocument): AnyBulkWriteOperation<DeliveryDocument>[] {
	return [
		{updateOne: {filter: {_id, progress: {$lt: row.progress}}, update: {$set: row}}},
		{updateOne: {filter: {_id}, update: {$min: {createdAt}}}},
	];
}

/** Waits for an unordered batch. Resolves to the positions that a unique index refused. */
async function duplicatesOf(batch: PromiseLike<unknown>): Promise<ReadonlySet<number>> {
	try {
		await withinDeadline(batch);
		return new Set();
	} catch (error) {
		return refusedAsDuplicates(error);
	}
}

function toDelivery({_id, progress: _progress, expiresAt: _expiresAt, ...delivery}: DeliveryDocument): Delivery {
	return {id: _id, ...delivery};
}

function toOutcome({_id, expiresAt: _, ...outcome}: AttemptDocument): Outcome {
	return outcome;
}
