import {randomUUID} from 'node:crypto';
import test from 'ava';
import {SCOPES, type Scope} from '../../domain/tokens/grants.ts';
import type {Route} from '../../gateway/http/route.ts';
import {tenantRoutes} from '../../gateway/http/tenant-routes.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {sampleConnection, sampleEvent, sampleJob, sampleOutcome} from '../support/samples.ts';

/** An administrator with two connections, each with a webhook, and another user: everything that routes act on. */
interface Account {
	readonly admin: Tenant;
	readonly connectionId: string;
	readonly otherConnectionId: string;
	readonly webhookId: string;
	readonly deliveryId: string;
	readonly eventId: string;
	readonly jobId: string;
	readonly otherUserId: string;
}

const gateway = await createGatewayHarness();
const routes = tenantRoutes(gateway.dependencies, gateway.publicUrl);

test.after.always(() => gateway[Symbol.asyncDispose]());

async function createAccount(): Promise<Account> {
	const admin = await gateway.createTenant({user: {isAdmin: true}});
	const connection = sampleConnection({userId: admin.user.id});
	const other = sampleConnection({userId: admin.user.id});
	for (const each of [connection, other]) await gateway.stores.connectionStore.insert(each);
	const {webhook} = await gateway.dependencies.webhooks.create(connection, {
		url: 'https://example.com',
		events: ['message.any'],
	});
	const of = {userId: admin.user.id, connectionId: connection.id};
	const event = sampleEvent({...of, event: 'none'});
	await gateway.stores.eventStore.append([event]);
	const outcome = sampleOutcome({...of, eventId: event.id, webhookId: webhook.id, state: 'dead'});
	await gateway.stores.deliveryStore.record([outcome]);
	const job = await gateway.stores.jobStore.create(sampleJob(of));
	const {user} = await gateway.createTenant();
	return {
		admin,
		connectionId: connection.id,
		otherConnectionId: other.id,
		webhookId: webhook.id,
		deliveryId: outcome.deliveryId,
		eventId: event.id,
		jobId: job.id,
		otherUserId: user.id,
	};
}

/** What a route acts on, as far as requests could change it. */
async function stateOf({admin, connectionId, webhookId, otherUserId}: Account): Promise<unknown> {
	const {stores, broker} = gateway;
	const {connectionStore, webhookStore, tokenStore, userStore, deliveryStore, jobStore} = stores;
	const tokens = await tokenStore.listActive(admin.user.id, {limit: 100});
	return {
		connection: await connectionStore.find(connectionId),
		connections: (await connectionStore.list(admin.user.id, {limit: 100})).length,
		webhook: await webhookStore.find(webhookId),
		webhooks: (await webhookStore.listByConnection(connectionId, {limit: 100})).length,
		deliveries: await deliveryStore.listByWebhook(webhookId, {limit: 10}),
		jobs: await jobStore.list(admin.user.id, {limit: 10}),
		tokens: tokens.map(({id}) => id),
		users: [await userStore.find(admin.user.id), await userStore.find(otherUserId)],
		published: broker.published.filter(({body}) => body.includes(connectionId)).length,
	};
}

function call(route: Route, {admin, ...account}: Account, {client}: Tenant, body?: unknown): Promise<Response> {
	const ids: Readonly<Record<string, string>> = {
		connections: account.connectionId,
		webhooks: account.webhookId,
		deliveries: account.deliveryId,
		events: account.eventId,
		jobs: account.jobId,
		tokens: admin.tokenId,
		users: account.otherUserId,
	};
	const path = route.path
		.replace(/\/(\w+)\/:id/, (_, resource: string) => `/${resource}/${ids[resource] ?? 'x'}`)
		.replace(/:(\w+)/g, (_, name: string) => route.documentation.params?.[name]?.example ?? 'x');
	return client.fetch(route.method, path, route.method === 'GET' ? undefined : body);
}

for (const route of routes) {
	const {method, path, target, scope, documentation} = route;
	const name = `${method} ${path}`;

	test(`${name}: a token without the scope "${scope}" is refused and changes nothing`, async (t) => {
		const account = await createAccount();
		const others = SCOPES.filter((other) => other !== scope);
		for (const scopes of [others, []] as readonly Scope[][]) {
			const caller = await gateway.addToken(account.admin, {scopes});
			const before = await stateOf(account);
			const response = await call(route, account, caller, documentation.body ?? {});
			t.is(response.status, 403);
			const message = `This token lacks the scope "${scope}": create one that has it with POST /api/tokens`;
			t.like(await response.json(), {message, code: 'FORBIDDEN'});
			t.deepEqual(await stateOf(account), before);
		}
	});

	if (target !== 'self') {
		test(`${name}: a token for another connection is refused and changes nothing`, async (t) => {
			const account = await createAccount();
			for (const connectionIds of [[account.otherConnectionId], [randomUUID()], []]) {
				const caller = await gateway.addToken(account.admin, {connectionIds});
				const before = await stateOf(account);
				const response = await call(route, account, caller, documentation.body ?? {});
				t.is(response.status, 403);
				const message = 'This token is for certain connections only, and this is not one of them';
				t.like(await response.json(), {message, code: 'FORBIDDEN'});
				t.deepEqual(await stateOf(account), before);
			}
		});
	}

	if (method === 'GET' || route.body !== undefined) {
		test(`${name}: a token with the scope "${scope}" alone, for this connection, may`, async (t) => {
			const account = await createAccount();
			const isAboutOne = target !== 'account' && target !== 'admin';
			const caller = await gateway.addToken(account.admin, {
				scopes: [scope],
				connectionIds: isAboutOne ? [account.connectionId] : null,
			});
			// What it may is judged before the body is: this one ends there.
			const response = await call(route, account, caller, ['no object']);
			t.not(response.status, 401);
			t.not(response.status, 403);
			if (method !== 'GET') t.is(response.status, 400);
		});
	}

	if (target === 'admin') {
		test(`${name}: who is no administrator is refused and changes nothing`, async (t) => {
			const account = await createAccount();
			const before = await stateOf(account);
			const response = await call(route, account, await gateway.createTenant(), documentation.body ?? {});
			t.is(response.status, 403);
			t.like(await response.json(), {message: 'Admin access required', code: 'FORBIDDEN'});
			t.deepEqual(await stateOf(account), before);
		});
	}
}

test('a token for certain connections lists these, page by page, and no others', async (t) => {
	const {user, ...tenant} = await gateway.createTenant();
	const connections = Array.from({length: 5}, () => sampleConnection({userId: user.id}));
	for (const connection of connections) await gateway.stores.connectionStore.insert(connection);
	const foreign = sampleConnection();
	await gateway.stores.connectionStore.insert(foreign);
	const allowed = connections.slice(1, 4).map(({id}) => id);
	const {client} = await gateway.addToken({user, ...tenant}, {connectionIds: [...allowed, foreign.id]});

	const listed: string[] = [];
	let path: string | undefined = '/connections?limit=2';
	while (path !== undefined) {
		const response = await client.fetch('GET', path);
		listed.push(...((await response.json()) as ConnectionView[]).map(({id}) => id));
		path = /<.*\/api(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
	}
	t.deepEqual(listed.sort(), allowed.sort());
});

test('a delivery is its webhook’s: a token for a connection does not touch those of a webhook of the whole account', async (t) => {
	const {admin, connectionId, eventId, deliveryId: ownId} = await createAccount();
	const {webhook} = await gateway.dependencies.webhooks.createForUser(admin.user.id, {
		url: 'https://example.com',
		events: ['*'],
	});
	const outcome = sampleOutcome({
		...{userId: admin.user.id, connectionId, eventId, webhookId: webhook.id},
		state: 'dead',
	});
	await gateway.stores.deliveryStore.record([outcome]);
	const {client} = await gateway.addToken(admin, {connectionIds: [connectionId]});
	const path = `/deliveries/${outcome.deliveryId}`;
	t.is((await client.fetch('GET', path)).status, 403);
	t.is((await client.fetch('POST', `${path}/retry`)).status, 403);
	t.like(await gateway.stores.deliveryStore.find(outcome.deliveryId), {state: 'dead', run: 1});
	t.is((await client.fetch('GET', `/deliveries/${ownId}`)).status, 200);
	t.is((await admin.client.fetch('GET', path)).status, 200);
});

test('every route names what it acts on where its path has an id', (t) => {
	for (const {path, target} of routes) {
		const expected = /^\/(simulator\/)?connections\/:id/.test(path)
			? 'connection'
			: path.startsWith('/webhooks/:id')
				? 'webhook'
				: path.startsWith('/deliveries/:id')
					? 'delivery'
					: path.startsWith('/jobs/:id')
						? 'job'
						: path.startsWith('/events/:id')
							? 'event'
							: path.startsWith('/infrastructure')
								? 'admin'
								: undefined;
		if (expected !== undefined) t.is(target, expected, path);
	}
});
