import type {Model, QueryFilter} from 'mongoose';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import type {JobQuery, JobStore} from '../../domain/ports/job-store.ts';
import {toDocument, type JobDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Each try but the last met a job that had ended when it was looked for: this many mean that something is wrong. */
const MAX_TRIES = 100;

/** Jobs in MongoDB: one document each, moved by compare-and-set; a unique field holds the webhook while its job is under way. */
export class MongoJobStore implements JobStore {
	readonly #jobs: Model<JobDocument>;
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#jobs = database.models.jobs;
		this.#retentionMs = retentionMs;
	}

	async create(job: Job): Promise<Job> {
		const document = {...toDocument(job), underWay: job.webhookId, expiresAt: this.#expiry(job)};
		for (let tries = 0; tries < MAX_TRIES; tries++) {
			try {
				await withinDeadline(this.#jobs.insertMany([document], {lean: true}));
				return job;
			} catch (error) {
				if (!isDuplicateKey(error)) throw error;
			}
			const [other] = await this.#list({underWay: job.webhookId}, {_id: 1}, 1);
			if (other !== undefined) return other;
		}
		throw new StoreUnavailableError(`other jobs of the same webhook began and ended ${MAX_TRIES} times in between`);
	}

	async find(id: string): Promise<Job | undefined> {
		return (await this.#list({_id: id}, {_id: 1}, 1))[0];
	}

	list(userId: string, {limit, before, connectionIds}: JobQuery): Promise<readonly Job[]> {
		const filter: QueryFilter<JobDocument> = {
			userId,
			...(connectionIds !== undefined && {connectionId: {$in: connectionIds}}),
			...(before !== undefined && {
				createdAt: {$lte: before.createdAt},
				$or: [{createdAt: {$lt: before.createdAt}}, {_id: {$lt: before.id}}],
			}),
		};
		return this.#list(filter, {createdAt: -1, _id: -1}, limit);
	}

	async save(job: Job): Promise<Job | undefined> {
		const next = {...job, version: job.version + 1};
		const {state, total, done, failed, reason, startedAt, finishedAt, updatedAt, turn, version, work} = next;
		const changes = {state, total, done, failed, reason, startedAt, finishedAt, updatedAt, turn, version, work};
		const {matchedCount} = await withinDeadline(
			this.#jobs.updateOne(
				{_id: job.id, version: job.version},
				{$set: {...changes, expiresAt: this.#expiry(job)}, ...(isOver(job) && {$unset: {underWay: ''}})},
			),
		);
		return matchedCount === 1 ? next : undefined;
	}

	listStale(before: Date, limit: number): Promise<readonly Job[]> {
		return this.#list({underWay: {$exists: true}, updatedAt: {$lt: before}}, {updatedAt: 1}, limit);
	}

	async #list(
		filter: QueryFilter<JobDocument>,
		order: Readonly<Record<string, 1 | -1>>,
		limit: number,
	): Promise<readonly Job[]> {
		const query = this.#jobs.find(filter).sort(order).limit(limit);
		const documents = await withinDeadline(query.lean<JobDocument[]>());
		return documents.map(toJob);
	}

	#expiry({updatedAt}: Job): Date {
		return new Date(updatedAt.getTime() + this.#retentionMs);
	}
}

function toJob({_id, underWay: _underWay, expiresAt: _expiresAt, ...job}: JobDocument): Job {
	return {id: _id, ...job};
}
