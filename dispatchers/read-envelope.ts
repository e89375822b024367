import {MalformedMessageError} from '../domain/errors.ts';
import type {EventEnvelope} from '../domain/events/envelope.ts';

/** The envelope of an event, of which only the time is sure. @throws {MalformedMessageError} */
export function readEnvelope(body: Buffer): Partial<EventEnvelope> & Pick<EventEnvelope, 'timestamp'> {
	let envelope: EventEnvelope | null;
	try {
		envelope = JSON.parse(body.toString()) as EventEnvelope | null;
	} catch (error) {
		throw new MalformedMessageError('the envelope is not JSON', {cause: error});
	}
	if (envelope === null || Number.isNaN(Date.parse(envelope.timestamp))) {
		throw new MalformedMessageError('the envelope says no time');
	}
	return envelope;
}
