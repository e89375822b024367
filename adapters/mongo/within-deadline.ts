import {StoreUnavailableError} from '../../domain/errors.ts';
import {toStoreError} from './store-error.ts';

/** The longest that a call waits for MongoDB, in milliseconds. */
const DEADLINE_MS = 3000;

/**
 * Waits for one operation, three seconds at most, whatever the driver is still retrying. A write that missed its deadline may yet
 * happen; all writes can be repeated.
 * @throws {StoreUnavailableError} no answer in time, or an answer that says "not now"
 */
export async function withinDeadline<T>(operation: PromiseLike<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const deadline = new Promise<never>((_, reject) => {
		timer = setTimeout(() => {
			reject(new StoreUnavailableError(`MongoDB did not answer within ${DEADLINE_MS} ms`));
		}, DEADLINE_MS);
	});
	try {
		return await Promise.race([operation, deadline]);
	} catch (error) {
		throw toStoreError(error);
	} finally {
		clearTimeout(timer);
	}
}
