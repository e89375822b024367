import {createHmac} from 'node:crypto';
import test from 'ava';
import {Webhook as StandardWebhook} from 'standardwebhooks';
import {signatureHeaders, standardSecret} from '../../domain/webhooks/signing.ts';
import {newSigningSecret} from '../../domain/webhooks/webhook.ts';

const body = Buffer.from('{"event":"message","payload":{"body":"Grüße 👋"}}');
const nowSeconds = Math.floor(Date.now() / 1000);
const request = {
	event: 'message',
	eventId: 'evt_1',
	deliveryId: 'dlv_1',
	attempt: 2,
	timestampSeconds: nowSeconds,
	body,
};

test('X-WAHooks-Signature is sha256= and the hex HMAC over timestamp, dot and the exact bytes', (t) => {
	const headers = signatureHeaders(request, ['secret']);
	const expected = createHmac('sha256', 'secret').update(`${nowSeconds}.${body.toString()}`).digest('hex');
	t.is(headers['x-wahooks-signature'], `sha256=${expected}`);
	t.is(headers['x-wahooks-event'], 'message');
	t.is(headers['x-wahooks-timestamp'], String(nowSeconds));
	t.is(headers['x-wahooks-delivery'], 'dlv_1');
	t.is(headers['x-wahooks-attempt'], '2');
	t.is(headers['content-type'], 'application/json');
});

test('the Standard Webhooks library verifies with standardSecret as it is, and refuses a changed body', (t) => {
	const secret = newSigningSecret();
	const headers = signatureHeaders(request, [secret]);
	const verifier = new StandardWebhook(standardSecret(secret));
	t.deepEqual(verifier.verify(body.toString(), headers), JSON.parse(body.toString()));
	t.throws(() => verifier.verify(`${body.toString()} `, headers));
});

test('while a rotation overlaps, both secrets verify and the single-valued header carries the old one', (t) => {
	const [current, previous] = [newSigningSecret(), newSigningSecret()];
	const headers = signatureHeaders(request, [current, previous]);
	for (const secret of [current, previous]) {
		t.notThrows(() => new StandardWebhook(standardSecret(secret)).verify(body.toString(), headers));
	}
	const old = createHmac('sha256', previous).update(`${nowSeconds}.`).update(body).digest('hex');
	t.is(headers['x-wahooks-signature'], `sha256=${old}`);
});
