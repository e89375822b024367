import {randomUUID} from 'node:crypto';
import test from 'ava';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type Tenant} from '../support/gateway-harness.ts';
import {sampleConnection} from '../support/samples.ts';

interface TokenView {
	readonly id: string;
	readonly token: string;
	readonly expiresAt: string | null;
	readonly scopes: readonly string[] | null;
	readonly connectionIds: readonly string[] | null;
}

interface Failure {
	readonly message: string;
	readonly code: string;
}

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

/** Status, code and message of a refusal; it left no token behind. */
async function refusal({client, user}: Tenant, body: object): Promise<readonly [number, string, string]> {
	const before = await gateway.stores.tokenStore.listActive(user.id, {limit: 100});
	const response = await client.fetch('POST', '/tokens', body);
	const {code, message} = (await response.json()) as Failure;
	const after = await gateway.stores.tokenStore.listActive(user.id, {limit: 100});
	if (after.length !== before.length) throw new Error('there is another token now');
	return [response.status, code, message];
}

function inAnHour(): string {
	return new Date(Date.now() + 3_600_000).toISOString();
}

test('a created token works at once, and no more after it is revoked', async (t) => {
	const {client} = await gateway.createTenant();
	const created = await client.call<TokenView>('POST', '/tokens', {name: 'ci'});
	const list = (): Promise<Response> =>
		fetch(`${gateway.url}/api/tokens`, {headers: {authorization: `bearer ${created.token}`}});
	t.is((await list()).status, 200);
	t.deepEqual(await client.call('DELETE', `/tokens/${created.id}`), {success: true});
	t.is((await list()).status, 401);
});

test('a token that revokes itself is gone', async (t) => {
	const {client, tokenId} = await gateway.createTenant();
	t.deepEqual(await client.call('DELETE', `/tokens/${tokenId}`), {success: true});
	t.is((await client.fetch('GET', '/tokens')).status, 401);
});

test('tokens are shown with the fields of the contract, in its order; the list leaves revoked ones out', async (t) => {
	const {client, tokenId} = await gateway.createTenant();
	const created = await client.call<TokenView>('POST', '/tokens', {name: 'ci'});
	const fields = ['tokenPrefix', 'active', 'lastUsedAt', 'createdAt', 'prefix', 'expiresAt', 'scopes', 'connectionIds'];
	t.deepEqual(Object.keys(created), ['id', 'name', 'token', ...fields]);
	t.like(created, {expiresAt: null, scopes: null, connectionIds: null});
	const list = await client.call<TokenView[]>('GET', '/tokens');
	t.deepEqual(list.map(({id}) => id).sort(), [created.id, tokenId].sort());
	t.deepEqual(Object.keys(list[0] ?? {}), ['id', 'name', ...fields]);
	await client.call('DELETE', `/tokens/${created.id}`);
	t.deepEqual(
		(await client.call<TokenView[]>('GET', '/tokens')).map(({id}) => id),
		[tokenId],
	);
});

test('expiry, scopes and connections are kept, shown, and null where they are not asked for', async (t) => {
	const {client, user} = await gateway.createTenant();
	const connections = [sampleConnection({userId: user.id}), sampleConnection({userId: user.id})];
	for (const connection of connections) await gateway.stores.connectionStore.insert(connection);
	const [first, second] = connections.map(({id}) => id);
	for (const [asked, shown] of [
		[{expiresAt: '2099-01-01T00:00:00Z'}, {expiresAt: '2099-01-01T00:00:00.000Z'}],
		[{expiresAt: '2099-01-01T01:30:00.5+01:30'}, {expiresAt: '2099-01-01T00:00:00.500Z'}],
		[{scopes: ['send', 'read', 'send']}, {scopes: ['send', 'read']}],
		[{connectionIds: [first, second, first]}, {connectionIds: [first, second]}],
		[{expiresAt: null, scopes: null, connectionIds: null}, {}],
	] as const) {
		const {id, ...created} = await client.call<TokenView>('POST', '/tokens', {name: 'ci', ...asked});
		const expected = {expiresAt: null, scopes: null, connectionIds: null, ...shown};
		t.like(created, expected);
		const listed = (await client.call<TokenView[]>('GET', '/tokens')).find((token) => token.id === id);
		t.like(listed, expected);
	}
});

test('a token needs a name', async (t) => {
	const tenant = await gateway.createTenant();
	for (const body of [{}, {name: null}, {name: ''}, {name: '  '}, {name: '\u00a0'}]) {
		t.deepEqual(await refusal(tenant, body), [400, 'VALIDATION_FAILED', 'name is required']);
	}
	t.is((await tenant.client.fetch('POST', '/tokens')).status, 400);
});

test('what a token cannot be is told in words', async (t) => {
	const tenant = await gateway.createTenant();
	const expiry = 'expiresAt must be a moment in ISO 8601, such as 2030-01-01T00:00:00Z';
	const scopes = 'scopes must be a list of read, send, manage';
	const connections = 'connectionIds must be a list of connection ids';
	for (const [body, message] of [
		[{expiresAt: 'tomorrow'}, expiry],
		[{expiresAt: 4102444800000}, expiry],
		[{expiresAt: '2099-02-30T00:00:00Z'}, expiry],
		[{expiresAt: '2099-01-01'}, expiry],
		[{expiresAt: '2020-01-01T00:00:00Z'}, 'expiresAt must be in the future'],
		[{scopes: []}, 'scopes must not be empty: leave it out for a token that may do everything'],
		[{scopes: ['read', 'admin']}, scopes],
		[{scopes: 'read'}, scopes],
		[{scopes: [null]}, scopes],
		[{connectionIds: []}, 'connectionIds must not be empty: leave it out for a token for all connections'],
		[{connectionIds: 'x'}, connections],
		[{connectionIds: [5]}, connections],
		[{connectionIds: Array.from({length: 101}, () => 'x')}, 'connectionIds must have at most 100 values'],
	] as const) {
		t.deepEqual(await refusal(tenant, {name: 'ci', ...body}), [400, 'VALIDATION_FAILED', message]);
	}
});

test("a token is for connections of one's own", async (t) => {
	const tenant = await gateway.createTenant();
	const [own, foreign] = [sampleConnection({userId: tenant.user.id}), sampleConnection()];
	for (const connection of [own, foreign]) await gateway.stores.connectionStore.insert(connection);
	for (const id of [randomUUID(), 'x', '', '\u0000', '../..']) {
		const connectionIds = [own.id, id];
		t.deepEqual(await refusal(tenant, {name: 'ci', connectionIds}), [404, 'NOT_FOUND', 'Connection not found']);
	}
	const connectionIds = [own.id, foreign.id];
	t.deepEqual(await refusal(tenant, {name: 'ci', connectionIds}), [403, 'FORBIDDEN', 'You do not own this connection']);
});

test('a token creates none with more scopes than it has', async (t) => {
	const tenant = await gateway.createTenant();
	const limited = await gateway.addToken(tenant, {scopes: ['read', 'manage']});
	const message = 'This token has the scopes read, manage: name scopes among them for the new one';
	for (const scopes of [undefined, null, ['send'], ['read', 'send', 'manage']]) {
		t.deepEqual(await refusal(limited, {name: 'ci', scopes}), [403, 'FORBIDDEN', message]);
	}
	for (const scopes of [['read'], ['manage', 'read']]) {
		t.like(await limited.client.call<TokenView>('POST', '/tokens', {name: 'ci', scopes}), {scopes});
	}
});

test('a token creates none that outlives it', async (t) => {
	const tenant = await gateway.createTenant();
	const expiresAt = inAnHour();
	const mortal = await gateway.addToken(tenant, {expiresAt: new Date(expiresAt)});
	const message = `This token expires at ${expiresAt}: give the new one an expiresAt that is not later`;
	for (const later of [undefined, null, new Date(Date.parse(expiresAt) + 1).toISOString()]) {
		t.deepEqual(await refusal(mortal, {name: 'ci', expiresAt: later}), [403, 'FORBIDDEN', message]);
	}
	t.like(await mortal.client.call<TokenView>('POST', '/tokens', {name: 'ci', expiresAt}), {expiresAt});
});

test('a token for certain connections creates and sees no tokens at all', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(connection);
	const limited = await gateway.addToken(tenant, {connectionIds: [connection.id]});
	const body = {name: 'ci', connectionIds: [connection.id]};
	t.is((await refusal(limited, body))[0], 403);
	t.is((await limited.client.fetch('GET', '/tokens')).status, 403);
	t.is((await limited.client.fetch('DELETE', `/tokens/${tenant.tokenId}`)).status, 403);
});

test('a token that a limited one created is limited, too', async (t) => {
	const tenant = await gateway.createTenant();
	const limited = await gateway.addToken(tenant, {scopes: ['manage']});
	const {token} = await limited.client.call<TokenView>('POST', '/tokens', {name: 'ci', scopes: ['manage']});
	const get = (path: string): Promise<Response> =>
		fetch(`${gateway.url}/api${path}`, {headers: {authorization: `Bearer ${token}`}});
	t.is((await get('/tokens')).status, 200);
	t.is((await get('/connections')).status, 403);
});

test('an expired token is 401', async (t) => {
	const tenant = await gateway.createTenant();
	const expired = await gateway.addToken(tenant, {expiresAt: new Date(Date.now() - 1)});
	const response = await expired.client.fetch('GET', '/connections');
	t.is(response.status, 401);
	t.is(((await response.json()) as Failure).message, 'Invalid or revoked API token');
});

test('the last use is noted, once a minute', async (t) => {
	const {client, tokenId} = await gateway.createTenant();
	const before = Date.now();
	await client.call('GET', '/connections');
	const lastUse = async (): Promise<number> =>
		(await gateway.stores.tokenStore.find(tokenId))?.lastUsedAt?.getTime() ?? 0;
	await eventually(async () => (await lastUse()) >= before);
	const first = await lastUse();
	for (let request = 0; request < 5; request++) await client.call('GET', '/connections');
	t.is(await lastUse(), first);
});

test('answers that carry secrets are not to be cached', async (t) => {
	const {client} = await gateway.createTenant();
	const response = await client.fetch('POST', '/tokens', {name: 'ci'});
	t.is(response.headers.get('cache-control'), 'no-store');
});

test('who is calling is told to himself, whatever his token is for', async (t) => {
	const tenant = await gateway.createTenant({user: {name: null, email: null}});
	const admin = await gateway.createTenant({user: {isAdmin: true}});
	const limited = await gateway.addToken(tenant, {connectionIds: [randomUUID()], scopes: ['read']});
	const me = {id: tenant.user.id, email: null, name: null, isAdmin: false};
	t.deepEqual(await tenant.client.call('GET', '/me'), me);
	t.deepEqual(await limited.client.call('GET', '/me'), me);
	const {id, email, name} = admin.user;
	t.deepEqual(await admin.client.call('GET', '/me'), {id, email, name, isAdmin: true});
});
