import test from 'ava';
import {PNG} from 'pngjs';
import {loadConfig} from '../../config/env.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {createGatewayHarness, createLinkedConnection, type ConnectionView} from '../support/gateway-harness.ts';
import {sampleConnection} from '../support/samples.ts';
import {eventually} from '../support/eventually.ts';

// One test per trap of the wire contract: each once broke a client in silence. Trap 13 is about sockets (ws-handshake.test.ts).

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

test('trap 1: an empty body with a JSON content type is {} on every method', async (t) => {
	const {client} = await gateway.createTenant();
	const created = await client.fetch('POST', '/connections');
	t.is(created.status, 201);
	const {id} = (await created.json()) as ConnectionView;
	t.is((await client.fetch('GET', `/connections/${id}`)).status, 200);
	t.is((await client.fetch('PATCH', `/connections/${id}`)).status, 200);
	t.is((await client.fetch('POST', '/connections/get-or-create')).status, 201);
	t.is((await client.fetch('POST', `/connections/${id}/restart`)).status, 201);
	t.is((await client.fetch('POST', `/connections/${id}/logout`)).status, 201);
	const webhook = await client.call<{id: string}>('POST', `/connections/${id}/webhooks`, {
		url: 'https://httpbin.org/post',
		events: ['none'],
	});
	t.is((await client.fetch('PUT', `/webhooks/${webhook.id}`)).status, 200);
	t.is((await client.fetch('POST', `/webhooks/${webhook.id}/test`)).status, 201);
	t.is((await client.fetch('DELETE', `/webhooks/${webhook.id}`)).status, 200);
	t.is((await client.fetch('DELETE', `/connections/${id}`)).status, 200);
});

test('trap 2: null means absent for every optional field', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const created = await client.call<ConnectionView & {name: unknown}>('POST', '/connections', {name: null});
	t.is(created.name, null);
	const named = await client.call<{name: unknown}>('PATCH', `/connections/${created.id}`, {name: 'Shop'});
	t.is(named.name, 'Shop');
	const unchanged = await client.call<{name: unknown}>('PATCH', `/connections/${created.id}`, {name: null});
	t.is(unchanged.name, 'Shop');
	const webhook = await client.call<{id: string; url: string}>('POST', `/connections/${created.id}/webhooks`, {
		url: 'https://httpbin.org/post',
		events: ['message'],
		active: null,
	});
	const updated = await client.call('PUT', `/webhooks/${webhook.id}`, {url: null, events: null, active: null});
	t.like(updated, {url: 'https://httpbin.org/post', events: ['message'], active: true});
	const linked = await createLinkedConnection(tenant);
	const sent = await client.fetch('POST', `/connections/${linked.id}/send`, {
		chatId: '15550110000@c.us',
		text: 'hello',
		replyTo: null,
		skipPresence: null,
	});
	t.is(sent.status, 201);
});

test('trap 3: the exact status codes: 201 for POST, 200 with a JSON body for DELETE, never 204', async (t) => {
	const {client} = await gateway.createTenant();
	const answers: Record<string, number> = {};
	const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
		const response = await client.fetch(method, path, body);
		answers[`${method} ${path.replaceAll(/[0-9a-f-]{36}/g, ':id')}`] = response.status;
		return (await response.json()) as Record<string, unknown>;
	};
	const connection = await call('POST', '/connections');
	const path = `/connections/${String(connection['id'])}`;
	await call('GET', path);
	await eventually(async () => (await client.fetch('GET', `${path}/qr`)).status === 200);
	await call('POST', '/connections/get-or-create');
	await call('POST', `${path}/restart`);
	const webhook = await call('POST', `${path}/webhooks`, {url: 'https://httpbin.org/post', events: []});
	await call('PUT', `/webhooks/${String(webhook['id'])}`, {active: false});
	t.deepEqual(await call('DELETE', `/webhooks/${String(webhook['id'])}`), {success: true});
	const token = await call('POST', '/tokens', {name: 'ci'});
	t.deepEqual(await call('DELETE', `/tokens/${String(token['id'])}`), {success: true});
	await call('DELETE', path);
	t.deepEqual(answers, {
		'POST /connections': 201,
		'GET /connections/:id': 200,
		'POST /connections/get-or-create': 201,
		'POST /connections/:id/restart': 201,
		'POST /connections/:id/webhooks': 201,
		'PUT /webhooks/:id': 200,
		'DELETE /webhooks/:id': 200,
		'POST /tokens': 201,
		'DELETE /tokens/:id': 200,
		'DELETE /connections/:id': 200,
	});
	t.is((await fetch(`${gateway.url}/api/connections`)).status, 401);
});

test('trap 4: status is the word connected wherever a connection is shown', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const [listed] = await tenant.client.call<ConnectionView[]>('GET', '/connections');
	t.is(listed?.status, 'connected');
	t.is((await tenant.client.call<ConnectionView>('GET', `/connections/${id}`)).status, 'connected');
	t.is((await tenant.client.call<ConnectionView>('PATCH', `/connections/${id}`, {name: 'x'})).status, 'connected');
	t.is((await tenant.client.call<ConnectionView>('POST', `/connections/${id}/restart`)).status, 'connected');
});

test('trap 5: the QR code is bare padded base64 of a PNG, with its mimetype', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const qr = await eventually(() =>
		client.call<{value: string; mimetype: string; expiresAt: string}>('GET', `/connections/${id}/qr`),
	);
	t.is(qr.mimetype, 'image/png');
	t.regex(qr.value, /^[A-Za-z0-9+/]+={0,2}$/);
	t.is(qr.value.length % 4, 0);
	t.true(PNG.sync.read(Buffer.from(qr.value, 'base64')).width > 0);
	const linkable = await client.call<{qr: string}>('POST', '/connections/get-or-create');
	t.is(linkable.qr, qr.value);
	t.true(Date.parse(qr.expiresAt) > Date.now());
});

test('trap 6: GET me of a connection that is not linked is 200 with an empty body', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await tenant.client.call<ConnectionView>('POST', '/connections');
	const response = await tenant.client.fetch('GET', `/connections/${id}/me`);
	t.is(response.status, 200);
	t.is(response.headers.get('content-length'), '0');
	t.is(await response.text(), '');
	const linked = await createLinkedConnection(tenant);
	const me = await tenant.client.call<{id: string}>('GET', `/connections/${linked.id}/me`);
	t.regex(me.id, /^\d+@c\.us$/);
	t.deepEqual(Object.keys(me), ['id', 'pushName']);
});

test('trap 7: DELETE returns the whole connection, stopped and without a worker, plus success, and can be repeated', async (t) => {
	const {client} = await gateway.createTenant();
	const created = await client.call<ConnectionView & {workerId: unknown}>('POST', '/connections');
	t.truthy(created.workerId);
	for (let round = 0; round < 2; round++) {
		const deleted = await client.call<ConnectionView>('DELETE', `/connections/${created.id}`);
		t.like(deleted, {
			id: created.id,
			sessionName: created.sessionName,
			status: 'stopped',
			workerId: null,
			success: true,
		});
	}
	t.deepEqual(await client.call('GET', '/connections'), []);
	t.is((await client.call<ConnectionView>('GET', `/connections/${created.id}`)).status, 'stopped');
});

test('trap 8: tokens carry both tokenPrefix (with dots) and prefix (without)', async (t) => {
	const {client} = await gateway.createTenant();
	const created = await client.call<{id: string; token: string}>('POST', '/tokens', {name: 'ci'});
	t.regex(created.token, /^wh_[0-9a-f]{48}$/);
	const prefix = created.token.slice(0, 10);
	const expected = {tokenPrefix: `${prefix}...`, prefix, active: true, lastUsedAt: null};
	t.like(created, expected);
	const tokens = await client.call<{id: string}[]>('GET', '/tokens');
	const listed = tokens.find(({id}) => id === created.id);
	t.like(listed, expected);
	t.false(JSON.stringify(listed).includes(created.token), 'the token is shown once');
});

test('trap 9: the signing secret is in the answers of create, list and update', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const created = await client.call<{id: string; signingSecret: string}>('POST', `/connections/${id}/webhooks`, {
		url: 'https://httpbin.org/post',
		events: ['*'],
	});
	t.regex(created.signingSecret, /^[0-9a-f]{64}$/);
	const standardSecret = `whsec_${Buffer.from(created.signingSecret).toString('base64')}`;
	const [listed] = await client.call<object[]>('GET', `/connections/${id}/webhooks`);
	t.like(listed, {signingSecret: created.signingSecret, standardSecret});
	const updated = await client.call('PUT', `/webhooks/${created.id}`, {active: false});
	t.like(updated, {signingSecret: created.signingSecret, standardSecret});
});

test('trap 10: phoneNumber is bare digits', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const connection = await tenant.client.call<{phoneNumber: string}>('GET', `/connections/${id}`);
	t.regex(connection.phoneNumber, /^\d+$/);
});

test('trap 11: a webhook is created without asking DNS, its url comes back as it was, and loopback is allowed on loopback', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	for (const url of [
		'https://httpbin.org/post',
		'https://no-such-host.invalid/Hook?a=1&b=%20#c',
		'http://127.0.0.1:8080/hook',
		'http://localhost:8080',
	]) {
		const webhook = await client.call<{url: string}>('POST', `/connections/${id}/webhooks`, {url, events: ['*']});
		t.is(webhook.url, url);
	}
});

test('trap 12: by default 60 requests a minute go to each route, whatever the same token asks of others', async (t) => {
	await using limited = await createGatewayHarness({rateLimitPerMinute: 60});
	const {client} = await limited.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const paths = ['/connections', `/connections/${id}`, `/connections/${id}/chats`];
	for (let round = 0; round < 60; round++) {
		for (const path of paths) t.is((await client.fetch('GET', path)).status, 200);
	}
	for (const path of paths) t.is((await client.fetch('GET', path)).status, 429);
	t.is(loadConfig({}).rateLimits.read, 60);
});

test('trap 14: unknown fields are ignored, __proto__ and repeated ones too', async (t) => {
	const {client, token} = await gateway.createTenant();
	const created = await client.call<ConnectionView>('POST', '/connections', {
		name: 'a',
		status: 'connected',
		x: {y: 1},
	});
	t.not(created.status, 'connected');
	const response = await fetch(`${gateway.url}/api/connections/${created.id}`, {
		method: 'PATCH',
		headers: {authorization: `Bearer ${token}`, 'content-type': 'application/json'},
		body: '{"name":"first","__proto__":{"isAdmin":true},"constructor":1,"name":"last"}',
	});
	t.like(await response.json(), {id: created.id, name: 'last'});
	t.false('isAdmin' in {});
});

test('trap 15: path ids are decoded, and every form of chat id is taken', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const encoded = id.replaceAll('-', '%2D');
	t.is((await tenant.client.call<ConnectionView>('GET', `/connections/${encoded}`)).id, id);
	for (const chatId of ['15550110000@c.us', '15550110000@s.whatsapp.net', '+1 555 011-0000', '15550110000']) {
		const sent = await tenant.client.call<{id: string}>('POST', `/connections/${id}/send`, {
			chatId,
			text: 'x',
			skipPresence: true,
		});
		t.regex(sent.id, /^true_15550110000@c\.us_/);
	}
	const jane = '15550110000@c.us';
	for (const chatId of [jane, '15550110000@s.whatsapp.net', '+15550110000', '15550110000']) {
		const messages = await tenant.client.call<{to: string}[]>(
			'GET',
			`/connections/${id}/chats/${encodeURIComponent(chatId)}/messages`,
		);
		t.is(messages.length, 4, chatId);
	}
	for (const chatId of ['120363025246125888@g.us', '123456789012345@lid', '120363025246125888@newsletter']) {
		const answer = await tenant.client.fetch('POST', `/connections/${id}/send`, {
			chatId,
			text: 'x',
			skipPresence: true,
		});
		t.is(answer.status, 201, chatId);
		const path = `/connections/${id}/chats/${encodeURIComponent(chatId)}/messages`;
		t.is((await tenant.client.call<object[]>('GET', path)).length, 1, chatId);
		const picture = `/connections/${id}/contacts/${encodeURIComponent(chatId)}/picture`;
		t.is((await tenant.client.fetch('GET', picture)).status, 200, chatId);
	}
});

test('trap 16: whatever waits for somebody answers within 30 s, even when nobody works on commands', async (t) => {
	await using idle = await createGatewayHarness({roles: []});
	const {client, user} = await idle.createTenant();
	const [worker] = idle.dependencies.workers.workers();
	const insert = async (changes: Partial<Connection>): Promise<string> => {
		const connection = sampleConnection({userId: user.id, workerId: worker?.id ?? null, ...changes});
		await idle.stores.connectionStore.insert(connection);
		return connection.id;
	};
	const linked = {status: 'connected', me: {id: '15550001111@c.us', pushName: null}} as const;
	const startedAt = Date.now();
	await Promise.all([
		(async (): Promise<void> => {
			const created = await client.fetch('POST', '/connections');
			t.is(created.status, 201);
			t.like(await created.json(), {status: 'pending', workerId: null});
		})(),
		(async (): Promise<void> => {
			const {client: other} = await idle.createTenant();
			const linkable = await other.fetch('POST', '/connections/get-or-create');
			t.is(linkable.status, 201);
			t.like(await linkable.json(), {status: 'pending', qr: null, expiresAt: null});
			t.true(Date.now() - startedAt < 25_000);
		})(),
		...['restart', 'logout'].flatMap((action) =>
			[linked, {status: 'scan_qr'} as const].map(async (state): Promise<void> => {
				const id = await insert(state);
				const response = await client.fetch('POST', `/connections/${id}/${action}`);
				t.is(response.status, 504, 'it is not done yet, and not said to be');
				t.like(await response.json(), {code: 'ENGINE_TIMEOUT', retryable: true});
				t.like(await client.call('GET', `/connections/${id}`), state, 'it is shown as it was');
			}),
		),
		(async (): Promise<void> => {
			const id = await insert({});
			const sent = await client.fetch('POST', `/connections/${id}/send`, {chatId: '15550110000', text: 'x'});
			t.is(sent.status, 202);
			const {status, commandId} = (await sent.json()) as {status: string; commandId: string};
			t.is(status, 'queued');
			t.is((await idle.stores.commandStore.find(commandId))?.status, 'queued');
		})(),
	]);
	t.true(Date.now() - startedAt < 29_000);
});

test('trap 16: a send that types and pauses like a person answers well within 30 s', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const startedAt = Date.now();
	const sent = await tenant.client.fetch('POST', `/connections/${id}/send`, {
		chatId: '15550110000',
		text: 'x'.repeat(60_000),
	});
	t.is(sent.status, 201);
	t.true(Date.now() - startedAt < 25_000);
});

test('trap 17: the billing routes that clients call and the reference lacks exist', async (t) => {
	const {client} = await gateway.createTenant();
	const usage = await client.fetch('GET', '/billing/usage');
	t.is(usage.status, 200);
	t.like(await usage.json(), {totalHours: 0, activeConnections: 0});
	const slots = await client.fetch('PUT', '/billing/slots', {quantity: 10});
	t.is(slots.status, 400);
	t.like(await slots.json(), {code: 'BILLING_DISABLED'});
});

test('trap 17: send-media, which one dashboard still calls, exists', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const sent = await tenant.client.fetch('POST', `/connections/${id}/send-media`, {
		chatId: '15550110000',
		type: 'image',
		mediaData: PNG.sync.write(new PNG({width: 2, height: 2})).toString('base64'),
		skipPresence: true,
	});
	t.is(sent.status, 201);
	t.regex(((await sent.json()) as {id: string}).id, /^true_15550110000@c\.us_/);
});

test('trap 18: the health check is GET /api and GET /api/, without a token', async (t) => {
	for (const path of ['/api', '/api/']) {
		const response = await fetch(gateway.url + path);
		t.is(response.status, 200);
		t.deepEqual(await response.json(), {status: 'ok'});
	}
});
