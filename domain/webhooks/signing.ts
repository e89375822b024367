import {createHmac} from 'node:crypto';

/** What identifies one attempt to its receiver. */
export interface SignedRequest {
	readonly event: string;
	readonly eventId: string;
	/** Stable over all attempts of a delivery. */
	readonly deliveryId: string;
	/** 1 for the first try. */
	readonly attempt: number;
	/** Unix seconds, fresh for every attempt. */
	readonly timestampSeconds: number;
	readonly body: Buffer;
}

/**
 * The headers of a delivery. `X-WAHooks-Signature` is `sha256=` + hex HMAC-SHA256 over `timestamp.body`; the Standard Webhooks
 * trio signs `id.timestamp.body` (base64). The key is the secret's UTF-8 bytes in both.
 * @param secrets the current secret first. While a rotation overlaps, the previous one follows: it then signs
 *   `X-WAHooks-Signature`, which holds one value, and `webhook-signature` lists both.
 */
export function signatureHeaders(
	request: SignedRequest,
	secrets: readonly [string, ...string[]],
): Record<string, string> {
	const timestamp = String(request.timestampSeconds);
	const oldest = secrets.at(-1) ?? secrets[0];
	return {
		'content-type': 'application/json',
		'x-wahooks-event': request.event,
		'x-wahooks-timestamp': timestamp,
		'x-wahooks-signature': `sha256=${hmac(oldest, `${timestamp}.`, request.body).toString('hex')}`,
		'x-wahooks-delivery': request.deliveryId,
		'x-wahooks-event-id': request.eventId,
		'x-wahooks-attempt': String(request.attempt),
		'webhook-id': request.deliveryId,
		'webhook-timestamp': timestamp,
		'webhook-signature': secrets
			.map((secret) => `v1,${hmac(secret, `${request.deliveryId}.${timestamp}.`, request.body).toString('base64')}`)
			.join(' '),
	};
}

/** The secret in the form that Standard Webhooks libraries take as it is. */
export function standardSecret(secret: string): string {
	return `whsec_${Buffer.from(secret).toString('base64')}`;
}

function hmac(secret: string, prefix: string, body: Buffer): Buffer {
	return createHmac('sha256', secret).update(prefix).update(body).digest();
}
