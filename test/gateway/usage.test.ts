import {randomUUID} from 'node:crypto';
import test from 'ava';
import {createGatewayHarness, createLinkedConnection, type Tenant} from '../support/gateway-harness.ts';
import {eventually} from '../support/eventually.ts';
import {sampleConnection, sampleEvent} from '../support/samples.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface UsageView {
	readonly from: string;
	readonly to: string;
	readonly totalHours: number;
	readonly activeConnections: number;
	readonly sent: number;
	readonly received: number;
	readonly days: readonly {
		readonly date: string;
		readonly connectionId: string;
		readonly hours: number;
		readonly sent: number;
		readonly received: number;
	}[];
}

/** Puts events of one connection, or of the user, into the log, at these times. */
async function log(
	{user}: Tenant,
	connectionId: string | null,
	events: readonly (readonly [string, string, object?])[],
): Promise<readonly NewLoggedEvent[]> {
	const logged = events.map(([event, time, payload = {}]) =>
		sampleEvent({
			userId: user.id,
			connectionId,
			event,
			timestampMs: Date.parse(time),
			receivedAtMs: Date.now(),
			body: JSON.stringify({event, payload}),
		}),
	);
	await gateway.stores.eventStore.append(logged);
	return logged;
}

async function connectionOf({user}: Tenant, deletedAt: Date | null = null): Promise<string> {
	const connection = sampleConnection({userId: user.id, deletedAt});
	await gateway.stores.connectionStore.insert(connection);
	return connection.id;
}

const MARCH = '/billing/usage?from=2026-03-01&to=2026-03-31';

test('hours and messages are told by day and connection, whatever came twice', async (t) => {
	const tenant = await gateway.createTenant();
	const [first, second] = [await connectionOf(tenant), await connectionOf(tenant)];
	const events = await log(tenant, first, [
		['session.status', '2026-03-10T22:00:00Z', {status: 'WORKING'}],
		['message', '2026-03-10T22:10:00Z'],
		['message.any', '2026-03-10T22:10:00Z'],
		['message.any', '2026-03-10T22:20:00Z'],
		['message.ack', '2026-03-10T22:20:01Z'],
		['session.status', '2026-03-11T01:30:00Z', {status: 'STOPPED'}],
	]);
	const expected: UsageView = {
		from: '2026-03-01',
		to: '2026-03-31',
		totalHours: 3.5,
		activeConnections: 1,
		sent: 1,
		received: 1,
		days: [
			{date: '2026-03-10', connectionId: first, hours: 2, sent: 1, received: 1},
			{date: '2026-03-11', connectionId: first, hours: 1.5, sent: 0, received: 0},
		],
	};
	for (let round = 0; round < 3; round++) {
		t.deepEqual(await tenant.client.call('GET', MARCH), expected);
		await gateway.stores.eventStore.append(events);
	}
	await log(tenant, second, [['message.any', '2026-03-11T12:00:00Z']]);
	t.like(await tenant.client.call<UsageView>('GET', MARCH), {activeConnections: 2, sent: 2, totalHours: 3.5});
	t.like(await tenant.client.call<UsageView>('GET', '/billing/usage?from=2026-03-11&to=2026-03-11'), {
		totalHours: 1.5,
		activeConnections: 2,
		sent: 1,
	});
});

test('a connection that is still connected counts until now, one that was deleted until then', async (t) => {
	const tenant = await gateway.createTenant();
	const deleted = await connectionOf(tenant, new Date('2026-03-10T02:00:00Z'));
	const running = await connectionOf(tenant);
	const hourAgo = new Date(Date.now() - 60 * 60_000);
	await log(tenant, deleted, [['session.status', '2026-03-10T00:00:00Z', {status: 'WORKING'}]]);
	await log(tenant, running, [['session.status', hourAgo.toISOString(), {status: 'WORKING'}]]);
	t.like(await tenant.client.call('GET', MARCH), {totalHours: 2, activeConnections: 1});
	const from = hourAgo.toISOString().slice(0, 10);
	const {days} = await tenant.client.call<UsageView>('GET', `/billing/usage?from=${from}`);
	const hours = days.reduce((sum, day) => sum + day.hours, 0);
	t.true(hours >= 0.98 && hours < 1.2, `${hours}`);
});

test('nothing counts while a connection is suspended, though nobody said that its session stopped', async (t) => {
	const tenant = await gateway.createTenant();
	const [first, second] = [await connectionOf(tenant), await connectionOf(tenant)];
	const connected = {status: 'WORKING'};
	for (const id of [first, second]) await log(tenant, id, [['session.status', '2026-03-10T00:00:00Z', connected]]);
	const told = {connectionIds: [first], slots: 1, status: 'unpaid'};
	await log(tenant, null, [['billing.suspended', '2026-03-10T02:00:00Z', told]]);
	await log(tenant, second, [['billing.suspended', '2026-03-10T03:00:00Z', {connectionIds: [second]}]]);
	await log(tenant, second, [['billing.suspended', '2026-03-10T03:00:00Z', {connectionIds: 7}]]);
	for (const id of [first, second]) {
		await log(tenant, id, [
			['session.status', '2026-03-10T20:00:00Z', connected],
			['session.status', '2026-03-10T21:00:00Z', {status: 'STOPPED'}],
		]);
	}
	const {days} = await tenant.client.call<UsageView>('GET', MARCH);
	const hours = Object.fromEntries(days.map((day) => [day.connectionId, day.hours]));
	t.deepEqual(hours, {[first]: 3, [second]: 21});
});

test('the rest of a long log is counted the next time, nothing twice, whoever counts', async (t) => {
	const tenant = await gateway.createTenant();
	const id = await connectionOf(tenant);
	const at = (index: number): string => new Date(Date.UTC(2026, 2, 5) + index * 1000).toISOString();
	await log(
		tenant,
		id,
		Array.from({length: 2500}, (_, index) => ['message.any', at(index)] as const),
	);
	const answers = await Promise.all([1, 2, 3, 4].map(() => tenant.client.call<UsageView>('GET', MARCH)));
	for (const {sent} of answers) t.is(sent, 2500);
	t.is((await gateway.stores.usageStore.findMany([id]))[0]?.days['2026-03-05']?.messages, 2500);
});

test('this month until today is the default', async (t) => {
	const {client} = await gateway.createTenant();
	const today = new Date().toISOString().slice(0, 10);
	t.deepEqual(await client.call('GET', '/billing/usage'), {
		from: `${today.slice(0, 7)}-01`,
		to: today,
		totalHours: 0,
		activeConnections: 0,
		sent: 0,
		received: 0,
		days: [],
	});
	t.like(await client.call('GET', '/billing/usage?to=2026-02-10T23:30:00-02:00'), {
		from: '2026-02-01',
		to: '2026-02-11',
	});
});

test('a table is to be had by name and by type', async (t) => {
	const tenant = await gateway.createTenant();
	const id = await connectionOf(tenant);
	await log(tenant, id, [
		['message.any', '2026-03-10T22:10:00Z'],
		['message', '2026-03-10T22:10:00Z'],
	]);
	const expected = `date,connectionId,hours,sent,received\r\n2026-03-10,${id},0,0,1\r\n`;
	for (const [path, headers] of [
		[`${MARCH}&format=csv`, {}],
		[MARCH, {accept: 'text/csv'}],
		[`${MARCH}&format=csv`, {accept: 'application/json'}],
	] as const) {
		const response = await tenant.client.fetch('GET', path, undefined, headers);
		t.is(response.status, 200);
		t.regex(response.headers.get('content-type') ?? '', /^text\/csv/);
		t.is(await response.text(), expected);
	}
	for (const accept of ['*/*', 'application/json', 'text/csv, application/json', '']) {
		const response = await tenant.client.fetch('GET', MARCH, undefined, {accept});
		t.regex(response.headers.get('content-type') ?? '', /^application\/json/, accept);
	}
	const json = await tenant.client.fetch('GET', `${MARCH}&format=json`, undefined, {accept: 'text/csv'});
	t.regex(json.headers.get('content-type') ?? '', /^application\/json/);
});

test('days that are none are refused', async (t) => {
	const {client} = await gateway.createTenant();
	for (const query of [
		'from=x',
		'to=2026-02-30',
		'from=2026-13-01',
		'format=xml',
		'from=2026-03-02&to=2026-03-01',
		'from=2099-01-01',
		'from=9999-12-31T23:59:59-12:00&to=9999-12-31',
		'from=0000-01-01T00:00:00%2B12:00',
	]) {
		t.is((await client.fetch('GET', `/billing/usage?${query}`)).status, 400, query);
	}
});

test('nobody sees the usage of others', async (t) => {
	const [tenant, other] = [await gateway.createTenant(), await gateway.createTenant()];
	await log(tenant, await connectionOf(tenant), [['message.any', '2026-03-10T22:10:00Z']]);
	await tenant.client.call('GET', MARCH);
	t.like(await other.client.call('GET', MARCH), {activeConnections: 0, sent: 0});
	const narrow = await gateway.addToken(tenant, {connectionIds: [randomUUID()]});
	t.is((await narrow.client.fetch('GET', MARCH)).status, 403);
});

test('what really happens on a connection is counted', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id} = await createLinkedConnection(tenant);
	await client.call('POST', `/connections/${id}/send`, {chatId: '15550110000', text: 'hi', skipPresence: true});
	await client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550110000', text: 'hello'});
	const usage = await eventually(async () => {
		const answer = await client.call<UsageView>('GET', '/billing/usage');
		return answer.sent > 0 && answer.received > 0 && answer;
	});
	t.like(usage, {activeConnections: 1, sent: 1, received: 1});
});
