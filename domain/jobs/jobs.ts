import {randomUUID} from 'node:crypto';
import type {Publisher} from '../broker/publisher.ts';
import {BrokerUnavailableError, ConflictError, ValidationError} from '../errors.ts';
import {isEventPattern} from '../events/vocabulary.ts';
import type {Clock} from '../ports/clock.ts';
import type {JobQuery, JobStore} from '../ports/job-store.ts';
import type {Logger} from '../ports/logger.ts';
import {requireOwn} from '../require-own.ts';
import type {Webhook} from '../webhooks/webhook.ts';
import {ended, expectedEnd, isOver, type Job, type ReplayStatus} from './job.ts';

/** Clocks of callers may be ahead by as much. */
const SKEW_MS = 60_000;

/** Whoever works on a job saves it some times a second: between two of those a cancellation finds its place. */
const CANCEL_TRIES = 100;

/** Which events a webhook is to get once more. */
export interface ReplayRequest {
	/** Received at this moment or later … */
	readonly from: Date;
	/** … and before this one; what is ahead of now counts as now. */
	readonly to: Date;
	/** Names as in a webhook's `events`; absent = whatever it wants. */
	readonly events?: readonly string[];
	/** Default `missed`. */
	readonly status?: ReplayStatus;
}

/** A job, and when it will be done if it goes on as it went so far; null while nobody can tell. */
export interface JobView {
	readonly job: Job;
	readonly eta: Date | null;
}

/** What tenants have done for them that takes long: replays of what a webhook missed. */
export class Jobs {
	readonly #store: JobStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor({store, publisher, clock, log}: {store: JobStore; publisher: Publisher; clock: Clock; log: Logger}) {
		this.#store = store;
		this.#publisher = publisher;
		this.#clock = clock;
		this.#log = log;
	}

	/**
	 * Begins a replay. With the broker away it begins some minutes later: the supervisor finds it.
	 * @throws {ValidationError} the range cannot be one, or an event name
	 * @throws {ConflictError} the webhook is off, or another replay of it is under way
	 */
	async replay(webhook: Webhook, request: ReplayRequest): Promise<JobView> {
		const now = this.#clock.now();
		const job = toJob(webhook, request, now);
		if (!webhook.active) {
			throw new ConflictError('The webhook is inactive: activate it first');
		}
		const stored = await this.#store.create(job);
		if (stored.id !== job.id) {
			throw new ConflictError(`A replay of this webhook is under way: job ${stored.id}`);
		}
		try {
			await this.#publisher.job({jobId: job.id, turn: job.turn});
		} catch (error) {
			if (!(error instanceof BrokerUnavailableError)) throw error;
			this.#log.warn({error, jobId: job.id}, 'job.publish.failed');
		}
		return this.view(stored);
	}

	/** @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<Job> {
		return requireOwn(await this.#store.find(id), userId, 'job');
	}

	/** Newest first. */
	async list(userId: string, query: JobQuery): Promise<readonly JobView[]> {
		return (await this.#store.list(userId, query)).map((job) => this.view(job));
	}

	/**
	 * Starts nothing more but what is being started at this moment, 25 runs at most; what was started goes on by itself. A job at its end stays as it is.
	 * @throws {ConflictError} it could not be caught between two steps
	 */
	async cancel(job: Job): Promise<JobView> {
		let current: Job | undefined = job;
		for (let tries = 0; tries < CANCEL_TRIES && current !== undefined; tries++) {
			if (isOver(current)) return this.view(current);
			const saved = await this.#store.save(ended(current, 'cancelled', new Date(this.#clock.now())));
			if (saved !== undefined) return this.view(saved);
			current = await this.#store.find(job.id);
		}
		throw new ConflictError('The job changes too fast at the moment: cancel it again');
	}

	view(job: Job): JobView {
		return {job, eta: expectedEnd(job, this.#clock.now()) ?? null};
	}
}

/** @throws {ValidationError} */
function toJob(webhook: Webhook, {from, to, events, status}: ReplayRequest, nowMs: number): Job {
	const faults = [
		...(from.getTime() < to.getTime() ? [] : ['from must be before to']),
		...(to.getTime() <= nowMs + SKEW_MS ? [] : ['to must not be in the future']),
		...(events ?? []).filter((name) => !isEventPattern(name)).map(eventFault),
	];
	if (faults.length > 0) {
		throw new ValidationError(faults);
	}
	const now = new Date(nowMs);
	return {
		id: randomUUID(),
		kind: 'replay',
		userId: webhook.userId,
		webhookId: webhook.id,
		connectionId: webhook.connectionId,
		from,
		to: new Date(Math.min(to.getTime(), nowMs)),
		events: events ?? null,
		status: status ?? 'missed',
		state: 'queued',
		total: null,
		done: 0,
		failed: 0,
		reason: null,
		createdAt: now,
		startedAt: null,
		finishedAt: null,
		updatedAt: now,
		turn: 1,
		version: 1,
		work: {
			position: null,
			isAtEnd: false,
			counted: 0,
			starting: [],
			outstanding: [],
			runningSinceMs: null,
			progressedAtMs: nowMs,
		},
	};
}

/** A webhook may name what there is not (yet); who asks for what was missed, and names it wrong, would get nothing and never learn why. */
function eventFault(name: string): string {
	return `events: "${name.slice(0, 80)}" is not an event name ([a-z0-9._], at most 64), nor the beginning of one and .*`;
}
