import pRetry from 'p-retry';
import {StoreUnavailableError} from '../domain/errors.ts';

/** As long as services are waited for that are not there yet. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/**
 * Repeats work that may be repeated while the store, which was there a moment ago, does not answer in time: whatever starts at once with
 * many others must not give up for that.
 * @param patienceMs no repeat begins later; default 30 s
 * @throws {StoreUnavailableError} it never did
 */
export function whileStarting<T>(work: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
	return pRetry(work, {
		retries: Infinity,
		maxRetryTime: patienceMs,
		minTimeout: RETRY_MS,
		factor: 1,
		shouldRetry: ({error}) => error instanceof StoreUnavailableError,
	});
}
