import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {DEFAULT_CONCURRENCY} from '../../domain/webhooks/webhook.ts';
import type {Admission, Entrant, Priority} from './admission.ts';
import {Breaker} from './breaker.ts';
import {WaitingLine} from './waiting-line.ts';

/** How much of one webhook a process works on at once. */
export interface LaneSettings {
	/** Attempts under way at once. */
	readonly concurrency: number;
	/** Deliveries that wait in memory for one of those places, at least; a fast lane keeps as many as it works off in a second. */
	readonly queueLength: number;
}

export const DEFAULT_LANE: LaneSettings = {concurrency: DEFAULT_CONCURRENCY, queueLength: 20};

/** What is parked comes back after this at the earliest … */
const SHORTEST_PARK_MS = 5000;
/** … and after this at the latest. */
const LONGEST_PARK_MS = 30 * 60_000;

const SECOND_MS = 1000;

/**
 * What only meets an open breaker, or a lane full of attempts that hang, stays away longer each time, like a delivery that fails, and in
 * the end comes back twice an hour: a hundred thousand deliveries for a dead endpoint are 56 messages a second. Each wait is one level of
 * the broker's, so one message.
 */
const SPARING_PARKS_MS = [5, 10, 20, 40, 80, 300].map((seconds) => seconds * SECOND_MS);

/** Whatever would have to wait longer for its turn, by the lane's pace or its rate, waits in the broker. */
const LONGEST_WAIT_MS = 1000;

/** An attempt that takes longer makes its lane a slow one. */
const SLOW_AFTER_MS = 1000;

/**
 * Nothing waits in memory for longer: the broker wants every message back within half an hour, and the second net takes for lost what is
 * ten minutes late.
 */
const LONGEST_STAY_MS = 5 * 60_000;

/** How long an attempt takes, as long as nobody knows. */
const FIRST_GUESS_MS = 20;

/** The weight of the newest attempt in the smoothed duration. */
const DURATION_WEIGHT = 0.1;

/** The background has up to this share of a lane's places, but one at least … */
const BACKGROUND_SHARE = 0.5;
/** … and one of so many where live deliveries would take them all. */
const BACKGROUND_TURN = 10;

const PRIORITIES = ['live', 'background'] as const satisfies Priority[];

/**
 * The attempts of one webhook in this process: a bounded number at once, a short queue, and a breaker. What does not fit is parked: it
 * waits in the broker, for about as long as the lane needs for what was parked before it. With a rate, attempts begin one after the
 * other at equal distances, never in bursts. The background has a queue of its own and gets what live deliveries leave: half of the places
 * at most, and every tenth one where they leave none.
 */
export class Lane {
	/** May change at any time: what is under way goes on. */
	concurrency: number;
	/** Attempts that begin in a second; null = as many as there are. */
	ratePerSecond: number | null = null;
	readonly #shortestQueue: number;
	readonly #breaker = new Breaker();
	readonly #waiting = {live: new WaitingLine(), background: new WaitingLine()} as const satisfies Record<
		Priority,
		WaitingLine
	>;
	/** Attempts under way, oldest first. */
	readonly #running = new Set<{readonly atMs: number}>();
	/** Places that are promised to those who have not begun yet. */
	#promised = 0;
	/** Places that are promised to the background, or taken by it. */
	#inBackground = 0;
	/** Places that live deliveries got since the background had one. */
	#liveInARow = 0;
	#durationMs = FIRST_GUESS_MS;
	/** When the delivery that was parked last is due. */
	readonly #lastSlotMs: Record<Priority, number> = {live: 0, background: 0};
	/** The rate lets the next attempt begin at this time. */
	#nextStartMs = 0;

	constructor({concurrency, queueLength}: LaneSettings = DEFAULT_LANE) {
		this.concurrency = concurrency;
		this.#shortestQueue = queueLength;
	}

	/** Nothing is under way and nothing is remembered that matters. */
	isIdle(nowMs: number): boolean {
		const slotMs = Math.max(this.#lastSlotMs.live, this.#lastSlotMs.background);
		const remembers = slotMs > nowMs || this.#nextStartMs > nowMs || !this.#breaker.isFresh(nowMs);
		return this.#taken === 0 && this.#waitingCount === 0 && !remembers;
	}

	/**
	 * Asks for a place.
	 * @param isPressed the process holds nearly all that it may: a slow lane takes no more into memory
	 */
	enter(
		nowMs: number,
		isPressed: boolean,
		{parked = 0, priority = 'live', signal}: Entrant = {},
	): Promise<Admission> | Admission {
		if (signal?.aborted === true) {
			return {kind: 'return'};
		}
		if (this.#isOverRate(nowMs, priority)) {
			return this.#park(nowMs, priority);
		}
		if (this.#taken < this.concurrency && (priority === 'live' || this.#hasRoomBehindLive(nowMs))) {
			return this.#admit(nowMs, priority, parked);
		}
		const waiting = this.#waiting[priority];
		if (waiting.length >= this.#queueLength || (isPressed && this.#isSlow(nowMs))) {
			return this.#turnAway(nowMs, priority, parked);
		}
		return new Promise((admit) => {
			waiting.add({admit, parked, sinceMs: nowMs, signal});
		});
	}

	/**
	 * Makes an attempt that was admitted and gives its place to the next.
	 * @param work.isAlive whether the endpoint behaved like one that works; undefined = it was not asked
	 * @param work.signal ends the wait for the rate: `attempt` begins at once, and should see why
	 */
	async run<T>(
		{isProbe, startAtMs, priority}: Extract<Admission, {kind: 'run'}>,
		{
			clock,
			attempt,
			isAlive,
			signal,
		}: {
			clock: Clock;
			attempt: () => Promise<T>;
			isAlive: (result: T) => boolean | undefined;
			signal?: AbortSignal | undefined;
		},
	): Promise<T> {
		if (startAtMs > clock.now()) await pause(clock, startAtMs - clock.now(), signal);
		const running = {atMs: clock.now()};
		this.#promised--;
		this.#running.add(running);
		try {
			const result = await attempt();
			const alive = isAlive(result);
			if (alive === undefined) {
				this.#breaker.forget(isProbe);
			} else {
				this.#durationMs += (clock.now() - running.atMs - this.#durationMs) * DURATION_WEIGHT;
				this.#record(alive, isProbe, clock.now());
			}
			return result;
		} catch (error) {
			this.#breaker.forget(isProbe);
			throw error;
		} finally {
			this.#running.delete(running);
			if (priority === 'background') this.#inBackground--;
			this.#admitWaiting(clock.now());
		}
	}

	/** Deliveries that wait in memory for an endpoint that is slow; 0 when it is not. */
	waitingForSlow(nowMs: number): number {
		return this.#isSlow(nowMs) ? this.#waitingCount : 0;
	}

	/** Parks up to so many of those who wait in memory, the last ones first: the process needs the room. */
	relieve(nowMs: number, count: number): void {
		for (const priority of ['background', 'live'] as const) {
			const parked = this.#waiting[priority].takeLast(count);
			for (const {admit, parked: times} of parked) admit(this.#turnAway(nowMs, priority, times));
			count -= parked.length;
		}
	}

	/** Gives back what waits in memory on behalf of somebody who ends. */
	dismiss(signal: AbortSignal): void {
		for (const priority of PRIORITIES) {
			for (const {admit} of this.#waiting[priority].takeOf(signal)) admit({kind: 'return'});
		}
	}

	get #taken(): number {
		return this.#running.size + this.#promised;
	}

	get #waitingCount(): number {
		return this.#waiting.live.length + this.#waiting.background.length;
	}

	/** Between the beginnings of two attempts, by the rate. */
	get #spacingMs(): number {
		return this.ratePerSecond === null ? 0 : SECOND_MS / this.ratePerSecond;
	}

	/** Between two completions of a lane that is full. */
	get #intervalMs(): number {
		return Math.max(this.#durationMs / this.concurrency, this.#spacingMs);
	}

	get #queueLength(): number {
		return Math.max(this.#shortestQueue, Math.floor(LONGEST_WAIT_MS / Math.max(this.#intervalMs, 1)));
	}

	/** Behind all that come before it here, the rate would let it begin in more than a second. */
	#isOverRate(nowMs: number, priority: Priority): boolean {
		if (this.ratePerSecond === null) {
			return false;
		}
		const before = priority === 'live' ? this.#waiting.live.length : this.#waitingCount;
		const startAtMs = Math.max(nowMs, this.#nextStartMs) + before * this.#spacingMs;
		return startAtMs - nowMs > LONGEST_WAIT_MS;
	}

	/** For the background: no live delivery waits, for a place or for the rate; or so many went before that it is its turn. */
	#hasRoomBehindLive(nowMs: number): boolean {
		if (this.#inBackground >= Math.max(1, Math.floor(this.concurrency * BACKGROUND_SHARE))) {
			return false;
		}
		if (this.#liveInARow >= BACKGROUND_TURN - 1) {
			return true;
		}
		const isRateFree = this.#taken === 0 || this.#nextStartMs - nowMs <= this.#spacingMs;
		return this.#waiting.live.length === 0 && isRateFree;
	}

	#record(isAlive: boolean, isProbe: boolean, nowMs: number): void {
		// It is back: what is parked from now on need not wait for those that were parked meanwhile.
		if (isAlive && isProbe) {
			this.#lastSlotMs.live = 0;
			this.#lastSlotMs.background = 0;
			this.#durationMs = FIRST_GUESS_MS;
		}
		this.#breaker.record(isAlive, isProbe, nowMs, this.concurrency);
	}

	/** An open breaker sends it away. */
	#admit(nowMs: number, priority: Priority, parked: number): Admission {
		const passage = this.#breaker.ask(nowMs);
		if (!passage.pass) {
			return this.#park(nowMs, priority, Math.max(passage.untilMs, nowMs + sparingParkMs(parked)));
		}
		this.#promised++;
		if (priority === 'background') this.#inBackground++;
		this.#liveInARow = priority === 'background' ? 0 : this.#liveInARow + 1;
		return {kind: 'run', isProbe: passage.isProbe, startAtMs: this.#takeStart(nowMs), priority};
	}

	#takeStart(nowMs: number): number {
		if (this.ratePerSecond === null) {
			return nowMs;
		}
		const startAtMs = Math.max(nowMs, this.#nextStartMs);
		this.#nextStartMs = startAtMs + this.#spacingMs;
		return startAtMs;
	}

	/** Gives free places to those who wait; an open breaker sends them all away. */
	#admitWaiting(nowMs: number): void {
		this.#parkLate(nowMs);
		while (this.#taken < this.concurrency) {
			const isBackgroundNext = this.#waiting.background.length > 0 && this.#hasRoomBehindLive(nowMs);
			const priority = isBackgroundNext ? 'background' : 'live';
			const next = this.#waiting[priority].takeNext();
			if (next === undefined) return;
			next.admit(this.#admit(nowMs, priority, next.parked));
		}
	}

	/** Looked for often enough: an attempt ends within half a minute (`LONGEST_TIMEOUT_MS`). */
	#parkLate(nowMs: number): void {
		for (const priority of PRIORITIES) {
			const late = this.#waiting[priority].takeFrom(nowMs - LONGEST_STAY_MS);
			for (const {admit, parked} of late) admit(this.#turnAway(nowMs, priority, parked));
		}
	}

	#isSlow(nowMs: number): boolean {
		const [oldest] = this.#running;
		return oldest !== undefined && nowMs - oldest.atMs > SLOW_AFTER_MS;
	}

	/** There is no room; where attempts hang, there will hardly be any soon. */
	#turnAway(nowMs: number, priority: Priority, parked: number): Admission {
		return this.#park(nowMs, priority, this.#isSlow(nowMs) ? nowMs + sparingParkMs(parked) : 0);
	}

	/** Each comes back when the lane has had time for those before it. */
	#park(nowMs: number, priority: Priority, notBeforeMs = 0): Admission {
		const longestMs = nowMs + LONGEST_PARK_MS;
		const nextSlotMs = Math.max(nowMs + SHORTEST_PARK_MS, this.#lastSlotMs[priority] + this.#intervalMs);
		const slotMs = Math.min(nextSlotMs, longestMs);
		this.#lastSlotMs[priority] = slotMs;
		return {kind: 'park', untilMs: Math.round(Math.min(Math.max(slotMs, notBeforeMs), longestMs))};
	}
}

/** @param parked how often it was parked before */
function sparingParkMs(parked: number): number {
	return SPARING_PARKS_MS[parked] ?? LONGEST_PARK_MS;
}
