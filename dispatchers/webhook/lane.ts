import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {DEFAULT_CONCURRENCY} from '../../domain/webhooks/webhook.ts';
import {Breaker, type Passage} from './breaker.ts';

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

/** Whatever would have to wait longer for its turn, by the lane's pace or its rate, waits in the broker. */
const LONGEST_WAIT_MS = 1000;

/** An attempt that takes longer makes its lane a slow one. */
const SLOW_AFTER_MS = 1000;

/** How long an attempt takes, as long as nobody knows. */
const FIRST_GUESS_MS = 20;

/** The weight of the newest attempt in the smoothed duration. */
const DURATION_WEIGHT = 0.1;

/** Make the attempt (by `run`, which begins it when its time has come), or let the delivery wait in the broker. */
export type Admission =
	| {readonly kind: 'run'; readonly isProbe: boolean; readonly startAtMs: number}
	| {readonly kind: 'park'; readonly untilMs: number};

/**
 * The attempts of one webhook in this process: a bounded number at once, a short queue, and a breaker. What does not fit is parked: it
 * waits in the broker, for about as long as the lane needs for what was parked before it. With a rate, attempts begin one after the
 * other at equal distances, never in bursts.
 */
export class Lane {
	/** May change at any time: what is under way goes on. */
	concurrency: number;
	/** Attempts that begin in a second; null = as many as there are. */
	ratePerSecond: number | null = null;
	readonly #shortestQueue: number;
	readonly #breaker = new Breaker();
	readonly #waiting: ((admission: Admission) => void)[] = [];
	/** Attempts under way, oldest first. */
	readonly #running = new Set<{readonly atMs: number}>();
	/** Places that are promised to those who have not begun yet. */
	#promised = 0;
	#durationMs = FIRST_GUESS_MS;
	/** When the delivery that was parked last is due. */
	#lastSlotMs = 0;
	/** The rate lets the next attempt begin at this time. */
	#nextStartMs = 0;

	constructor({concurrency, queueLength}: LaneSettings = DEFAULT_LANE) {
		this.concurrency = concurrency;
		this.#shortestQueue = queueLength;
	}

	/** Nothing is under way and nothing is remembered that matters. */
	isIdle(nowMs: number): boolean {
		const remembers = this.#lastSlotMs > nowMs || this.#nextStartMs > nowMs || !this.#breaker.isFresh;
		return this.#taken === 0 && this.#waiting.length === 0 && !remembers;
	}

	/** Asks for a place. @param isPressed the process holds nearly all that it may: a slow lane takes no more into memory */
	enter(nowMs: number, isPressed: boolean): Promise<Admission> | Admission {
		if (this.#isOverRate(nowMs)) {
			return this.#park(nowMs);
		}
		if (this.#taken < this.concurrency) {
			return this.#admit(this.#breaker.ask(nowMs), nowMs);
		}
		if (this.#waiting.length >= this.#queueLength || (isPressed && this.#isSlow(nowMs))) {
			return this.#park(nowMs);
		}
		return new Promise((admit) => {
			this.#waiting.push(admit);
		});
	}

	/**
	 * Makes an attempt that was admitted and gives its place to the next.
	 * @param isAlive whether the endpoint behaved like one that works
	 */
	async run<T>(
		{isProbe, startAtMs}: Extract<Admission, {kind: 'run'}>,
		{clock, attempt, isAlive}: {clock: Clock; attempt: () => Promise<T>; isAlive: (result: T) => boolean},
	): Promise<T> {
		if (startAtMs > clock.now()) await pause(clock, startAtMs - clock.now());
		const running = {atMs: clock.now()};
		this.#promised--;
		this.#running.add(running);
		try {
			const result = await attempt();
			this.#durationMs += (clock.now() - running.atMs - this.#durationMs) * DURATION_WEIGHT;
			this.#record(isAlive(result), isProbe, clock.now());
			return result;
		} catch (error) {
			this.#breaker.forget(isProbe);
			throw error;
		} finally {
			this.#running.delete(running);
			this.#admitWaiting(clock.now());
		}
	}

	/** Parks what waits in memory for a slow endpoint: the process needs the room. */
	relieve(nowMs: number): void {
		if (!this.#isSlow(nowMs)) return;
		for (const admit of this.#waiting.splice(0)) admit(this.#park(nowMs));
	}

	get #taken(): number {
		return this.#running.size + this.#promised;
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

	/** Behind all that wait here already, the rate would let it begin in more than a second. */
	#isOverRate(nowMs: number): boolean {
		if (this.ratePerSecond === null) {
			return false;
		}
		const startAtMs = Math.max(nowMs, this.#nextStartMs) + this.#waiting.length * this.#spacingMs;
		return startAtMs - nowMs > LONGEST_WAIT_MS;
	}

	#record(isAlive: boolean, isProbe: boolean, nowMs: number): void {
		// It is back: what is parked from now on need not wait for those that were parked meanwhile.
		if (isAlive && isProbe) {
			this.#lastSlotMs = 0;
			this.#durationMs = FIRST_GUESS_MS;
		}
		this.#breaker.record(isAlive, isProbe, nowMs, this.concurrency);
	}

	#admit(passage: Passage, nowMs: number): Admission {
		if (!passage.pass) {
			return this.#park(nowMs, passage.untilMs);
		}
		this.#promised++;
		return {kind: 'run', isProbe: passage.isProbe, startAtMs: this.#takeStart(nowMs)};
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
		while (this.#taken < this.concurrency) {
			const admit = this.#waiting.shift();
			if (admit === undefined) return;
			admit(this.#admit(this.#breaker.ask(nowMs), nowMs));
		}
	}

	#isSlow(nowMs: number): boolean {
		const [oldest] = this.#running;
		return oldest !== undefined && nowMs - oldest.atMs > SLOW_AFTER_MS;
	}

	/** Each comes back when the lane has had time for those before it. */
	#park(nowMs: number, notBeforeMs = 0): Admission {
		const slotMs = Math.max(nowMs + SHORTEST_PARK_MS, notBeforeMs, this.#lastSlotMs + this.#intervalMs);
		this.#lastSlotMs = Math.min(slotMs, nowMs + LONGEST_PARK_MS);
		return {kind: 'park', untilMs: Math.round(this.#lastSlotMs)};
	}
}
