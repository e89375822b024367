import {createHmac, timingSafeEqual} from 'node:crypto';
import {ValidationError} from '../../domain/errors.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import {isEventName} from '../../domain/events/vocabulary.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineIngress} from '../../domain/ports/whatsapp-engine.ts';
import {toUpstreamEvent} from './waha-mapper.ts';

const SIGNATURE_HEADER = 'x-webhook-hmac';

/** SHA-512 in hex. */
const SIGNATURE = /^[0-9a-f]{128}$/;

/** The receiving side of WAHA's webhooks. */
export class WahaIngress implements EngineIngress {
	readonly #clock: Clock;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** WAHA signs the body alone: neither the URL nor the time is covered, so a repeat verifies too. */
	verify(headers: Readonly<Record<string, string | string[] | undefined>>, rawBody: Buffer, key: string): boolean {
		const signature = headers[SIGNATURE_HEADER];
		if (typeof signature !== 'string' || !SIGNATURE.test(signature)) {
			return false;
		}
		return timingSafeEqual(Buffer.from(signature, 'hex'), createHmac('sha512', key).update(rawBody).digest());
	}

	parse(rawBody: Buffer): UpstreamEvent {
		const envelope = parseObject(rawBody);
		const [event, session] = [textOf(envelope['event']), textOf(envelope['session'])];
		if (event === undefined || session === undefined) {
			const missing = [...(event === undefined ? ['event'] : []), ...(session === undefined ? ['session'] : [])];
			throw new ValidationError(`${missing.join(' and ')} must be a string that is not empty`);
		}
		if (!isEventName(event)) {
			throw new ValidationError(
				`event "${event.slice(0, 80)}" is not an event name: 1 to 64 of the characters a-z, 0-9, dot and underscore`,
			);
		}
		return toUpstreamEvent({...envelope, event, session}, this.#clock.now());
	}
}

function parseObject(rawBody: Buffer): Readonly<Record<string, unknown>> {
	let body: unknown;
	try {
		body = JSON.parse(rawBody.toString());
	} catch (error) {
		throw new ValidationError('the body is not JSON', {cause: error});
	}
	if (typeof body !== 'object' || body === null || Array.isArray(body)) {
		throw new ValidationError('the body is not a JSON object');
	}
	return body as Record<string, unknown>;
}

function textOf(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}
