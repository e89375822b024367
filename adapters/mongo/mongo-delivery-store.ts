import type {AnyBulkWriteOperation, Model} from 'mongoose';
import type {DeliveryQuery, DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {
	attemptId,
	deliveryAfter,
	FINAL_STATES,
	isFurther,
	progressOf,
	triedOf,
	type Delivery,
	type Outcome,
} from '../../domain/webhooks/delivery.ts';
import {toDocument, type AttemptDocument, type DeliveryDocument} from './documents.ts';
import {LONG_AGO} from './models.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {refusedAsDuplicates} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/**
 * Each lot has a deadline of its own. What missed it is written already, and repeats cost a database many times what new rows do: a
 * large batch that was late once would be late each time.
 */
const OUTCOMES_AT_ONCE = 100;

/** Where a delivery stands after a batch, its last attempt, and when it was first due as far as the batch knows. */
interface Step {
	readonly outcome: Outcome;
	readonly lastTry: Outcome;
	readonly firstAtMs: number;
}

type Move = AnyBulkWriteOperation<DeliveryDocument>;

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
		for (let from = 0; from < outcomes.length; from += OUTCOMES_AT_ONCE) {
			const some = outcomes.slice(from, from + OUTCOMES_AT_ONCE);
			await Promise.all([this.#addAttempts(some), this.#moveForward(furthestSteps(some))]);
		}
	}

	async startRun(queued: Outcome): Promise<boolean> {
		if (queued.run === 1) {
			const row = this.#toRow({outcome: queued, lastTry: queued, firstAtMs: queued.firstAtMs});
			return (await duplicatesOf(this.#deliveries.insertMany([row], {ordered: false, lean: true}))).size === 0;
		}
		const {run, attempts, state, updatedAt, deliveredAt, nextAttemptAt, reason} = deliveryAfter(queued);
		const {modifiedCount} = await withinDeadline(
			this.#deliveries.updateOne(
				{_id: queued.deliveryId, run: run - 1, state: {$in: FINAL_STATES}},
				{
					$set: {
						...{run, attempts, state, updatedAt, deliveredAt, nextAttemptAt, reason},
						progress: progressOf(queued),
						expiresAt: this.#expiry(queued),
					},
				},
			),
		);
		return modifiedCount === 1;
	}

	async find(id: string): Promise<Delivery | undefined> {
		const document = await withinDeadline(this.#deliveries.findById(id).lean<DeliveryDocument | null>());
		return document === null ? undefined : toDelivery(document);
	}

	async findMany(ids: readonly string[]): Promise<readonly Delivery[]> {
		const documents = await withinDeadline(this.#deliveries.find({_id: {$in: ids}}).lean<DeliveryDocument[]>());
		return documents.map(toDelivery);
	}

	async listByWebhook(webhookId: string, {limit, before, ...filter}: DeliveryQuery): Promise<readonly Delivery[]> {
		const {states, event, from, to} = filter;
		const createdAt = {
			...(from !== undefined && {$gte: from}),
			...(to !== undefined && {$lt: to}),
			...(before !== undefined && {$lte: before.createdAt}),
		};
		const query = this.#deliveries.find({
			webhookId,
			...(states !== undefined && {state: {$in: states}}),
			...(event !== undefined && {event}),
			...(Object.keys(createdAt).length > 0 && {createdAt}),
			...(before !== undefined && {$or: [{createdAt: {$lt: before.createdAt}}, {_id: {$lt: before.id}}]}),
		});
		const documents = await withinDeadline(
			query.sort({createdAt: -1, _id: -1}).limit(limit).lean<DeliveryDocument[]>(),
		);
		return documents.map(toDelivery);
	}

	async listOverdue(before: Date, limit: number): Promise<readonly Delivery[]> {
		// In the words of the index, which has only what waits.
		const query = this.#deliveries.find({nextAttemptAt: {$gt: LONG_AGO, $lt: before}}).sort({nextAttemptAt: 1});
		const documents = await withinDeadline(query.limit(limit).lean<DeliveryDocument[]>());
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

	#toRow({outcome, lastTry, firstAtMs}: Step): Required<DeliveryDocument> {
		const {lastStatus, lastError} = deliveryAfter(lastTry);
		return {
			...toDocument({...deliveryAfter(outcome), createdAt: new Date(firstAtMs)}),
			...{lastStatus, lastError},
			progress: progressOf(outcome),
			tried: triedOf(lastTry),
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
		const known = steps.get(outcome.deliveryId) ?? {outcome, lastTry: outcome, firstAtMs: Infinity};
		steps.set(outcome.deliveryId, {
			outcome: isFurther(outcome, known.outcome) ? outcome : known.outcome,
			lastTry: triedOf(outcome) > triedOf(known.lastTry) ? outcome : known.lastTry,
			firstAtMs: Math.min(known.firstAtMs, outcome.firstAtMs),
		});
	}
	return [...steps.values()];
}

/** Forward only (`isFurther`); when a delivery was first due is the earliest that any step says, late ones included. */
function toMoves({_id, createdAt, tried, lastStatus, lastError, ...row}: Required<DeliveryDocument>): readonly Move[] {
	const {progress, nextAttemptAt} = row;
	const dueEarlier = [{nextAttemptAt: null}, {nextAttemptAt: {$lt: nextAttemptAt}}];
	const behind = [
		{progress: {$lt: progress}},
		...(nextAttemptAt === null ? [] : dueEarlier.map((earlier) => ({progress, ...earlier}))),
	];
	const moves: Move[] = [
		{updateOne: {filter: {_id, $or: behind}, update: {$set: row}}},
		{updateOne: {filter: {_id}, update: {$min: {createdAt}}}},
	];
	if (tried > 0) {
		// Also where an earlier version wrote nothing of it.
		const filter = {_id, tried: {$not: {$gte: tried}}};
		moves.push({updateOne: {filter, update: {$set: {tried, lastStatus, lastError}}}});
	}
	return moves;
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

function toDelivery({
	_id,
	progress: _progress,
	tried: _tried,
	expiresAt: _expiresAt,
	...delivery
}: DeliveryDocument): Delivery {
	return {id: _id, ...delivery};
}

function toOutcome({_id, expiresAt: _, ...outcome}: AttemptDocument): Outcome {
	return outcome;
}
