import {randomUUID} from 'node:crypto';
import test from 'ava';
import {newToken} from '../../domain/tokens/token.ts';
import {tenantRoutes} from '../../gateway/http/tenant-routes.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import type {ErrorBody} from '../../gateway/http/error-handler.ts';

const gateway = await createGatewayHarness();
const routes = tenantRoutes(gateway.dependencies, gateway.publicUrl);

test.after.always(() => gateway[Symbol.asyncDispose]());

/** What each kind of path parameter names, and what is said about another tenant's or about none. */
const RESOURCES = {
	connections: {unknown: 'Connection not found', foreign: 'You do not own this connection'},
	webhooks: {unknown: 'Webhook config not found', foreign: 'You do not own this webhook config'},
	tokens: {unknown: 'Token not found', foreign: 'You do not own this token'},
} as const;

type Resource = keyof typeof RESOURCES;

/** A body that each route takes; absent = it takes none. */
const VALID_BODIES: Readonly<Record<string, object>> = {
	'POST /tokens': {name: 'ci'},
	'POST /connections': {name: 'Shop'},
	'PATCH /connections/:id': {name: 'Shop'},
	'POST /connections/:id/send': {chatId: '15550110000', text: 'hello'},
	'POST /connections/:id/webhooks': {url: 'https://example.com', events: ['*']},
	'PUT /webhooks/:id': {active: true},
	'POST /simulator/connections/:id/message-from': {from: '15550110000', text: 'hello'},
	'POST /simulator/connections/:id/react': {messageId: 'x', from: '15550110000', reaction: '👍'},
	'POST /simulator/connections/:id/ack': {messageId: 'x', ack: 3},
	'POST /simulator/connections/:id/restrict': {until: '2030-01-01T00:00:00Z'},
	'POST /simulator/connections/:id/chaos': {drop: 0},
};

/** What is wrong for each of them, whatever JSON allows. */
const WRONG_TYPE_BODIES: Readonly<Record<string, object>> = {
	'POST /tokens': {name: 5},
	'POST /connections': {name: ['a']},
	'PATCH /connections/:id': {name: {}},
	'POST /connections/:id/send': {chatId: 5, text: []},
	'POST /connections/:id/webhooks': {url: 5, events: 'x'},
	'PUT /webhooks/:id': {active: 'false'},
	'POST /simulator/connections/:id/message-from': {from: 1},
	'POST /simulator/connections/:id/react': {},
	'POST /simulator/connections/:id/ack': {messageId: 'x', ack: 9},
	'POST /simulator/connections/:id/restrict': {until: 'tomorrow'},
	'POST /simulator/connections/:id/chaos': {drop: 2},
};

/** These are told nothing but the path. */
const WITHOUT_BODY = [
	'POST /webhooks/:id/test',
	...['scan', 'go-offline', 'go-online', 'log-out'].map((name) => `POST /simulator/connections/:id/${name}`),
];

test('the tables of this file know every route that takes a body', (t) => {
	const taking = routes.filter(({method}) => hasBody(method)).map(nameOf);
	t.deepEqual(taking.sort(), [...Object.keys(VALID_BODIES), ...WITHOUT_BODY].sort());
	t.deepEqual(Object.keys(VALID_BODIES), Object.keys(WRONG_TYPE_BODIES));
});

for (const route of routes) {
	const {method, path} = route;
	const name = nameOf(route);
	const resource = resourceOf(path);

	test(`${name}: without a token, with a malformed, an unknown and a revoked one it is 401`, async (t) => {
		const tenant = await gateway.createTenant();
		const concrete = path.replace(':id', await ownedId(tenant, resource));
		await tenant.client.call('DELETE', `/tokens/${tenant.tokenId}`);
		for (const [authorization, message] of [
			[undefined, 'Missing or invalid Authorization header'],
			['Basic eDp5', 'Missing or invalid Authorization header'],
			['Bearer', 'Missing or invalid Authorization header'],
			['Bearer nonsense', 'Invalid token format'],
			['Bearer wh_short', 'Invalid or revoked API token'],
			[`Bearer ${newToken()}`, 'Invalid or revoked API token'],
			[`Bearer ${tenant.token}`, 'Invalid or revoked API token'],
		] as const) {
			const response = await fetch(`${gateway.url}/api${concrete}`, {
				method,
				headers: {'content-type': 'application/json', ...(authorization !== undefined && {authorization})},
				...(hasBody(method) && {body: JSON.stringify(VALID_BODIES[name] ?? {})}),
			});
			t.is(response.status, 401);
			t.like(await response.json(), {message, error: 'Unauthorized', statusCode: 401, code: 'UNAUTHENTICATED'});
		}
	});

	if (resource !== undefined && path.includes(':id')) {
		test(`${name}: somebody else's is 403 and stays as it was`, async (t) => {
			const owner = await gateway.createTenant();
			const id = await ownedId(owner, resource);
			const before = await stateOf(owner, resource, id);
			const {client} = await gateway.createTenant();
			const response = await client.fetch(method, path.replace(':id', id), bodyOf(method, VALID_BODIES[name]));
			t.is(response.status, 403);
			t.like(await response.json(), {message: RESOURCES[resource].foreign, error: 'Forbidden', code: 'FORBIDDEN'});
			t.deepEqual(await stateOf(owner, resource, id), before);
		});

		test(`${name}: an id that is unknown or cannot be one is 404`, async (t) => {
			const {client} = await gateway.createTenant();
			for (const id of [randomUUID(), 'garbage', '%00', '..%2f..%2fetc', '%20', 'a'.repeat(2000), '%F0%9F%98%80']) {
				const response = await client.fetch(method, path.replace(':id', id), bodyOf(method, VALID_BODIES[name]));
				t.is(response.status, 404, id);
				t.like(await response.json(), {message: RESOURCES[resource].unknown, error: 'Not Found', code: 'NOT_FOUND'});
			}
		});
	}

	if (hasBody(method)) {
		test(`${name}: a body that is not a JSON object, or of wrong types, is 400`, async (t) => {
			const {client, token, ...tenant} = await gateway.createTenant();
			const concrete = path.replace(':id', await ownedId({client, token, ...tenant}, resource));
			const post = (body: string): Promise<Response> =>
				fetch(`${gateway.url}/api${concrete}`, {
					method,
					headers: {authorization: `Bearer ${token}`, 'content-type': 'application/json'},
					body,
				});
			for (const body of ['{', '{"a":}', 'nonsense']) {
				const response = await post(body);
				t.is(response.status, 400, body);
				t.like(await response.json(), {error: 'Bad Request', statusCode: 400, code: 'VALIDATION_FAILED'});
			}
			if (VALID_BODIES[name] === undefined) {
				return;
			}
			for (const body of ['[]', '5', '"x"', '['.repeat(10_000) + ']'.repeat(10_000)]) {
				const response = await post(body);
				t.is(response.status, 400, body.slice(0, 20));
				t.like(await response.json(), {message: 'The body must be a JSON object', code: 'VALIDATION_FAILED'});
			}
			const response = await post(JSON.stringify(WRONG_TYPE_BODIES[name]));
			t.is(response.status, 400);
			const {code, message} = (await response.json()) as ErrorBody;
			t.is(code, 'VALIDATION_FAILED');
			t.is(
				Array.isArray(message),
				name.endsWith('webhooks') || name.startsWith('PUT'),
				'webhook clients expect an array',
			);
		});
	}
}

function nameOf({method, path}: {method: string; path: string}): string {
	return `${method} ${path}`;
}

function hasBody(method: string): boolean {
	return method !== 'GET' && method !== 'DELETE';
}

function bodyOf(method: string, body: object | undefined): object | undefined {
	return hasBody(method) ? (body ?? {}) : undefined;
}

function resourceOf(path: string): Resource | undefined {
	return (Object.keys(RESOURCES) as Resource[]).find((resource) => path.includes(`/${resource}/:id`));
}

async function ownedId(tenant: Tenant, resource: Resource | undefined): Promise<string> {
	switch (resource) {
		case undefined:
			return '';
		case 'tokens':
			return tenant.tokenId;
		case 'connections':
			return (await tenant.client.call<ConnectionView>('POST', '/connections')).id;
		case 'webhooks': {
			const connectionId = await ownedId(tenant, 'connections');
			const body = {url: 'https://example.com', events: ['*']};
			return (await tenant.client.call<{id: string}>('POST', `/connections/${connectionId}/webhooks`, body)).id;
		}
	}
}

/** What the store says of a resource, without what its owner's own session changes meanwhile. */
async function stateOf(tenant: Tenant, resource: Resource, id: string): Promise<unknown> {
	switch (resource) {
		case 'tokens': {
			const token = await gateway.stores.tokenStore.find(id);
			return token?.active;
		}
		case 'connections': {
			const {name, deletedAt, phoneNumber} = await gateway.dependencies.connections.get(tenant.user.id, id);
			const webhooks = await gateway.stores.webhookStore.listByConnection(id);
			return {name, deletedAt, phoneNumber, webhooks};
		}
		case 'webhooks':
			return {
				webhook: await gateway.stores.webhookStore.find(id),
				log: await gateway.stores.deliveryStore.listByWebhook(id, {limit: 10}),
			};
	}
}
