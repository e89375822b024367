import {ipKeyGenerator, type Options, type Store} from 'express-rate-limit';
import type {Logger} from '../../domain/ports/logger.ts';
import {RateLimitedError} from './http-errors.ts';
import {WINDOW_MS} from './rate-limit.ts';

/** Of addresses without a budget left at most so many are remembered: about 1 MB. */
const MAX_SPENT = 10_000;

/**
 * How often something may happen in a minute for one address, where there is no request to be answered by Express. What has used up its
 * budget is known without asking the store once this process has counted there.
 */
export class AddressBudget {
	readonly #name: string;
	readonly #perMinute: number;
	readonly #store: Store;
	readonly #log: Logger;
	/** When the window ends, by key. */
	readonly #spent = new Map<string, number>();

	/**
	 * @param options.name what is counted: budgets of one name and store are one
	 * @param options.store counts for several processes together. While it fails, nothing is limited
	 */
	constructor(options: {name: string; perMinute: number; store: Store; log: Logger}) {
		this.#name = options.name;
		this.#perMinute = options.perMinute;
		this.#store = options.store;
		this.#log = options.log;
		void this.#store.init?.({windowMs: WINDOW_MS} as Options);
	}

	/** Counts one. Never rejects. @returns what to answer when that was too much */
	async spend(address: string | null): Promise<RateLimitedError | undefined> {
		const key = this.#keyOf(address);
		try {
			const {totalHits, resetTime} = await this.#store.increment(key);
			const endsAtMs = resetTime?.getTime() ?? Date.now() + WINDOW_MS;
			if (totalHits >= this.#perMinute) this.#remember(key, endsAtMs);
			return totalHits > this.#perMinute ? new RateLimitedError(Math.max(0, endsAtMs - Date.now())) : undefined;
		} catch (error) {
			this.#log.error({error}, 'rateLimit.failed');
			return undefined;
		}
	}

	/** Whether there is nothing left, as far as this process knows. */
	isSpent(address: string | null): boolean {
		return (this.#spent.get(this.#keyOf(address)) ?? 0) > Date.now();
	}

	#keyOf(address: string | null): string {
		return `${this.#name} ${ipKeyGenerator(address ?? '')}`;
	}

	#remember(key: string, untilMs: number): void {
		if (this.#spent.size >= MAX_SPENT) this.#spent.clear();
		this.#spent.set(key, untilMs);
	}
}
