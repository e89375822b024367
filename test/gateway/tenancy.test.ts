import {randomUUID} from 'node:crypto';
import test from 'ava';
import {newToken} from '../../domain/tokens/token.ts';
import {tenantRoutes} from '../../gateway/http/tenant-routes.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {sampleEvent, sampleJob, sampleOutcome} from '../support/samples.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';

const gateway = await createGatewayHarness();
// What administrators may is no tenant's: see admin.test.ts.
const routes = tenantRoutes(gateway.dependencies, gateway.publicUrl).filter(({target}) => target !== 'admin');

test.after.always(() => gateway[Symbol.asyncDispose]());

/** What each kind of path parameter names, and what is said about another tenant's or about none. */
const RESOURCES = {
	connections: {unknown: 'Connection not found', foreign: 'You do not own this connection'},
	webhooks: {unknown: 'Webhook config not found', foreign: 'You do not own this webhook config'},
	tokens: {unknown: 'Token not found', foreign: 'You do not own this token'},
	deliveries: {unknown: 'Delivery not found', foreign: 'You do not own this delivery'},
	jobs: {unknown: 'Job not found', foreign: 'You do not own this job'},
	events: {unknown: 'Event not found', foreign: 'You do not own this event'},
	sessions: {unknown: 'Session not found', foreign: 'You do not own this session'},
} as const;

type Resource = keyof typeof RESOURCES;

for (const route of routes) {
	const {method, path} = route;
	const name = `${method} ${path}`;
	const resource = resourceOf(path);
	const example = route.documentation.body as Record<string, unknown> | undefined;

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
				...(example !== undefined && {body: JSON.stringify(example)}),
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
			const response = await client.fetch(method, path.replace(':id', id), example);
			t.is(response.status, 403);
			t.like(await response.json(), {message: RESOURCES[resource].foreign, error: 'Forbidden', code: 'FORBIDDEN'});
			t.deepEqual(await stateOf(owner, resource, id), before);
		});

		test(`${name}: an id that is unknown or cannot be one is 404`, async (t) => {
			const {client} = await gateway.createTenant();
			for (const id of [randomUUID(), 'garbage', '%00', '..%2f..%2fetc', '%20', 'a'.repeat(2000), '%F0%9F%98%80']) {
				const response = await client.fetch(method, path.replace(':id', id), example);
				t.is(response.status, 404, id);
				t.like(await response.json(), {message: RESOURCES[resource].unknown, error: 'Not Found', code: 'NOT_FOUND'});
			}
		});
	}

	if (example !== undefined) {
		test(`${name}: a body that is not a JSON object, or of wrong types, is 400`, async (t) => {
			const tenant = await gateway.createTenant();
			const concrete = path.replace(':id', await ownedId(tenant, resource));
			const post = (body: string): Promise<Response> =>
				fetch(`${gateway.url}/api${concrete}`, {
					method,
					headers: {authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json'},
					body,
				});
			for (const body of ['{', '{"a":}', 'nonsense']) {
				const response = await post(body);
				t.is(response.status, 400, body);
				t.like(await response.json(), {error: 'Bad Request', statusCode: 400, code: 'VALIDATION_FAILED'});
			}
			for (const body of ['[]', '5', '"x"', '['.repeat(10_000) + ']'.repeat(10_000)]) {
				const response = await post(body);
				t.is(response.status, 400, body.slice(0, 20));
				t.is(((await response.json()) as ErrorBody).code, 'VALIDATION_FAILED');
			}
			for (const field of Object.keys(example)) {
				const response = await post(JSON.stringify({...example, [field]: {wrong: ['type']}}));
				t.is(response.status, 400, field);
				const {code, message} = (await response.json()) as ErrorBody;
				t.is(code, 'VALIDATION_FAILED');
				t.is(Array.isArray(message), route.faults === 'array', 'webhook clients expect an array');
			}
		});
	}
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
			const body = {url: 'https://example.com', events: ['message.any']};
			return (await tenant.client.call<{id: string}>('POST', `/connections/${connectionId}/webhooks`, body)).id;
		}
		case 'deliveries': {
			const outcome = sampleOutcome({userId: tenant.user.id, state: 'dead'});
			await gateway.stores.deliveryStore.record([outcome]);
			return outcome.deliveryId;
		}
		case 'sessions': {
			await tenant.client.fetch('GET', '/events/stream');
			return gateway.dependencies.eventSource.stream.clientsOf(tenant.user.id)[0]?.id ?? '';
		}
		case 'jobs':
			return (await gateway.stores.jobStore.create(sampleJob({userId: tenant.user.id}))).id;
		case 'events': {
			const event = sampleEvent({userId: tenant.user.id});
			await gateway.stores.eventStore.append([event]);
			return event.id;
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
			const webhooks = await gateway.stores.webhookStore.listByConnection(id, {limit: 100});
			return {name, deletedAt, phoneNumber, webhooks};
		}
		case 'webhooks':
			return {
				webhook: await gateway.stores.webhookStore.find(id),
				log: await gateway.stores.deliveryStore.listByWebhook(id, {limit: 10}),
				jobs: await gateway.stores.jobStore.list(tenant.user.id, {limit: 10}),
			};
		case 'deliveries':
			return gateway.stores.deliveryStore.find(id);
		case 'sessions':
			return gateway.dependencies.eventSource.stream.find(id)?.isOpen;
		case 'jobs':
			return gateway.stores.jobStore.find(id);
		case 'events':
			return gateway.stores.eventStore.find(id);
	}
}
