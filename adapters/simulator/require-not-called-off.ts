import {EngineError} from '../../domain/errors.ts';

/** @throws {EngineError} ENGINE_UNAVAILABLE: nothing was done */
export function requireNotCalledOff(signal: AbortSignal): void {
	if (signal.aborted) {
		throw new EngineError('ENGINE_UNAVAILABLE', 'The call was called off before it began', {cause: signal.reason});
	}
}
