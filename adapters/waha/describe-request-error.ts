import {RequestError} from 'got';

/** The library's own errors carry the request with its key: only their text goes on. */
export function describeRequestError(error: unknown): string {
	return error instanceof RequestError ? `${error.code}: ${error.message}` : String(error);
}
