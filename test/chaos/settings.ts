import type {ChaosOptions} from './options.ts';

/** A run of `npm run chaos`; other lengths and rates are said there. */
export const WHOLE = {
	killEveryMs: 4000,
	awayMs: {broker: 10_000, store: 10_000, endpoints: 15_000},
	calmMs: 3000,
	resumeWithinMs: 10_000,
	// The sixth attempt comes five minutes after the fifth.
	settleWithinMs: 10 * 60_000,
} as const satisfies Partial<ChaosOptions>;

/** A run among other tests, on cores that it shares with them: one round, a modest rate, patience. */
export const SHORT = {
	forMs: 20_000,
	eventsPerSecond: 12,
	killEveryMs: 3000,
	awayMs: {broker: 5000, store: 5000, endpoints: 6000},
	calmMs: 1500,
	resumeWithinMs: 60_000,
	settleWithinMs: 120_000,
} as const satisfies Partial<ChaosOptions>;
