import {DomainError, SetupError} from '../domain/errors.ts';

/**
 * What is printed when the program cannot start: one line where an operator can mend it, be it the environment or a service or disk that
 * failed meanwhile. Anything else is a defect, and shows where it is.
 */
export function describeFailure(thrown: unknown): string {
	// What failed while the rest was being closed is a consequence.
	if (thrown instanceof SuppressedError) {
		return describeFailure(thrown.suppressed);
	}
	if (thrown instanceof SetupError) {
		return thrown.message;
	}
	if (thrown instanceof DomainError && thrown.retryable) {
		const {message, cause} = thrown;
		const reason = cause instanceof Error ? ` (${cause.message})` : '';
		return new SetupError(`${message}${reason}: mend this, and start again`).message;
	}
	return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
