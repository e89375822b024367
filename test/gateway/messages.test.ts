import test from 'ava';
import {createGatewayHarness, createLinkedConnection, type ConnectionView} from '../support/gateway-harness.ts';
import {eventually} from '../support/eventually.ts';
import {sampleConnection} from '../support/samples.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const MESSAGE = {chatId: '15550110000@c.us', text: 'Hello 👋'};

interface SendView {
	readonly id: string;
	readonly timestamp: number;
	readonly commandId: string;
}

test('a sent message answers 201 with its id, its time in seconds and its command', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const response = await tenant.client.fetch('POST', `/connections/${id}/send`, MESSAGE);
	t.is(response.status, 201);
	const sent = (await response.json()) as SendView;
	t.deepEqual(Object.keys(sent), ['id', 'timestamp', 'commandId']);
	t.regex(sent.id, /^true_15550110000@c\.us_3EB0[0-9A-F]{20}$/);
	t.true(Number.isInteger(sent.timestamp) && Math.abs(sent.timestamp - Date.now() / 1000) < 60);
	t.like(await gateway.stores.commandStore.find(sent.commandId), {status: 'sent', messageId: sent.id});
});

test('a text may have line breaks and be as long as WhatsApp allows', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	for (const text of ['a\r\nb\tc', 'x'.repeat(65_536)]) {
		t.is((await tenant.client.fetch('POST', `/connections/${id}/send`, {...MESSAGE, text})).status, 201);
	}
});

test('one Idempotency-Key gives one message and the same answer; another body under it is 409', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const send = (body: object): Promise<Response> =>
		tenant.client.fetch('POST', `/connections/${id}/send`, body, {'idempotency-key': 'order-17'});
	const [first, second] = await Promise.all([send(MESSAGE), send(MESSAGE)]);
	const answer = (await first.json()) as SendView;
	t.like(await second.json(), {commandId: answer.commandId});
	t.deepEqual(await (await send(MESSAGE)).json(), answer);
	const other = await send({...MESSAGE, text: 'Something else'});
	t.is(other.status, 409);
	t.like(await other.json(), {error: 'Conflict', code: 'CONFLICT'});
});

test('an Idempotency-Key has 1 to 255 visible characters', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	for (const key of ['', 'a b', 'ä', 'x'.repeat(256)]) {
		const response = await client.fetch('POST', `/connections/${id}/send`, MESSAGE, {'idempotency-key': key});
		t.is(response.status, 400, key);
		t.like(await response.json(), {message: 'Idempotency-Key must be 1 to 255 visible ASCII characters'});
	}
});

test('Prefer: respond-async answers 202 at once with the command, which is worked on all the same', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	for (const prefer of ['respond-async', 'wait=10, Respond-Async; x=1']) {
		const response = await tenant.client.fetch('POST', `/connections/${id}/send`, MESSAGE, {prefer});
		t.is(response.status, 202);
		const body = (await response.json()) as {commandId: string};
		t.deepEqual(body, {commandId: body.commandId, status: 'queued'});
		await eventually(async () => (await gateway.stores.commandStore.find(body.commandId))?.status === 'sent');
	}
});

test("a connection without a worker is 503 with the contract's words", async (t) => {
	const {client, user} = await gateway.createTenant();
	const connection = sampleConnection({userId: user.id});
	await gateway.stores.connectionStore.insert(connection);
	const response = await client.fetch('POST', `/connections/${connection.id}/send`, MESSAGE);
	t.is(response.status, 503);
	t.is(response.headers.get('retry-after'), '10');
	t.like(await response.json(), {message: 'No worker assigned', code: 'NO_WORKER_AVAILABLE'});
});

test('what WhatsApp refuses is told with its own code', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const refused = async (chatId: string): Promise<readonly unknown[]> => {
		const response = await tenant.client.fetch('POST', `/connections/${id}/send`, {...MESSAGE, chatId});
		const {code, statusCode} = (await response.json()) as ErrorBody;
		return [response.status, statusCode, code];
	};
	t.deepEqual(await refused('15550110001'), [422, 422, 'RECIPIENT_NOT_ON_WHATSAPP']);
	t.deepEqual(await refused('15550110002'), [422, 422, 'RECIPIENT_BLOCKED']);
	const unlinked = await tenant.client.call<ConnectionView>('POST', '/connections');
	await eventually(async () => (await tenant.client.fetch('GET', `/connections/${unlinked.id}/qr`)).ok);
	const response = await tenant.client.fetch('POST', `/connections/${unlinked.id}/send`, MESSAGE);
	t.is(response.status, 409);
	t.like(await response.json(), {code: 'SESSION_NOT_CONNECTED'});
});

test('while the broker is away a send is 503 with Retry-After, and the same key sends it once when it is back', async (t) => {
	await using away = await createGatewayHarness();
	const tenant = await away.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const send = (): Promise<Response> =>
		tenant.client.fetch('POST', `/connections/${id}/send`, MESSAGE, {'idempotency-key': 'k'});
	away.broker.mode = 'away';
	const refused = await send();
	t.is(refused.status, 503);
	t.is(refused.headers.get('retry-after'), '30');
	t.like(await refused.json(), {code: 'BROKER_UNAVAILABLE', error: 'Service Unavailable'});
	away.broker.mode = 'working';
	t.is((await send()).status, 201);
});
