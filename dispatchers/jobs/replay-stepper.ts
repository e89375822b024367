import type {Publisher} from '../../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import {ended, type Job, type JobWork} from '../../domain/jobs/job.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventMark, EventStore} from '../../domain/ports/event-store.ts';
import type {WebhookStore} from '../../domain/ports/webhook-store.ts';
import {runStartMs} from '../../domain/webhooks/delivery.ts';
import type {ReplaySelection} from '../../domain/webhooks/replay-selection.ts';
import {whyOff, type Webhook} from '../../domain/webhooks/webhook.ts';
import type {ReplayRuns} from './replay-runs.ts';

/** Deliveries of a job that nobody knows the end of, at most: an endpoint that is slow slows its replay down. */
const MAX_OUTSTANDING = 100;
/** For fewer places than these the events are not looked at. */
const WORTH_A_LOOK = MAX_OUTSTANDING / 10;

/** Events of one look: what they are about, without what they say. */
const PAGE_EVENTS = 200;

/** Ingestion has given up, or the broker has the event, so long after it was received. */
const PUBLISHING_MS = 5000;

/** Whoever takes an event from its queue has passed it on, or has seen to its row, within this (two seconds, see `SlowStarts`, and two batches). */
const PASSAGE_MS = 3000;

/** A queue that is behind is asked again after this. */
const ASK_AGAIN_MS = 10_000;

/** Deliveries under way are looked at this often … */
const LOOK_MS = 200;
/** … and ever less often once nothing has happened for so long: after a tenth of that time, in these limits. */
const IDLE_AFTER_MS = 2000;
const LONGEST_IDLE_MS = 60_000;

/** What an event passes until its delivery has a row. */
export interface WayToRows {
	/** Where first attempts begin, in any order, and where the events are logged. */
	readonly begin: readonly QueueDeclaration[];
	/** Where those begin that keep the order of a chat, once they are logged. */
	readonly ordered: readonly QueueDeclaration[];
	/** Where rows are written. */
	readonly outcomes: QueueDeclaration;
}

/** The job as a step leaves it, and when the next one makes sense. */
export interface Step {
	readonly job: Job;
	readonly waitMs: number;
}

/**
 * Takes a replay a small step further: first it waits until everything of its range was delivered for the first time or has a row, then it
 * counts, then it starts runs, so many at once. What a step decides on is saved before the next one does it: whoever goes on
 * after a crash does that again, which changes nothing.
 */
export class ReplayStepper {
	readonly #events: EventStore;
	readonly #webhooks: WebhookStore;
	readonly #selection: ReplaySelection;
	readonly #runs: ReplayRuns;
	readonly #publisher: Publisher;
	readonly #way: WayToRows;
	readonly #clock: Clock;

	/** @param options.way while one of its queues is behind, nothing counts as missed */
	constructor(options: {
		events: EventStore;
		webhooks: WebhookStore;
		selection: ReplaySelection;
		runs: ReplayRuns;
		publisher: Publisher;
		way: WayToRows;
		clock: Clock;
	}) {
		this.#events = options.events;
		this.#webhooks = options.webhooks;
		this.#selection = options.selection;
		this.#runs = options.runs;
		this.#publisher = options.publisher;
		this.#way = options.way;
		this.#clock = options.clock;
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} take the step again, from the same job */
	async step(job: Job): Promise<Step> {
		const webhook = await this.#webhooks.find(job.webhookId);
		if (webhook === undefined) {
			return this.#fail(job, 'the webhook was deleted');
		}
		if (!webhook.active) {
			return this.#fail(job, whyOff(webhook));
		}
		switch (job.state) {
			case 'queued':
				return this.#begin(job, webhook);
			case 'counting':
				return this.#count(job, webhook);
			default:
				return this.#run(job, webhook);
		}
	}

	/** An event that is on its way to its first attempt has no row, as one that was missed: so first its whole way has to be clear. */
	async #begin(job: Job, webhook: Webhook): Promise<Step> {
		const {rounds, askAtMs} = job.work.settling ?? {rounds: 0, askAtMs: job.to.getTime() + PUBLISHING_MS};
		const remainderMs = askAtMs - this.#clock.now();
		if (remainderMs > 0) {
			return {job, waitMs: remainderMs};
		}
		const queues = this.#roundsFor(webhook)[rounds];
		if (queues === undefined) {
			return {job: {...job, state: 'counting', startedAt: new Date(this.#clock.now())}, waitMs: 0};
		}
		const answers = await Promise.all(queues.map((queue) => this.#publisher.isWorkedOff(queue)));
		if (answers.includes(false)) {
			return {job, waitMs: ASK_AGAIN_MS};
		}
		const settling = {rounds: rounds + 1, askAtMs: this.#clock.now() + PASSAGE_MS};
		return {job: {...job, work: {...job.work, settling}}, waitMs: PASSAGE_MS};
	}

	/** Each is asked when what it gets from those before it has arrived. */
	#roundsFor({orderSwitchesMs}: Webhook): readonly (readonly QueueDeclaration[])[] {
		const {begin, ordered, outcomes} = this.#way;
		return orderSwitchesMs.length === 0 ? [begin, [outcomes]] : [begin, ordered, [outcomes]];
	}

	async #count(job: Job, webhook: Webhook): Promise<Step> {
		const {marks, work} = await this.#look(job);
		const counted = work.counted + (await this.#selection.of(marks, job, webhook)).length;
		if (!work.isAtEnd) {
			return {job: {...job, work: {...work, counted}}, waitMs: 0};
		}
		const now = this.#clock.now();
		const begun = {...work, counted, position: null, isAtEnd: false, runningSinceMs: now, progressedAtMs: now};
		return {job: {...job, state: 'running', total: counted, work: begun}, waitMs: 0};
	}

	/** Starts what was decided on, sees what became of what was started, and decides on more where there is room. */
	async #run(job: Job, webhook: Webhook): Promise<Step> {
		const {starting, outstanding} = job.work;
		const gone = await this.#runs.start(starting, job);
		const started = starting.filter((run) => !gone.has(run.eventId));
		const {delivered, failed, open} = await this.#runs.settle([...outstanding, ...started], job);
		const settled = {
			...job,
			done: job.done + delivered,
			failed: job.failed + failed + gone.size,
			work: {...job.work, starting: [], outstanding: open},
		};
		const hasMoved = starting.length + delivered + failed > 0;
		const isLooking = !job.work.isAtEnd && open.length <= MAX_OUTSTANDING - WORTH_A_LOOK;
		if (!hasMoved && !isLooking && open.length > 0) {
			return {job, waitMs: idleMs(this.#clock.now() - job.work.progressedAtMs)};
		}
		return this.#toStep(isLooking ? await this.#choose(settled, webhook) : settled);
	}

	/** As many as there is room for, of the next events of the range. */
	async #choose(job: Job, webhook: Webhook): Promise<Job> {
		const room = MAX_OUTSTANDING - job.work.outstanding.length;
		const {marks, work} = await this.#look(job);
		const found = await this.#selection.of(marks, job, webhook);
		const atMs = runStartMs('replay', this.#clock.now());
		const starting = found.slice(0, room).map((run) => ({...run, atMs}));
		const last = marks.find(({id}) => id === starting.at(-1)?.eventId);
		return found.length > room && last !== undefined
			? {...job, work: {...work, position: toPosition(last), isAtEnd: false, starting}}
			: {...job, work: {...work, starting}};
	}

	/** Something happened. */
	#toStep(job: Job): Step {
		const {starting, outstanding, isAtEnd} = job.work;
		const now = this.#clock.now();
		const made = job.done + job.failed;
		if (isAtEnd && starting.length === 0 && outstanding.length === 0) {
			// Some of what was counted may have come by another way meanwhile.
			return {job: ended({...job, total: made}, 'done', new Date(now)), waitMs: 0};
		}
		const known = made + starting.length + outstanding.length;
		const total = Math.max(job.total ?? 0, known);
		const goesOn = starting.length > 0 || (!isAtEnd && outstanding.length <= MAX_OUTSTANDING - WORTH_A_LOOK);
		return {job: {...job, total, work: {...job.work, progressedAtMs: now}}, waitMs: goesOn ? 0 : LOOK_MS};
	}

	/** The next events of the range, and the work as it is once they were looked at. */
	async #look({userId, from, to, work}: Job): Promise<{marks: readonly EventMark[]; work: JobWork}> {
		const marks = await this.#events.listReceived(userId, {from, to}, PAGE_EVENTS, work.position ?? undefined);
		const last = marks.at(-1);
		const position = last === undefined ? work.position : toPosition(last);
		return {marks, work: {...work, position, isAtEnd: marks.length < PAGE_EVENTS}};
	}

	#fail(job: Job, reason: string): Step {
		return {job: ended(job, 'failed', new Date(this.#clock.now()), reason), waitMs: 0};
	}
}

function toPosition({receivedAtMs, seq}: EventMark): JobWork['position'] {
	return {receivedAtMs, seq};
}

function idleMs(sinceMs: number): number {
	return sinceMs < IDLE_AFTER_MS ? LOOK_MS : Math.min(Math.max(sinceMs / 10, IDLE_AFTER_MS), LONGEST_IDLE_MS);
}
