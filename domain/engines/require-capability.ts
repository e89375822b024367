import {NotSupportedError} from '../errors.ts';
import type {CapabilityTable, Operation} from '../ports/whatsapp-engine.ts';

/** @throws {NotSupportedError} with the table's note: why not, and what would have it */
export function requireCapability(table: CapabilityTable, operation: Operation): void {
	const {level, note} = table[operation];
	if (level === 'no') {
		throw new NotSupportedError(
			`The engine of this connection cannot do this (${operation}): ${note ?? 'it has no such operation'}`,
		);
	}
}
