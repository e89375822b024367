import {ForbiddenError, NotFoundError} from './errors.ts';

/**
 * What was found, if it is the user's.
 * @param what as clients read it: `connection`, `webhook config` …
 * @throws {NotFoundError} nothing was found @throws {ForbiddenError} it is somebody else's
 */
export function requireOwn<T extends {readonly userId: string}>(found: T | undefined, userId: string, what: string): T {
	if (found === undefined) {
		throw new NotFoundError(`${what.charAt(0).toUpperCase()}${what.slice(1)} not found`);
	}
	if (found.userId !== userId) {
		throw new ForbiddenError(`You do not own this ${what}`);
	}
	return found;
}
