import test from 'ava';
import {createGatewayHarness} from '../support/gateway-harness.ts';
import type {ErrorBody} from '../../gateway/http/error-handler.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

test('a created token works at once, and no more after it is revoked', async (t) => {
	const {client} = await gateway.createTenant();
	const created = await client.call<{id: string; token: string}>('POST', '/tokens', {name: 'ci'});
	const list = (): Promise<Response> =>
		fetch(`${gateway.url}/api/tokens`, {headers: {authorization: `bearer ${created.token}`}});
	t.is((await list()).status, 200);
	t.deepEqual(await client.call('DELETE', `/tokens/${created.id}`), {success: true});
	t.is((await list()).status, 401);
});

test('tokens are shown with the fields of the contract, in its order; the list leaves revoked ones out', async (t) => {
	const {client, tokenId} = await gateway.createTenant();
	const created = await client.call<{id: string}>('POST', '/tokens', {name: 'ci'});
	t.deepEqual(Object.keys(created), [
		'id',
		'name',
		'token',
		'tokenPrefix',
		'active',
		'lastUsedAt',
		'createdAt',
		'prefix',
	]);
	const list = await client.call<{id: string}[]>('GET', '/tokens');
	t.deepEqual(list.map(({id}) => id).sort(), [created.id, tokenId].sort());
	t.deepEqual(Object.keys(list[0] ?? {}), ['id', 'name', 'tokenPrefix', 'active', 'lastUsedAt', 'createdAt', 'prefix']);
	await client.call('DELETE', `/tokens/${created.id}`);
	t.deepEqual(
		(await client.call<{id: string}[]>('GET', '/tokens')).map(({id}) => id),
		[tokenId],
	);
});

test('a token needs a name', async (t) => {
	const {client} = await gateway.createTenant();
	for (const body of [undefined, {}, {name: null}, {name: ''}]) {
		const response = await client.fetch('POST', '/tokens', body);
		t.is(response.status, 400);
		t.is(((await response.json()) as ErrorBody).message, 'name is required');
	}
});

test('answers that carry secrets are not to be cached', async (t) => {
	const {client} = await gateway.createTenant();
	const response = await client.fetch('POST', '/tokens', {name: 'ci'});
	t.is(response.headers.get('cache-control'), 'no-store');
});
