import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface WebhookView {
	readonly id: string;
	readonly sessionId: string | null;
	readonly signingSecret: string;
	readonly standardSecret: string;
	readonly previousSecretUntil: string | null;
}

const BASE = {url: 'https://example.com/hook', events: ['*']};

const OPTIONS = {
	retry: {schedule: [1, 60, 86_400]},
	timeoutSeconds: 7,
	headers: {Authorization: 'Bearer s3cret', 'X-Tenant': 'a b'},
	filter: {chats: ['15550001111@c.us', '120363000000@g.us'], fromMe: false},
	rateLimit: 0.5,
	concurrency: 100,
	ordered: 'chat',
};

const DEFAULTS = {
	retry: null,
	timeoutSeconds: null,
	headers: {},
	filter: null,
	rateLimit: null,
	concurrency: 10,
	ordered: false,
};

async function createConnection({client}: Tenant): Promise<string> {
	return (await client.call<ConnectionView>('POST', '/connections')).id;
}

async function messagesOf(response: Response): Promise<readonly string[]> {
	const {message} = (await response.json()) as ErrorBody;
	return typeof message === 'string' ? [`not an array: ${message}`] : message;
}

test('options are shown as they were given, at both kinds of webhooks, and stay when they are not named', async (t) => {
	const tenant = await gateway.createTenant();
	for (const path of [`/connections/${await createConnection(tenant)}/webhooks`, '/webhooks']) {
		const created = await tenant.client.call<WebhookView>('POST', path, {...BASE, ...OPTIONS});
		t.like(created, OPTIONS);
		t.like(await tenant.client.call('PUT', `/webhooks/${created.id}`, {active: false}), {...OPTIONS, active: false});
		const [listed] = await tenant.client.call<WebhookView[]>('GET', path);
		t.like(listed, OPTIONS);
		const stored = await gateway.stores.webhookStore.find(created.id);
		t.false(JSON.stringify(stored).includes('s3cret'));
	}
});

test('an update replaces an option, and null sets it back to its default; elsewhere null means absent', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<WebhookView>('POST', '/webhooks', {...BASE, ...OPTIONS});
	const changes = {
		retry: {schedule: [5]},
		timeoutSeconds: 30,
		headers: {'X-Other': '1'},
		filter: {fromMe: true},
		rateLimit: 1000,
		concurrency: 1,
		ordered: false,
	};
	t.like(await client.call('PUT', `/webhooks/${id}`, changes), changes);
	const nothing = {url: null, events: null, active: null};
	t.like(await client.call('PUT', `/webhooks/${id}`, nothing), {...BASE, ...changes, active: true});
	const nulls = {
		retry: null,
		timeoutSeconds: null,
		headers: null,
		filter: null,
		rateLimit: null,
		concurrency: null,
		ordered: null,
	};
	t.like(await client.call('PUT', `/webhooks/${id}`, nulls), DEFAULTS);
	t.like(await client.call('POST', '/webhooks', {...BASE, ...nulls}), DEFAULTS);
	const empty = {retry: {}, headers: {}, filter: {chats: null, fromMe: null}};
	await client.call('PUT', `/webhooks/${id}`, OPTIONS);
	t.like(await client.call('PUT', `/webhooks/${id}`, empty), {retry: null, headers: {}, filter: null});
});

test('what is wrong with options is told field by field, and nothing of it is stored', async (t) => {
	const {client} = await gateway.createTenant();
	const schedule = 'retry.schedule must be 1 to 20 whole seconds, each from 1 to 86400';
	const chats = 'filter.chats must be 1 to 1000 chat ids';
	const timeout = 'timeoutSeconds must be a number from 1 to 30';
	const rate = 'rateLimit must be a number from 0.1 to 1000';
	const concurrency = 'concurrency must be a whole number from 1 to 100';
	for (const [body, message] of [
		[{retry: 5}, /^retry must be \{"schedule"/],
		[{retry: {schedule: []}}, schedule],
		[{retry: {schedule: [0]}}, schedule],
		[{retry: {schedule: [86_401]}}, schedule],
		[{retry: {schedule: [1.5]}}, schedule],
		[{retry: {schedule: ['5']}}, schedule],
		[{retry: {schedule: Array.from({length: 21}, () => 1)}}, schedule],
		[{retry: {shedule: [5]}}, /^retry must be/],
		[{timeoutSeconds: 0}, timeout],
		[{timeoutSeconds: 31}, timeout],
		[{timeoutSeconds: '5'}, timeout],
		[{filter: []}, /^filter must be/],
		[{filter: {chat: ['15550001111@c.us']}}, /^filter must be/],
		[{filter: {chats: []}}, chats],
		[{filter: {chats: [5]}}, chats],
		[{filter: {chats: Array.from({length: 1001}, () => '15550001111@c.us')}}, chats],
		[{filter: {chats: ['nobody']}}, /^filter\.chats "nobody" is not a WhatsApp recipient/],
		[{filter: {fromMe: 'no'}}, 'filter.fromMe must be a boolean value'],
		[{rateLimit: 0}, rate],
		[{rateLimit: 1001}, rate],
		[{concurrency: 0}, concurrency],
		[{concurrency: 101}, concurrency],
		[{concurrency: 1.5}, concurrency],
		[{ordered: true}, 'ordered must be "chat" or false'],
		[{ordered: 'user'}, 'ordered must be "chat" or false'],
		[{headers: ['a']}, 'headers must be an object'],
		[{headers: {a: 5}}, 'each value in headers must be a string'],
		[{events: ['x'.repeat(201)]}, 'each value in events must have at most 200 characters'],
		[{events: ['message\r\nx']}, /^each value in events must be one line of valid Unicode/],
		[{events: ['message\0']}, /^each value in events must be one line of valid Unicode/],
		[{events: ['\ud83d']}, /^each value in events must be one line of valid Unicode/],
		[{events: Array.from({length: 101}, () => 'message')}, 'events must have at most 100 values'],
	] as const) {
		const shown = JSON.stringify(body).slice(0, 100);
		const response = await client.fetch('POST', '/webhooks', {...BASE, ...body});
		t.is(response.status, 400, shown);
		const messages = await messagesOf(response);
		t.is(messages.length, 1, `${shown}: ${messages.join()}`);
		if (typeof message === 'string') t.is(messages[0], message);
		else t.regex(messages[0] ?? '', message, shown);
	}
	t.deepEqual(await client.call('GET', '/webhooks'), []);
});

test('ordered is switched ten seconds later; whoever switches all the time is told to stop', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<WebhookView>('POST', '/webhooks', BASE);
	const startMs = Date.now();
	t.like(await client.call('PUT', `/webhooks/${id}`, {ordered: 'chat'}), {ordered: 'chat'});
	t.like(await client.call('PUT', `/webhooks/${id}`, {ordered: 'chat'}), {ordered: 'chat'});
	const switches = (await gateway.stores.webhookStore.find(id))?.orderSwitchesMs ?? [];
	t.is(switches.length, 1);
	t.true((switches[0] ?? 0) >= startMs + 10_000 && (switches[0] ?? 0) <= Date.now() + 10_000);
	for (let count = 1; count < 50; count++) {
		await client.call('PUT', `/webhooks/${id}`, {ordered: count % 2 === 0 ? 'chat' : false});
	}
	t.is((await client.fetch('PUT', `/webhooks/${id}`, {ordered: 'chat'})).status, 409);
	t.like(await client.call('PUT', `/webhooks/${id}`, {ordered: false}), {ordered: false});
});

test('headers that are ours, the connection’s or none at all are refused, without repeating their values', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<WebhookView>('POST', '/webhooks', BASE);
	for (const headers of [
		{'X-WAHooks-Signature': 'sEcret'},
		{'x-wahooks-anything': 'sEcret'},
		{'Webhook-Id': 'sEcret'},
		{'Content-Type': 'text/sEcret'},
		{'content-length': '5'},
		{Host: 'sEcret.example'},
		{Connection: 'close'},
		{'Transfer-Encoding': 'chunked'},
		{'User-Agent': 'sEcret'},
		{'X Y': 'sEcret'},
		{'': 'sEcret'},
		{'X-Ü': 'sEcret'},
		{'X-A\r\nX-B': 'sEcret'},
		{'X-A': 'sEcret\r\nX-B: c'},
		{'X-A': 'sEcret\nfoo'},
		{'X-A': 'sEcret\u0000'},
		{'X-A': 'sEcret é'},
		{'X-A': ' sEcret'},
		{'X-A': ''},
		{'X-A': 'sEcret', 'x-a': 'sEcret'},
		{'X-A': 's'.repeat(4094)},
		Object.fromEntries(Array.from({length: 21}, (_, index) => [`X-${index}`, 'sEcret'])),
	]) {
		const response = await client.fetch('PUT', `/webhooks/${id}`, {headers});
		const shown = JSON.stringify(headers).slice(0, 100);
		t.is(response.status, 400, shown);
		const messages = await messagesOf(response);
		t.is(messages.length, 1, `${shown}: ${messages.join()}`);
		t.regex(messages[0] ?? '', /^headers/);
		t.notRegex(messages[0] ?? '', /sEcret/);
	}
	const largest = {'X-A': 's'.repeat(4093)};
	t.like(await client.call('PUT', `/webhooks/${id}`, {headers: largest}), {headers: largest});
});

test('chats of a filter are kept in WhatsApp’s own form, each once', async (t) => {
	const {client} = await gateway.createTenant();
	const chats = ['+1 555 000-1111', '15550001111@s.whatsapp.net', '15550001111@c.us', '77@lid'];
	t.like(await client.call('POST', '/webhooks', {...BASE, filter: {chats}}), {
		filter: {chats: ['15550001111@c.us', '77@lid']},
	});
});

test('a user name or a password in the URL is 400 with a message that says where they go', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<WebhookView>('POST', '/webhooks', BASE);
	for (const url of ['https://user:pass@example.com/', 'https://user@example.com/', 'https://:pass@example.com/']) {
		for (const response of [
			await client.fetch('POST', '/webhooks', {...BASE, url}),
			await client.fetch('PUT', `/webhooks/${id}`, {url}),
		]) {
			t.is(response.status, 400, url);
			t.deepEqual(await messagesOf(response), [
				'url must not contain a user name or password: send them in a header, headers: {"Authorization": "Basic …"}',
			]);
		}
	}
});

test('a webhook of the account gets the events of all its connections, of later ones too, and of nobody else’s', async (t) => {
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const before = await createLinkedConnection(tenant);
	const webhook = await tenant.client.call<WebhookView>('POST', '/webhooks', {url: sink.url, events: ['message']});
	t.is(webhook.sessionId, null);
	const later = await createLinkedConnection(tenant);
	const foreign = await gateway.createTenant();
	const theirs = await createLinkedConnection(foreign);
	await foreign.client.call('POST', `/simulator/connections/${theirs.id}/message-from`, {from: '15550110000'});
	for (const {id} of [before, later]) {
		await tenant.client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550110000'});
	}
	const received = await eventually(() => sink.deliveries.length >= 2 && sink.deliveries);
	const connections = received.map(({body}) => (JSON.parse(body) as {connectionId: string}).connectionId);
	t.deepEqual(connections.sort(), [before.id, later.id].sort());
	t.true(received.every((delivery) => isSigned(delivery, webhook.signingSecret)));
});

test('all webhooks of the account are listed page by page; the list of a connection has only its own', async (t) => {
	const tenant = await gateway.createTenant();
	const connectionId = await createConnection(tenant);
	const paths = ['/webhooks', `/connections/${connectionId}/webhooks`, '/webhooks'];
	const ids: string[] = [];
	for (const path of paths) ids.push((await tenant.client.call<WebhookView>('POST', path, BASE)).id);
	await (await gateway.createTenant()).client.call('POST', '/webhooks', BASE);

	const first = await tenant.client.fetch('GET', '/webhooks?limit=2');
	const next = /<.*\/api(.*)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? t.fail('no next page');
	const listed = [
		...((await first.json()) as WebhookView[]),
		...(await tenant.client.call<WebhookView[]>('GET', next)),
	].map(({id}) => id);
	t.deepEqual(listed.toSorted(), ids.toSorted());
	const own = await tenant.client.call<WebhookView[]>('GET', `/connections/${connectionId}/webhooks`);
	t.deepEqual(
		own.map(({id, sessionId}) => [id, sessionId]),
		[[ids[1], connectionId]],
	);
});

test('a token for certain connections may not touch a webhook of the account', async (t) => {
	const tenant = await gateway.createTenant();
	const connectionId = await createConnection(tenant);
	// Of no event: a delivery that fails would show in it.
	const webhook = await tenant.client.call<WebhookView>('POST', '/webhooks', {...BASE, events: ['none']});
	const {client} = await gateway.addToken(tenant, {connectionIds: [connectionId]});
	for (const [method, path, body] of [
		['GET', '/webhooks', undefined],
		['POST', '/webhooks', BASE],
		['PUT', `/webhooks/${webhook.id}`, {active: false}],
		['POST', `/webhooks/${webhook.id}/rotate-secret`, {}],
		['POST', `/webhooks/${webhook.id}/test`, {}],
		['GET', `/webhooks/${webhook.id}/logs`, undefined],
		['DELETE', `/webhooks/${webhook.id}`, undefined],
	] as const) {
		t.is((await client.fetch(method, path, body)).status, 403, `${method} ${path}`);
	}
	t.deepEqual(await tenant.client.call('GET', '/webhooks'), [webhook]);
	t.is((await client.fetch('POST', `/connections/${connectionId}/webhooks`, BASE)).status, 201);
});

test('a rotation answers with the new secret; by default the old one signs for another day', async (t) => {
	const {client} = await gateway.createTenant();
	const webhook = await client.call<WebhookView>('POST', '/webhooks', BASE);
	const path = `/webhooks/${webhook.id}/rotate-secret`;
	const startMs = Date.now();
	const rotated = await client.call<WebhookView>('POST', path);
	t.regex(rotated.signingSecret, /^[0-9a-f]{64}$/);
	t.not(rotated.signingSecret, webhook.signingSecret);
	t.is(rotated.standardSecret, `whsec_${Buffer.from(rotated.signingSecret).toString('base64')}`);
	const untilMs = Date.parse(rotated.previousSecretUntil ?? '');
	t.true(untilMs >= startMs + 24 * 3_600_000 && untilMs <= Date.now() + 24 * 3_600_000);
	t.deepEqual(await client.call('GET', '/webhooks'), [rotated]);

	const ended = await client.call<WebhookView>('POST', path, {overlapHours: 0});
	t.is(ended.previousSecretUntil, null);
	t.not(ended.signingSecret, rotated.signingSecret);
	for (const overlapHours of [-1, 168.5, '24', true]) {
		const response = await client.fetch('POST', path, {overlapHours});
		t.is(response.status, 400, String(overlapHours));
		t.deepEqual(await messagesOf(response), ['overlapHours must be a number from 0 to 168']);
	}
	t.like((await client.call<WebhookView[]>('GET', '/webhooks'))[0], {signingSecret: ended.signingSecret});
});

test('of two rotations at once none is lost: whoever is too late is told so', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<WebhookView>('POST', '/webhooks', BASE);
	const {webhooks} = gateway.dependencies;
	const before = (await gateway.stores.webhookStore.find(id)) ?? t.fail('it is there');
	const {signingSecret} = await webhooks.rotateSecret(before, 1);
	await t.throwsAsync(webhooks.rotateSecret(before, 1), {message: /changed by another request/});
	t.like((await client.call<WebhookView[]>('GET', '/webhooks'))[0], {signingSecret});
});
