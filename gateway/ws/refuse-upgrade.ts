import type {Duplex} from 'node:stream';
import type {DomainError} from '../../domain/errors.ts';
import {rawErrorAnswer} from '../http/raw-error.ts';

/** Answers a request for an upgrade as any other request that fails, then ends the connection. */
export function refuseUpgrade(stream: Duplex, failure: DomainError, publicUrl: string): void {
	// The client may be gone already, which concerns nobody.
	stream.on('error', () => stream.destroy());
	stream.end(rawErrorAnswer(failure, publicUrl), () => stream.destroy());
}
