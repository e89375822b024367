import type {ErrorCode} from '../../domain/errors.ts';

/** What can go wrong whenever a session is asked for something. */
export const ENGINE_ERRORS = [
	'CONNECTION_SUSPENDED',
	'SESSION_NOT_FOUND',
	'ENGINE_UNAVAILABLE',
	'ENGINE_TIMEOUT',
	'ENGINE_REFUSED',
] as const satisfies readonly ErrorCode[];
