import {createServer} from 'node:http';
import test from 'ava';
import {createApp} from '../../gateway/http/app.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

/** The tenant's events of a name, as the log has them. */
async function eventsOf({user}: Tenant, event: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
	const logged = await gateway.stores.eventStore.listAfter(user.id, 0, 1000);
	return logged
		.filter((row) => row.event === event)
		.map(({body}) => (JSON.parse(body) as {payload: Readonly<Record<string, unknown>>}).payload);
}

test('message-from makes a contact write', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const path = `/simulator/connections/${id}/message-from`;
	const body = {from: '15550120000', text: 'Good morning', type: null};
	const answer = await tenant.client.call<{messageId: string; success: boolean}>('POST', path, body);
	t.true(answer.success);
	await eventually(async () => (await eventsOf(tenant, 'message')).length === 1);
	const [message] = await eventsOf(tenant, 'message');
	t.like(message, {id: answer.messageId, from: '15550120000@c.us', body: 'Good morning', fromMe: false});
	await tenant.client.call('POST', path, {from: '15550120000', type: 'image', text: 'A picture'});
	await eventually(async () => (await eventsOf(tenant, 'message')).some(({hasMedia}) => hasMedia === true));
});

test('react and ack act on a message that was sent', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const chatId = '15550110003@c.us';
	const sent = await tenant.client.call<{id: string}>('POST', `/connections/${id}/send`, {chatId, text: 'Hello'});
	const path = `/simulator/connections/${id}`;
	await tenant.client.call('POST', `${path}/ack`, {messageId: sent.id, ack: 3});
	await tenant.client.call('POST', `${path}/react`, {messageId: sent.id, from: chatId, reaction: '👍'});
	await eventually(async () => (await eventsOf(tenant, 'message.ack')).some(({ack}) => ack === 3));
	await eventually(async () => (await eventsOf(tenant, 'message.reaction')).length === 1);
	t.pass();
});

test('go-offline, go-online and log-out change the session, chaos and restrict its manners', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const act = (name: string, body?: object): Promise<unknown> =>
		tenant.client.call('POST', `/simulator/connections/${id}/${name}`, body);
	const statuses = async (): Promise<readonly unknown[]> =>
		(await eventsOf(tenant, 'session.status')).map(({status}) => status);
	t.deepEqual(await act('go-offline'), {success: true});
	await eventually(async () => (await statuses()).at(-1) === 'STARTING');
	await act('go-online');
	await eventually(async () => (await statuses()).at(-1) === 'WORKING');
	await act('chaos', {drop: 0, duplicate: 0, reorder: null, deaf: false});
	await act('restrict', {until: new Date(Date.now() + 60_000).toISOString()});
	const body = {chatId: '15550199999', text: 'Hello stranger'};
	const refused = await tenant.client.fetch('POST', `/connections/${id}/send`, body);
	t.is(refused.status, 422);
	t.like(await refused.json(), {code: 'ACCOUNT_RESTRICTED'});
	await act('log-out');
	await eventually(async () => {
		return (await tenant.client.call<ConnectionView>('GET', `/connections/${id}`)).status === 'failed';
	});
});

test('what a session cannot do now is a conflict, with its code', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await tenant.client.call<ConnectionView>('POST', '/connections');
	await eventually(async () => (await tenant.client.fetch('GET', `/connections/${id}/qr`)).ok);
	const response = await tenant.client.fetch('POST', `/simulator/connections/${id}/message-from`, {
		from: '15550120000',
	});
	t.is(response.status, 409);
	t.like(await response.json(), {code: 'SESSION_NOT_CONNECTED'});
});

test('without a simulator there are no such routes', async (t) => {
	const server = createServer(createApp({...gateway.dependencies, simulator: undefined}));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => server.close());
	const address = server.address();
	const port = typeof address === 'object' && address !== null ? address.port : 0;
	const {token} = await gateway.createTenant();
	const response = await new ApiClient(`http://127.0.0.1:${port}`, token).fetch(
		'POST',
		'/simulator/connections/x/scan',
	);
	t.is(response.status, 404);
	t.is(((await response.json()) as ErrorBody).message, 'Cannot POST /api/simulator/connections/x/scan');
});
