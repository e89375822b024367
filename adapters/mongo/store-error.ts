import {mongo} from 'mongoose';
import {StoreUnavailableError} from '../../domain/errors.ts';

/**
 * Server codes that pass by themselves: no primary, a step-down, a shutdown, an exceeded time limit, an unmet write concern
 * (https://www.mongodb.com/docs/manual/reference/error-codes/).
 */
const PASSING_CODES: ReadonlySet<unknown> = new Set([
	6, 7, 50, 64, 89, 91, 100, 112, 133, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436,
]);

const PASSING_LABELS = ['RetryableWriteError', 'TransientTransactionError', 'SystemOverloadedError', 'RetryableError'];

const PASSING_ERRORS = [
	mongo.MongoNetworkError,
	mongo.MongoServerSelectionError,
	mongo.MongoOperationTimeoutError,
	mongo.MongoTopologyClosedError,
	mongo.MongoNotConnectedError,
	mongo.MongoClientClosedError,
];

const DUPLICATE_KEY = 11_000;

/** True for what the network or the cluster's state caused: the same call may succeed later. */
export function isPassing(error: unknown): boolean {
	if (!(error instanceof mongo.MongoError)) {
		// The driver lets some failures of sockets and name look-ups through as they are (seen: ECONNRESET during a large write).
		return error instanceof Error && 'syscall' in error;
	}
	return (
		(error instanceof mongo.MongoBulkWriteError && (hasNoAnswer(error) || lacksWriteConcern(error))) ||
		PASSING_ERRORS.some((passing) => error instanceof passing) ||
		PASSING_CODES.has(error.code) ||
		PASSING_LABELS.some((label) => error.hasErrorLabel(label))
	);
}

/** True when a unique index refused a document, alone or first in a batch. */
export function isDuplicateKey(error: unknown): error is mongo.MongoServerError {
	return error instanceof mongo.MongoServerError && error.code === DUPLICATE_KEY;
}

/** The positions of an unordered batch that a unique index refused. @throws the error when it says anything else, too */
export function refusedAsDuplicates(error: unknown): ReadonlySet<number> {
	if (!(error instanceof mongo.MongoBulkWriteError)) {
		throw error;
	}
	const writeErrors = writeErrorsOf(error);
	// None at all means that the batch failed as a whole: nothing is known of any document.
	if (writeErrors.length === 0 || !writeErrors.every(({code}) => code === DUPLICATE_KEY)) {
		throw error;
	}
	return new Set(writeErrors.map(({index}) => index));
}

/** The driver wraps a broken connection into the same error that tells of refused documents. */
function hasNoAnswer(error: mongo.MongoBulkWriteError): boolean {
	// A number is a server's code; a socket's, such as ECONNRESET, is copied here as a string.
	return writeErrorsOf(error).length === 0 && typeof error.code !== 'number';
}

function lacksWriteConcern({result}: mongo.MongoBulkWriteError): boolean {
	return result.getWriteConcernError() !== undefined;
}

function writeErrorsOf(error: mongo.MongoBulkWriteError): readonly mongo.WriteError[] {
	return [error.writeErrors].flat();
}

/** Turns what passes by itself into a `StoreUnavailableError`; every other error stays. */
export function toStoreError(error: unknown): unknown {
	return isPassing(error) ? new StoreUnavailableError('MongoDB did not answer', {cause: error}) : error;
}
