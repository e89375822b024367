import {EngineError, type EngineErrorCode} from '../errors.ts';

/** Whether an engine failed for this reason. */
export function isEngineError(error: unknown, code: EngineErrorCode): error is EngineError {
	return error instanceof EngineError && error.code === code;
}
