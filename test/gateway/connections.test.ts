import test from 'ava';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';
import {after, sampleConnection} from '../support/samples.ts';
import type {ErrorBody} from '../../gateway/http/error-handler.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('a connection is shown with the fields of the contract, in its order', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const connection = await tenant.client.call<Record<string, unknown>>('GET', `/connections/${id}`);
	t.deepEqual(Object.keys(connection), [
		'id',
		'userId',
		'workerId',
		'name',
		'sessionName',
		'phoneNumber',
		'status',
		'engine',
		'createdAt',
		'updatedAt',
		'me',
	]);
	t.is(connection['userId'], tenant.user.id);
	t.is(connection['engine'], 'NOWEB');
	t.regex(String(connection['sessionName']), /^u_[0-9a-f]{12}_s_[0-9a-f]{12}$/);
	t.regex(String(connection['createdAt']), ISO);
	t.regex(String(connection['updatedAt']), ISO);
	t.deepEqual(Object.keys(connection['me'] as object), ['id', 'pushName']);
});

test('a new connection has the name it was given and waits for its QR code to be scanned', async (t) => {
	const {client} = await gateway.createTenant();
	t.like(await client.call('POST', '/connections', {name: 'Shop'}), {
		name: 'Shop',
		status: 'scan_qr',
		phoneNumber: null,
	});
	t.like(await client.call('POST', '/connections', {name: ''}), {name: null});
});

test('a name is one line of valid text of at most 200 characters', async (t) => {
	const {client} = await gateway.createTenant();
	for (const [name, message] of [
		[5, 'name must be a string'],
		['x'.repeat(201), 'name must have at most 200 characters'],
		['a\r\nb', 'name must be one line of valid Unicode without control characters'],
		['a\0b', 'name must be one line of valid Unicode without control characters'],
		['\ud800', 'name must be one line of valid Unicode without control characters'],
	] as const) {
		const response = await client.fetch('POST', '/connections', {name});
		t.is(response.status, 400);
		t.is(((await response.json()) as ErrorBody).message, message);
	}
	t.like(await client.call('POST', '/connections', {name: 'Läden & Söhne 👩‍👩‍👧'}), {name: 'Läden & Söhne 👩‍👩‍👧'});
});

test('PATCH renames, takes the name off when it is empty and changes nothing when it is absent', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections', {name: 'old'});
	t.like(await client.call('PATCH', `/connections/${id}`, {name: 'new'}), {name: 'new'});
	t.like(await client.call('PATCH', `/connections/${id}`, {}), {name: 'new'});
	t.like(await client.call('PATCH', `/connections/${id}`, {name: ''}), {name: null});
});

test('the list is ordered, paged by a Link header without changing its shape, and hides deleted ones', async (t) => {
	const tenant = await gateway.createTenant();
	const expected = await seed(tenant, 7);
	const {client} = tenant;
	t.deepEqual(ids(await client.call('GET', '/connections')), expected);

	const seen: string[] = [];
	let path: string | undefined = '/connections?limit=3';
	const sizes: number[] = [];
	while (path !== undefined) {
		const response: Response = await client.fetch('GET', path);
		const page = ids(await response.json());
		seen.push(...page);
		sizes.push(page.length);
		const link: string | undefined = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
		t.true(link === undefined || link.startsWith(`${gateway.publicUrl}/api/connections?limit=3&cursor=`));
		path = link?.slice(`${gateway.publicUrl}/api`.length);
	}
	t.deepEqual(seen, expected);
	t.deepEqual(sizes, [3, 3, 1]);
});

test('a page that ends with the list has no Link header', async (t) => {
	const tenant = await gateway.createTenant();
	await seed(tenant, 4);
	t.is((await tenant.client.fetch('GET', '/connections?limit=4')).headers.get('link'), null);
	t.not((await tenant.client.fetch('GET', '/connections?limit=3')).headers.get('link'), null);
});

test('a limit or cursor that cannot be is 400', async (t) => {
	const {client} = await gateway.createTenant();
	const cursor = (text: string): string => `cursor=${Buffer.from(text).toString('base64url')}`;
	for (const query of [
		'limit=0',
		'limit=101',
		'limit=-1',
		'limit=1.5',
		'limit=abc',
		'limit=',
		'limit=1&limit=2',
		'cursor=',
		'cursor=%00',
		'cursor=bm9uc2Vuc2U',
		cursor('9999-99-99T99:99:99.000Z a'),
		cursor('2026-01-01T00:00:00.000Z ../x'),
		cursor('2026-01-01T00:00:00.000Z'),
	]) {
		const response = await client.fetch('GET', `/connections?${query}`);
		t.is(response.status, 400, query);
		t.like(await response.json(), {code: 'VALIDATION_FAILED'});
	}
});

test('the QR route says why there is none yet, and when to ask again', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(connection);
	const path = `/connections/${connection.id}/qr`;
	const waiting = await tenant.client.fetch('GET', path);
	t.is(waiting.status, 503);
	t.is(waiting.headers.get('retry-after'), '2');
	t.like(await waiting.json(), {message: 'Worker is being provisioned, please wait', code: 'QR_NOT_READY'});

	const [worker] = gateway.dependencies.workers.workers();
	await gateway.stores.connectionStore.assign(connection.id, worker?.id ?? '', 'NOWEB', new Date());
	const starting = await tenant.client.fetch('GET', path);
	t.is(starting.status, 503);
	t.like(await starting.json(), {message: 'Worker is starting up, please wait', error: 'Service Unavailable'});
});

test('the QR route of a linked connection says that it is connected', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	t.deepEqual(await tenant.client.call('GET', `/connections/${id}/qr`), {connected: true});
});

test('a deletion that the broker did not take is 503 and changes nothing', async (t) => {
	await using away = await createGatewayHarness();
	const {client} = await away.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	away.broker.mode = 'away';
	const response = await client.fetch('DELETE', `/connections/${id}`);
	t.is(response.status, 503);
	t.is(response.headers.get('retry-after'), '30');
	t.like(await response.json(), {code: 'BROKER_UNAVAILABLE'});
	t.like(await client.call('GET', `/connections/${id}`), {status: 'scan_qr'}, 'reads go on');
	away.broker.mode = 'working';
	t.like(await client.call('DELETE', `/connections/${id}`), {status: 'stopped'});
});

/** Connections of the tenant, oldest first: two of the same moment among them, and a deleted one that is not returned. */
async function seed({user}: Tenant, count: number): Promise<readonly string[]> {
	const store = gateway.stores.connectionStore;
	const connections = Array.from({length: count}, (_, index) =>
		sampleConnection({userId: user.id, createdAt: after(Math.max(index, 1))}),
	);
	for (const connection of connections.toReversed()) await store.insert(connection);
	const deleted = sampleConnection({userId: user.id, createdAt: after(2)});
	await store.insert(deleted);
	await store.markDeleted(deleted.id, new Date());
	return connections
		.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1))
		.map(({id}) => id);
}

function ids(list: unknown): readonly string[] {
	return (list as readonly ConnectionView[]).map(({id}) => id);
}
