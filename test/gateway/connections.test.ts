import test from 'ava';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';
import {eventually} from '../support/eventually.ts';
import {after, sampleConnection} from '../support/samples.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';

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
		'linkedAt',
	]);
	t.is(connection['userId'], tenant.user.id);
	t.is(connection['engine'], 'NOWEB');
	t.regex(String(connection['sessionName']), /^u_[0-9a-f]{12}_s_[0-9a-f]{12}$/);
	t.regex(String(connection['createdAt']), ISO);
	t.regex(String(connection['updatedAt']), ISO);
	t.regex(String(connection['linkedAt']), ISO);
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
		'limit=1001',
		'limit=-1',
		'limit=1.5',
		'limit=abc',
		'limit=2&limit=0',
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

test('an empty limit or cursor is none, and of repeated ones the last counts', async (t) => {
	const tenant = await gateway.createTenant();
	const expected = await seed(tenant, 4);
	for (const [query, count] of [
		['limit=&cursor=', 4],
		['limit=0&limit=2', 2],
	] as const) {
		t.deepEqual(ids(await tenant.client.call('GET', `/connections?${query}`)), expected.slice(0, count));
	}
});

test('the QR route says why there is none yet, in words and for programs, and when to ask again', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(connection);
	const path = `/connections/${connection.id}/qr`;
	const waiting = await tenant.client.fetch('GET', path);
	t.is(waiting.status, 503);
	t.is(waiting.headers.get('retry-after'), '2');
	t.like(await waiting.json(), {
		message: 'Worker is being provisioned, please wait',
		code: 'QR_NOT_READY',
		reason: 'worker_pending',
		retryable: true,
	});

	const [worker] = gateway.dependencies.workers.workers();
	await gateway.stores.connectionStore.assign(connection.id, worker?.id ?? '', 'NOWEB', new Date());
	const starting = await tenant.client.fetch('GET', path);
	t.is(starting.status, 503);
	t.like(await starting.json(), {
		message: 'Worker is starting up, please wait',
		error: 'Service Unavailable',
		reason: 'session_restarting',
	});
	const qr = await eventually(() => tenant.client.call<object>('GET', path));
	t.like(qr, {mimetype: 'image/png', reason: 'waiting_for_scan'}, 'the session that was not there was created');
});

test('the QR code says until when it is good', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const qr = await eventually(() => client.call<Record<string, string>>('GET', `/connections/${id}/qr`));
	t.deepEqual(Object.keys(qr), ['value', 'mimetype', 'expiresAt', 'reason']);
	t.regex(qr['expiresAt'] ?? '', ISO);
	t.true(Date.parse(qr['expiresAt'] ?? '') > Date.now());
});

test('the QR route of a linked connection says that it is connected; of a deleted one it is 404', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const path = `/connections/${id}`;
	t.deepEqual(await tenant.client.call('GET', `${path}/qr`), {connected: true, reason: 'linked', expiresAt: null});
	await tenant.client.call('DELETE', path);
	t.is((await tenant.client.fetch('GET', `${path}/qr`)).status, 404);
});

test('get-or-create gives the same connection and the same code until somebody scans it', async (t) => {
	const {client} = await gateway.createTenant();
	const first = await client.fetch('POST', '/connections/get-or-create');
	t.is(first.status, 201);
	const linkable = (await first.json()) as LinkableView;
	t.deepEqual(Object.keys(linkable), ['id', 'status', 'qr', 'expiresAt']);
	t.is(linkable.status, 'scan_qr');
	t.regex(linkable.qr ?? '', /^iVBOR/, 'bare base64 of a PNG');
	const code = async (): Promise<unknown> => client.call('GET', `/connections/${linkable.id}/qr`);
	const onScreen = await code();
	t.deepEqual(await client.call('POST', '/connections/get-or-create', {}), linkable);
	t.deepEqual(await client.call('POST', '/connections/get-or-create', {virgin_only: true}), linkable);
	t.deepEqual(await client.call('POST', '/connections/get-or-create', {virgin_only: null}), linkable);
	t.deepEqual(await code(), onScreen, 'nothing was reset');
	t.is(ids(await client.call('GET', '/connections')).length, 1);

	await client.call('POST', `/simulator/connections/${linkable.id}/scan`);
	await eventually(async () => {
		const {status} = await client.call<ConnectionView>('GET', `/connections/${linkable.id}`);
		return status === 'connected';
	});
	const next = await client.call<LinkableView>('POST', '/connections/get-or-create');
	t.not(next.id, linkable.id);
});

test('virgin_only passes over a connection that was linked before, or that has a webhook', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id: recycled} = await createLinkedConnection(tenant);
	await client.call('POST', `/connections/${recycled}/logout`);
	t.is((await client.call<LinkableView>('POST', '/connections/get-or-create')).id, recycled);
	const virgin = await client.call<LinkableView>('POST', '/connections/get-or-create', {virgin_only: true});
	t.not(virgin.id, recycled);
	await client.call('POST', `/connections/${virgin.id}/webhooks`, {url: 'https://example.com', events: []});
	const other = await client.call<LinkableView>('POST', '/connections/get-or-create', {virgin_only: true});
	t.false([recycled, virgin.id].includes(other.id));
	t.is((await client.call<LinkableView>('POST', '/connections/get-or-create')).id, other.id, 'the newest');
});

test('get-or-create brings up a session that has failed', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	await tenant.client.call('POST', `/simulator/connections/${id}/log-out`);
	await eventually(async () => {
		const {status} = await tenant.client.call<ConnectionView>('GET', `/connections/${id}`);
		return status === 'failed';
	});
	t.like(await tenant.client.call('POST', '/connections/get-or-create'), {id, status: 'scan_qr'});
});

test('restart keeps credentials: a linked phone stays linked', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const before = await tenant.client.call<ConnectionView & {phoneNumber: string}>('GET', `/connections/${id}`);
	const response = await tenant.client.fetch('POST', `/connections/${id}/restart`);
	t.is(response.status, 201);
	t.like(await response.json(), {id, phoneNumber: before.phoneNumber, status: 'connected'});
	await eventually(async () => {
		const sent = await tenant.client.fetch('POST', `/connections/${id}/send`, {
			chatId: '15550110000',
			text: 'still linked',
			skipPresence: true,
		});
		return sent.status === 201;
	});
	t.like(await tenant.client.call('GET', `/connections/${id}`), {status: 'connected', phoneNumber: before.phoneNumber});
});

test('restart of an unlinked connection shows a new code; without a worker there is nothing to restart', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const qr = async (): Promise<string> => (await client.call<{value: string}>('GET', `/connections/${id}/qr`)).value;
	const before = await eventually(qr);
	t.like(await client.call('POST', `/connections/${id}/restart`), {id, status: 'scan_qr'});
	await eventually(async () => (await qr()) !== before);
	const unassigned = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(unassigned);
	for (const action of ['restart', 'logout']) {
		const response = await client.fetch('POST', `/connections/${unassigned.id}/${action}`);
		t.is(response.status, 404);
		t.like(await response.json(), {message: 'No worker assigned to this connection'});
	}
});

test('logout unlinks the phone, and the connection can be linked again', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id} = await createLinkedConnection(tenant);
	const {linkedAt} = await client.call<{linkedAt: string}>('GET', `/connections/${id}`);
	const response = await client.fetch('POST', `/connections/${id}/logout`);
	t.is(response.status, 201);
	t.like(await response.json(), {id, status: 'scan_qr', phoneNumber: null, me: null, linkedAt});
	await eventually(async () => (await client.fetch('GET', `/connections/${id}/qr`)).ok);
	await client.call('POST', `/simulator/connections/${id}/scan`);
	await eventually(async () => {
		const {status} = await client.call<ConnectionView>('GET', `/connections/${id}`);
		return status === 'connected';
	});
	t.pass();
});

test('a pairing code is for a number in any form; what is no number is said', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const path = `/connections/${id}/pairing-code`;
	for (const phone of ['+1 (555) 000-1111', '15550001111']) {
		const {code} = await eventually(() => client.call<{code: string}>('POST', path, {phone}));
		t.regex(code, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
	}
	for (const [body, message] of [
		[{}, 'phone is required'],
		[{phone: null}, 'phone is required'],
		[{phone: 15550001111}, 'phone must be a string'],
		[{phone: ''}, 'phone must be a number with country code, such as +15550001111'],
		[{phone: 'mine'}, 'phone must be a number with country code, such as +15550001111'],
		[{phone: '1'.repeat(16)}, 'phone must be a number with country code, such as +15550001111'],
	] as const) {
		const response = await client.fetch('POST', path, body);
		t.is(response.status, 400);
		t.is(((await response.json()) as ErrorBody).message, message);
	}
});

test('a pairing code for a linked connection is 409', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const response = await tenant.client.fetch('POST', `/connections/${id}/pairing-code`, {phone: '15550001111'});
	t.is(response.status, 409);
	t.like(await response.json(), {code: 'CONFLICT'});
});

test('capabilities tell what the engine can do; without a worker there is no engine', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await tenant.client.call<ConnectionView>('POST', '/connections');
	const {engine, operations} = await tenant.client.call<{engine: string; operations: Record<string, object>}>(
		'GET',
		`/connections/${id}/capabilities`,
	);
	t.is(engine, 'NOWEB');
	for (const operation of ['qr', 'pairing-code', 'send.text', 'edit', 'chats', 'media-again']) {
		t.regex(String((operations[operation] as {level?: string}).level), /^(yes|no|degraded)$/, operation);
	}
	const unassigned = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(unassigned);
	const response = await tenant.client.fetch('GET', `/connections/${unassigned.id}/capabilities`);
	t.is(response.status, 503);
	t.like(await response.json(), {code: 'NO_WORKER_AVAILABLE', retryable: true});
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

interface LinkableView {
	readonly id: string;
	readonly status: string;
	readonly qr: string | null;
	readonly expiresAt: string | null;
}

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
