import {randomUUID} from 'node:crypto';
import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {after, sampleEvent, sampleOutcome, sampleWebhook} from '../support/samples.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface WebhookView {
	readonly id: string;
	readonly events: readonly string[];
	readonly signingSecret: string;
	readonly updatedAt: string;
}

interface StateView extends WebhookView {
	readonly sessionId: string;
	readonly active: boolean;
	readonly disabledReason: string | null;
	readonly disabledAt: string | null;
	readonly failingSince: string | null;
}

interface EventView {
	readonly payload: Readonly<Record<string, unknown>>;
}

interface LogView {
	readonly id: string;
	readonly status: string;
	readonly payload: Readonly<Record<string, unknown>>;
}

async function createWebhook(
	{client}: Tenant,
	body: object = {url: 'https://example.com/hook', events: ['none']},
): Promise<WebhookView> {
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	return client.call('POST', `/connections/${id}/webhooks`, body);
}

async function findWebhook({client}: Tenant, id: string): Promise<StateView> {
	const webhooks = await client.call<StateView[]>('GET', '/webhooks');
	const webhook = webhooks.find((one) => one.id === id);
	if (webhook === undefined) throw new Error('the webhook is gone');
	return webhook;
}

test('a webhook is shown with the fields of the contract, in its order, and ours after them', async (t) => {
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant);
	t.deepEqual(Object.keys(webhook), [
		'id',
		'userId',
		'sessionId',
		'url',
		'events',
		'signingSecret',
		'active',
		'createdAt',
		'updatedAt',
		'standardSecret',
		'disabledReason',
		'disabledAt',
		'retry',
		'timeoutSeconds',
		'headers',
		'filter',
		'rateLimit',
		'concurrency',
		'ordered',
		'previousSecretUntil',
		'failingSince',
	]);
	t.like(webhook, {userId: tenant.user.id, active: true, disabledReason: null, disabledAt: null});
	t.like(webhook, {retry: null, timeoutSeconds: null, headers: {}, filter: null, rateLimit: null, concurrency: 10});
});

test('what is wrong with a new webhook is told as an array of messages', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const url = 'https://example.com';
	for (const [body, messages] of [
		[undefined, ['url must be a URL address', 'events must be an array']],
		[{url: null, events: null}, ['url must be a URL address', 'events must be an array']],
		[{url: 5, events: 'message'}, ['url must be a URL address', 'events must be an array']],
		[{url, events: ['message', 5]}, ['each value in events must be a string']],
		[{url: 'ftp://example.com', events: []}, ['url must be a URL address']],
		[{url: 'example.com/hook', events: []}, ['url must be a URL address']],
		[{url: 'https://', events: []}, ['url must be a URL address']],
		[{url: 'https://exa mple.com', events: []}, ['url must be a URL address']],
		[{url: ' https://example.com', events: []}, ['url must be a URL address']],
		[{url: 'https://example.com/\r\nX: y', events: []}, ['url must be a URL address']],
		[{url: `https://example.com/${'x'.repeat(2048)}`, events: []}, ['url must be a URL address']],
		[{url: 'javascript:alert(1)', events: []}, ['url must be a URL address']],
	] as const) {
		const response = await client.fetch('POST', `/connections/${id}/webhooks`, body);
		t.is(response.status, 400);
		const answer = (await response.json()) as ErrorBody;
		t.deepEqual(answer.message, messages);
		t.is(answer.error, 'Bad Request');
	}
});

test('a URL that points into a private network or at cloud metadata is refused at creation and at update', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	for (const url of ['http://10.0.0.5/hook', 'http://169.254.169.254/latest/meta-data', 'http://[fd00::1]/']) {
		const connection = await tenant.client.call<ConnectionView>('POST', '/connections');
		const path = `/connections/${connection.id}/webhooks`;
		t.is((await tenant.client.fetch('POST', path, {url, events: ['*']})).status, 400, url);
		const response = await tenant.client.fetch('PUT', `/webhooks/${id}`, {url});
		t.is(response.status, 400, url);
		t.true(Array.isArray(((await response.json()) as ErrorBody).message));
	}
});

test('no events and events nobody knows are accepted', async (t) => {
	const tenant = await gateway.createTenant();
	t.like(await createWebhook(tenant, {url: 'https://example.com', events: []}), {events: []});
	const strange = [
		'future.event',
		'Message',
		'foo bar',
		'message-x',
		'message*',
		'*.message',
		'.*',
		'',
		'é',
		'*',
		'a.*',
	];
	for (const events of [strange, strange.toReversed()]) {
		const webhook = await createWebhook(tenant, {url: 'https://example.com', events});
		t.deepEqual(webhook.events, events);
		t.deepEqual((await tenant.client.call<WebhookView>('PUT', `/webhooks/${webhook.id}`, {events})).events, events);
	}
});

test('blanks around an event name are none of it: they come from lists with commas', async (t) => {
	const tenant = await gateway.createTenant();
	const events = ['message', ' session.status', '\tgroup.* \n', '  '];
	const {events: kept} = await createWebhook(tenant, {url: 'https://example.com', events});
	t.deepEqual(kept, ['message', 'session.status', 'group.*', '']);
});

test('an update changes what it names; an empty one only updatedAt; active must be a boolean', async (t) => {
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant);
	const {createdAt: _, updatedAt, ...rest} = webhook as WebhookView & {createdAt: string};
	const touched = await tenant.client.call<WebhookView>('PUT', `/webhooks/${webhook.id}`, {});
	t.like(touched, rest);
	t.true(touched.updatedAt >= updatedAt);
	const changes = {url: 'https://example.org', events: ['message'], active: false};
	t.like(await tenant.client.call('PUT', `/webhooks/${webhook.id}`, changes), changes);
	const response = await tenant.client.fetch('PUT', `/webhooks/${webhook.id}`, {active: 'false'});
	t.is(response.status, 400);
	t.deepEqual(((await response.json()) as ErrorBody).message, ['active must be a boolean value']);
});

test('a deleted webhook is gone', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	t.deepEqual(await tenant.client.call('DELETE', `/webhooks/${id}`), {success: true});
	t.is((await tenant.client.fetch('DELETE', `/webhooks/${id}`)).status, 404);
	t.is((await tenant.client.fetch('GET', `/webhooks/${id}/logs`)).status, 404);
});

test('webhooks can be added to a connection that was deleted', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	await client.call('DELETE', `/connections/${id}`);
	const body = {url: 'https://example.com', events: ['*']};
	t.is((await client.fetch('POST', `/connections/${id}/webhooks`, body)).status, 201);
	t.is((await client.call<unknown[]>('GET', `/connections/${id}/webhooks`)).length, 1);
});

test('a test event reaches the endpoint signed, and the log shows the very body that was sent', async (t) => {
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant, {url: sink.url, events: ['message']});
	const {logId, ...answer} = await tenant.client.call<{logId: string}>('POST', `/webhooks/${webhook.id}/test`);
	t.deepEqual(answer, {success: true, message: 'Test event enqueued for delivery'});
	const log = await eventually(async () => {
		const [newest] = await tenant.client.call<LogView[]>('GET', `/webhooks/${webhook.id}/logs`);
		return newest?.status === 'delivered' && newest;
	});
	t.deepEqual(Object.keys(log), [
		'id',
		'webhookConfigId',
		'eventType',
		'payload',
		'status',
		'attempts',
		'deliveredAt',
		'createdAt',
		'reason',
		'lastStatus',
		'lastError',
		'nextAttemptAt',
		'eventId',
	]);
	t.like(log, {id: logId, webhookConfigId: webhook.id, eventType: 'test', attempts: 1, lastStatus: 200, reason: null});
	await eventually(async () => {
		const [{payload} = {payload: {}}] = await tenant.client.call<LogView[]>('GET', `/webhooks/${webhook.id}/logs`);
		return JSON.stringify(payload) === sink.deliveries[0]?.body;
	});
	t.true(isSigned(sink.deliveries[0] ?? t.fail('nothing arrived'), webhook.signingSecret));
});

test('a webhook that the system switched off says why and tells the account; switched on again it says nothing of it', async (t) => {
	await using sink = await WebhookSink.start();
	await using account = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant, {url: `${sink.url}?key=secret`, events: ['*']});
	await tenant.client.call('POST', '/webhooks', {url: account.url, events: ['webhook.*']});
	sink.answer = (_, response) => response.writeHead(410).end();
	await tenant.client.call('POST', `/webhooks/${id}/test`);
	const off = await eventually(async () => {
		const webhook = await findWebhook(tenant, id);
		return !webhook.active && webhook;
	});
	t.is(off.disabledReason, 'the receiver answered 410 Gone');
	t.is(typeof off.failingSince, 'string');
	const [notice] = await eventually(() => account.deliveries.length > 0 && account.deliveries);
	const [logged] = await eventually(async () => {
		const events = await tenant.client.call<EventView[]>('GET', '/events?event=webhook.disabled');
		return events.length > 0 && events;
	});
	t.deepEqual(JSON.parse(notice?.body ?? ''), logged);
	t.like(logged, {connectionId: null, session: null});
	t.like(logged?.payload, {webhookId: id, url: sink.url, lastStatus: 410, disabledAt: off.disabledAt});

	const on = await tenant.client.call<WebhookView>('PUT', `/webhooks/${id}`, {active: true});
	t.like(on, {active: true, disabledReason: null, disabledAt: null, failingSince: null});
	sink.answer = (_, response) => response.end('ok');
	const sent = sink.deliveries.length;
	await tenant.client.call('POST', `/webhooks/${id}/test`);
	await eventually(() => sink.deliveries.length > sent);
	t.like(await findWebhook(tenant, id), {active: true, disabledReason: null, failingSince: null});
});

test('a webhook shows since when it fails; a new URL begins anew', async (t) => {
	await using sink = await WebhookSink.start();
	sink.answer = (_, response) => response.writeHead(500).end();
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant, {url: sink.url, events: ['session.status']});
	const {sessionId} = await findWebhook(tenant, id);
	await tenant.client.call('POST', `/connections/${sessionId}/restart`);
	await eventually(async () => (await findWebhook(tenant, id)).failingSince !== null);
	const body = {url: 'https://example.com/moved', events: ['none']};
	t.like(await tenant.client.call('PUT', `/webhooks/${id}`, body), {...body, failingSince: null});
});

test('the log tells the states of deliveries in the words of the contract', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	const states = ['queued', 'parked', 'waiting', 'skipped', 'dead', 'delivered'] as const;
	await gateway.stores.deliveryStore.record(
		states.map((state, index) =>
			sampleOutcome({webhookId: id, userId: tenant.user.id, state, firstAtMs: after(index).getTime(), reason: state}),
		),
	);
	const logs = await tenant.client.call<(LogView & {reason: string})[]>('GET', `/webhooks/${id}/logs`);
	t.deepEqual(
		logs.map(({reason, status}) => [reason, status]),
		[
			['delivered', 'delivered'],
			['dead', 'failed'],
			['skipped', 'failed'],
			['waiting', 'pending'],
			['parked', 'pending'],
			['queued', 'pending'],
		],
	);
});

test('a delivery whose event is not in the log yet still has an object as its payload', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	const eventId = sampleEvent().id;
	await gateway.stores.deliveryStore.record([sampleOutcome({webhookId: id, userId: tenant.user.id, eventId})]);
	const [log] = await tenant.client.call<LogView[]>('GET', `/webhooks/${id}/logs`);
	t.like(log?.payload, {id: eventId, event: 'message', payload: {}});
});

test('the log is newest first and paged by a Link header', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	const outcomes = Array.from({length: 105}, (_, index) =>
		sampleOutcome({
			webhookId: id,
			userId: tenant.user.id,
			deliveryId: `dlv_${randomUUID()}`,
			firstAtMs: after(Math.floor(index / 2)).getTime(),
		}),
	);
	await gateway.stores.deliveryStore.record(outcomes);
	const first = await tenant.client.fetch('GET', `/webhooks/${id}/logs`);
	const newest = (await first.json()) as LogView[];
	t.is(newest.length, 100);
	const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
	t.true(link.startsWith(`${gateway.publicUrl}/api/webhooks/${id}/logs?limit=100&cursor=`));
	const second = await tenant.client.fetch('GET', link.slice(`${gateway.publicUrl}/api`.length));
	const oldest = (await second.json()) as LogView[];
	t.is(second.headers.get('link'), null);
	const seen = [...newest, ...oldest];
	t.deepEqual(seen.map((log) => log.id).sort(), outcomes.map(({deliveryId}) => deliveryId).sort());
	t.is(seen.length, 105);
	const times = seen.map((log) => (log as LogView & {createdAt: string}).createdAt);
	t.deepEqual(times, times.toSorted().toReversed());
	t.is((await tenant.client.call<LogView[]>('GET', `/webhooks/${id}/logs?limit=7`)).length, 7);
	t.is((await tenant.client.fetch('GET', `/webhooks/${id}/logs?limit=101`)).status, 400);
});

test('a connection, and an account, has as many webhooks as the operator allows; a deleted one makes room', async (t) => {
	await using small = await createGatewayHarness({env: {MAX_WEBHOOKS_PER_CONNECTION: '2'}});
	const {client} = await small.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const body = {url: 'https://example.com/hook', events: ['*']};
	for (const [path, owner] of [
		[`/connections/${id}/webhooks`, 'connection'],
		['/webhooks', 'account'],
	] as const) {
		const first = await client.call<WebhookView>('POST', path, body);
		await client.call('POST', path, body);
		const refused = await client.fetch('POST', path, body);
		t.is(refused.status, 409);
		t.like(await refused.json(), {message: `This ${owner} has as many webhooks as it can have (2): delete one first`});
		await client.call('DELETE', `/webhooks/${first.id}`);
		t.is((await client.fetch('POST', path, body)).status, 201);
	}
});

test('a webhook whose secrets cannot be opened is shown without them, beside the others, and can be mended', async (t) => {
	const {client, user} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const path = `/connections/${id}/webhooks`;
	const good = await client.call<WebhookView>('POST', path, {url: 'https://example.com', events: []});
	const sealed = 'v1.c2VhbGVkIHdpdGggYW5vdGhlciBrZXksIGxvbmcgYWdv';
	const bad = sampleWebhook({userId: user.id, connectionId: id, sealedSecret: sealed, sealedHeaders: sealed});
	await gateway.stores.webhookStore.insert(bad);
	for (const list of [path, '/webhooks']) {
		const webhooks = await client.call<WebhookView[]>('GET', list);
		t.like(
			webhooks.find((webhook) => webhook.id === bad.id),
			{signingSecret: '', standardSecret: '', headers: {}},
			list,
		);
		t.like(
			webhooks.find((webhook) => webhook.id === good.id),
			{signingSecret: good.signingSecret},
			list,
		);
	}
	const {signingSecret} = await client.call<WebhookView>('POST', `/webhooks/${bad.id}/rotate-secret`, {});
	t.regex(signingSecret, /^[0-9a-f]{64}$/);
	const mended = await client.call('PUT', `/webhooks/${bad.id}`, {headers: {'X-Key': 'new'}});
	t.like(mended, {signingSecret, headers: {'X-Key': 'new'}, previousSecretUntil: null});
});
