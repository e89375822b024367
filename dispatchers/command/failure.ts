import {DomainError} from '../../domain/errors.ts';
import type {CommandFailure} from '../../domain/messaging/command.ts';

/** A failure in words that a tenant may read; what we do not know ourselves is not told. */
export function toFailure(error: unknown): CommandFailure {
	if (!(error instanceof DomainError)) {
		return {code: 'INTERNAL', message: 'Internal server error'};
	}
	const {code, message, retryAfterMs} = error;
	return {code, message, ...(retryAfterMs !== undefined && {retryAfterMs})};
}
