import {DomainError} from './errors.ts';
import type {Clock} from './ports/clock.ts';
import type {HealthCheck} from './ports/health-check.ts';

/** A dependency that has not answered after this long counts as away. */
const CHECK_TIMEOUT_MS = 2000;

export interface DependencyHealth {
	readonly status: 'ok' | 'error';
	/** Milliseconds until it answered or failed. */
	readonly latency: number;
	readonly error?: string;
}

export interface Health {
	readonly status: 'ok' | 'degraded';
	readonly checks: Readonly<Record<string, DependencyHealth>>;
}

/** Asks every dependency at once. Never throws. */
export async function checkHealth(checks: readonly HealthCheck[], clock: Clock): Promise<Health> {
	const entries = await Promise.all(checks.map(async (check) => [check.dependency, await run(check, clock)] as const));
	return {
		status: entries.every(([, {status}]) => status === 'ok') ? 'ok' : 'degraded',
		checks: Object.fromEntries(entries),
	};
}

class NoAnswerError extends Error {}

/** Health is readable without a token: a driver's own words, which may name hosts, stay inside. */
function describe(error: unknown): string {
	return error instanceof DomainError || error instanceof NoAnswerError ? error.message : 'not reachable';
}

async function run(check: HealthCheck, clock: Clock): Promise<DependencyHealth> {
	const startedAt = clock.now();
	const abort = new AbortController();
	const timedOut = new Promise<never>((_, reject) => {
		const timer = clock.after(CHECK_TIMEOUT_MS, () => {
			abort.abort();
			reject(new NoAnswerError(`no answer within ${CHECK_TIMEOUT_MS} ms`));
		});
		abort.signal.addEventListener('abort', () => {
			timer[Symbol.dispose]();
		});
	});
	try {
		await Promise.race([check.check(abort.signal), timedOut]);
		return {status: 'ok', latency: clock.now() - startedAt};
	} catch (error) {
		return {
			status: 'error',
			latency: clock.now() - startedAt,
			error: describe(error),
		};
	} finally {
		abort.abort();
	}
}
