import {MemoryStore, type ClientRateLimitInfo, type Options, type Store} from 'express-rate-limit';
import {inTime} from '../../domain/in-time.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {RedisClient} from './redis-connection.ts';

/** A request waits no longer than this for Redis. */
const PATIENCE_MS = 200;
/** After a failure Redis is left alone for so long: not every request has to wait for what does not answer. */
const PAUSE_MS = 1000;

/**
 * Counts requests in fixed windows for all processes together. While Redis is away (or silent for longer than a request waits) each process counts for
 * itself: nobody gets less than the budget, and no request waits for it.
 */
export class RedisRateLimitStore implements Store {
	readonly localKeys = false;
	readonly #commands: RedisClient;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #prefix: string;
	readonly #patienceMs: number;
	/** By window; limits of different routes may share this store, but not their windows. */
	readonly #alone = new MemoryStore();
	#windowMs = 60_000;
	#resumeAtMs = 0;

	/**
	 * @param options.prefix starts the keys' names
	 * @param options.patienceMs how long a request waits for Redis; default 200
	 */
	constructor(options: {commands: RedisClient; clock: Clock; log: Logger; prefix: string; patienceMs?: number}) {
		this.#commands = options.commands;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#prefix = options.prefix;
		this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
	}

	init(options: Options): void {
		this.#windowMs = options.windowMs;
		this.#alone.init(options);
	}

	async increment(key: string): Promise<ClientRateLimitInfo> {
		if (this.#clock.now() >= this.#resumeAtMs) {
			try {
				return await inTime(this.#clock, this.#patienceMs, this.#count(key), () => this.#silence());
			} catch (error) {
				this.#resumeAtMs = this.#clock.now() + PAUSE_MS;
				this.#log.debug({error}, 'rateLimit.alone');
			}
		}
		return this.#alone.increment(key);
	}

	async decrement(key: string): Promise<void> {
		await this.#commands.decr(this.#keyOf(key));
	}

	async resetKey(key: string): Promise<void> {
		await Promise.all([this.#commands.del(this.#keyOf(key)), this.#alone.resetKey(key)]);
	}

	/** Ends the timer of this process's own windows. */
	shutdown(): void {
		this.#alone.shutdown();
	}

	/** One transaction: a window that begins here gets its end with its first request. */
	async #count(key: string): Promise<ClientRateLimitInfo> {
		const name = this.#keyOf(key);
		const [, hits, leftMs] = await this.#commands
			.multi()
			.set(name, '0', {condition: 'NX', expiration: {type: 'PX', value: this.#windowMs}})
			.incr(name)
			.pTTL(name)
			.exec();
		// Compared with `Date.now()` by whoever shows it: no clock of ours.
		return {totalHits: Number(hits), resetTime: new Date(Date.now() + Number(leftMs))};
	}

	#silence(): Error {
		return new Error(`Redis did not answer within ${this.#patienceMs} ms`);
	}

	#keyOf(key: string): string {
		return `${this.#prefix}:rate:${key}`;
	}
}
