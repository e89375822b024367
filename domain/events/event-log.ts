import {EventExpiredError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {EventFilter, EventStore, LoggedEvent} from '../ports/event-store.ts';
import type {Fanout} from '../ports/fanout.ts';
import type {Logger} from '../ports/logger.ts';
import {requireOwn} from '../require-own.ts';
import {Arrivals} from './arrivals.ts';
import type {UserArrivals} from './user-arrivals.ts';

/** Stands for the place before the oldest event that is kept. */
export const FROM_THE_BEGINNING = '0';

export interface PullRequest {
	/** The last event that the caller has, or `FROM_THE_BEGINNING`; absent = the newest page. */
	readonly after?: string;
	readonly limit: number;
	readonly filter: EventFilter;
	/** How long to wait for an event when there is none, milliseconds. */
	readonly waitMs: number;
	/** Ends the wait. */
	readonly signal: AbortSignal;
}

/** Events in the order of the log, and the event after which to go on: the last one that was looked at, whether it is among them or not. */
export interface Pulled {
	readonly events: readonly LoggedEvent[];
	/** Undefined while there is no event at all. */
	readonly next: string | undefined;
}

/** The log as tenants read it. */
export class EventLog implements AsyncDisposable {
	readonly #events: EventStore;
	readonly #arrivals: Arrivals;
	readonly #clock: Clock;

	constructor({events, fanout, clock, log}: {events: EventStore; fanout: Fanout; clock: Clock; log: Logger}) {
		this.#events = events;
		this.#arrivals = new Arrivals({fanout, events, clock, log});
		this.#clock = clock;
	}

	/** @throws {NotFoundError} @throws {ForbiddenError} */
	async get(userId: string, id: string): Promise<LoggedEvent> {
		return requireOwn(await this.#events.find(id), userId, 'event');
	}

	/**
	 * A page of a user's events, ascending; waits for the first of them if it may.
	 * @throws {EventExpiredError} the log has no such event of this user's to go on after
	 */
	async pull(userId: string, request: PullRequest): Promise<Pulled> {
		const {after, limit, filter, waitMs} = request;
		const position = after === undefined ? undefined : await this.#positionOf(userId, after);
		// Before the look, so that what comes in between is looked at again.
		const end = await this.#events.lastSeq(userId);
		const events =
			position === undefined
				? await this.#events.listNewest(userId, limit, filter)
				: await this.#events.listAfter(userId, position, limit, filter);
		if (events.length > 0 || waitMs === 0) {
			return this.#toPulled(userId, request, events, end);
		}
		const from = Math.max(position ?? 0, end);
		const pulled = await this.#arrivals.during(userId, (arrivals) => this.#wait(userId, request, from, arrivals));
		return pulled ?? this.#toPulled(userId, request, [], end);
	}

	/** Whoever waits is answered now. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#arrivals[Symbol.asyncDispose]();
	}

	/** @param position everything up to here was looked at */
	async #wait(userId: string, request: PullRequest, position: number, arrivals: UserArrivals): Promise<Pulled> {
		const {limit, filter, waitMs, signal} = request;
		const untilMs = this.#clock.now() + waitMs;
		let seen = position;
		for (;;) {
			const end = await arrivals.beyond(seen, untilMs - this.#clock.now(), signal);
			if (end === undefined) {
				return this.#toPulled(userId, request, [], seen);
			}
			const events = await this.#events.listAfter(userId, seen, limit, filter);
			if (events.length > 0) {
				return this.#toPulled(userId, request, events, end);
			}
			seen = end;
		}
	}

	/** @param end the end of the log before the look that found `events` */
	async #toPulled(userId: string, request: PullRequest, events: readonly LoggedEvent[], end: number): Promise<Pulled> {
		const {after, limit, filter} = request;
		const last = events.at(-1);
		const isNarrowed = filter.connectionIds !== undefined || filter.event !== undefined;
		if (!isNarrowed || events.length === limit || (last?.seq ?? 0) >= end) {
			return {events, next: last?.id ?? after};
		}
		// The next pull need not look again at what this one passed by.
		const [newest] = await this.#events.listAfter(userId, end - 1, 1);
		// Where it is not kept any more, the next one may have come since: nobody looked at that.
		return {events, next: (newest?.seq === end ? newest.id : last?.id) ?? after};
	}

	async #positionOf(userId: string, after: string): Promise<number> {
		if (after === FROM_THE_BEGINNING) {
			return 0;
		}
		const event = await this.#events.find(after);
		if (event?.userId !== userId) {
			throw new EventExpiredError('The event to go on after is not in the log (any more): start again with after=0');
		}
		return event.seq;
	}
}
