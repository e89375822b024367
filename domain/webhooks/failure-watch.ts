import {TEST_EVENT, WEBHOOK_DISABLED_EVENT} from '../events/vocabulary.ts';
import type {AttemptResult, Outcome} from './delivery.ts';
import type {Disabling} from './disabling.ts';

/** A process passes the same verdict on a webhook on at most this often … */
const LONGEST_INTERVAL_MS = 60_000;
/** … or as often as this in the time after which webhooks are switched off, where that is short. */
const VERDICTS_AT_LEAST = 20;

/** Half a minute of the busiest process: about 10 MB. */
const MAX_REMEMBERED = 50_000;

/** What says nothing about the endpoint's everyday work, or would cause another of itself. */
const UNCOUNTED: readonly string[] = [TEST_EVENT, WEBHOOK_DISABLED_EVENT];

type Attempt = Outcome & {readonly result: AttemptResult};

interface Verdict {
	readonly succeeded: boolean;
	readonly atMs: number;
}

/**
 * Looks at all attempts and tells which webhooks work and which fail, seldom enough to cost nothing: a webhook that fails is told of
 * once in a minute, one that works as often, and at once where it was told to fail. A success that another process saw in the minute
 * in which this one saw a failure may therefore count for nothing.
 */
export class FailureWatch {
	readonly #disabling: Pick<Disabling, 'succeeded' | 'failed'>;
	readonly #intervalMs: number;
	readonly #verdicts = new Map<string, Verdict>();

	/** @param options.afterMs the time after which webhooks are switched off; 0 = never */
	constructor({disabling, afterMs}: {disabling: Pick<Disabling, 'succeeded' | 'failed'>; afterMs: number}) {
		this.#disabling = disabling;
		this.#intervalMs = afterMs === 0 ? LONGEST_INTERVAL_MS : Math.min(LONGEST_INTERVAL_MS, afterMs / VERDICTS_AT_LEAST);
	}

	/**
	 * @param outcomes recorded already, in whatever order; the same ones may come again
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} look at them again
	 */
	async look(outcomes: readonly Outcome[]): Promise<void> {
		const attempts = outcomes.filter(isCounted).toSorted((a, b) => a.atMs - b.atMs);
		const [successes, failures] = [true, false].map((succeeded) => latest(attempts, succeeded)) as [
			ReadonlyMap<string, Attempt>,
			ReadonlyMap<string, Attempt>,
		];
		const working = [...successes.values()].filter((success) => this.#isNews(success));
		await this.#tell(working, () => this.#disabling.succeeded(working.map(({webhookId}) => webhookId)));
		for (const failure of failures.values()) {
			const success = successes.get(failure.webhookId);
			if (success !== undefined && success.atMs >= failure.atMs) continue;
			if (this.#isNews(failure)) {
				await this.#tell([failure], () => this.#disabling.failed(failure.webhookId, failure));
			}
		}
	}

	/** A failure soon after a success will be told of if it lasts; a success ends what was told before. */
	#isNews(attempt: Attempt): boolean {
		const known = this.#verdicts.get(attempt.webhookId);
		return (
			known === undefined || attempt.atMs - known.atMs >= this.#intervalMs || (isSuccess(attempt) && !known.succeeded)
		);
	}

	/** Remembered from the beginning, so that others leave it to this call; forgotten when it fails. */
	async #tell(attempts: readonly Attempt[], tell: () => Promise<void>): Promise<void> {
		if (attempts.length === 0) return;
		if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts.clear();
		for (const attempt of attempts) {
			this.#verdicts.set(attempt.webhookId, {succeeded: isSuccess(attempt), atMs: attempt.atMs});
		}
		try {
			await tell();
		} catch (error) {
			for (const {webhookId} of attempts) this.#verdicts.delete(webhookId);
			throw error;
		}
	}
}

function isCounted(outcome: Outcome): outcome is Attempt {
	return outcome.result !== undefined && !UNCOUNTED.includes(outcome.event);
}

function isSuccess({result}: Attempt): boolean {
	return result.errorClass === null;
}

/** The last attempt of each webhook that ended so. */
function latest(attempts: readonly Attempt[], succeeded: boolean): ReadonlyMap<string, Attempt> {
	return new Map(
		attempts.filter((attempt) => isSuccess(attempt) === succeeded).map((attempt) => [attempt.webhookId, attempt]),
	);
}
