import test, {type ExecutionContext} from 'ava';
import {BillingFixture} from '../support/billing-fixture.ts';
import {eventually} from '../support/eventually.ts';
import {createLinkedConnection, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';

// One after the other: they share Stripe's account.

const fixture = await BillingFixture.create();
const {gateway, stripe} = fixture;
const {account} = stripe;

test.after.always(() => fixture[Symbol.asyncDispose]());

const DAY_MS = 24 * 60 * 60_000;

async function linked(tenant: Tenant, count: number): Promise<readonly ConnectionView[]> {
	const connections: ConnectionView[] = [];
	for (let index = 0; index < count; index++) connections.push(await createLinkedConnection(tenant));
	return connections;
}

function send({client}: Tenant, id: string): Promise<Response> {
	return client.fetch('POST', `/connections/${id}/send`, {chatId: '15550110000', text: 'hi', skipPresence: true});
}

/** As if the grace had begun so long ago. */
async function ageGrace({user}: Tenant, ms: number): Promise<void> {
	const {entitlementStore} = gateway.stores;
	const stored = await entitlementStore.find(user.id);
	if (!stored?.graceSince) throw new Error('there is no grace');
	await entitlementStore.save({...stored, graceSince: new Date(stored.graceSince.getTime() - ms)});
}

async function untilStatuses(t: ExecutionContext, tenant: Tenant, expected: readonly string[]): Promise<void> {
	await eventually(async () => (await fixture.statusesOf(tenant)).join() === expected.join());
	t.deepEqual(await fixture.statusesOf(tenant), expected);
}

async function engineStatusOf({sessionName}: ConnectionView): Promise<string | undefined> {
	const workers = gateway.dependencies.workers;
	const engine = workers.engineOf(workers.workers()[0]?.id ?? '');
	return (await engine.sessions.find(sessionName))?.status;
}

test.serial(
	'checkout, connections, more slots, a payment that fails, grace, its end, payment: nobody is logged out',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(1);
		const {client} = tenant;
		await client.call('PUT', '/billing/slots', {quantity: 2});
		const [first, second] = await linked(tenant, 2);
		if (first === undefined || second === undefined) throw new Error('no connections');
		const {phoneNumber} = await client.call<{phoneNumber: string}>('GET', `/connections/${second.id}`);

		account.declines = true;
		account.renew(subscription);
		await fixture.deliverAll();
		const pastDue = await fixture.status(tenant);
		t.like(pastDue, {
			subscription: {active: true, status: 'past_due'},
			slots: {paid: 2, used: 2, available: 0},
			banner: {kind: 'past_due'},
		});
		const graceMs = Date.parse(pastDue.banner?.until ?? '') - Date.now();
		t.true(graceMs > 6.9 * DAY_MS && graceMs < 7.1 * DAY_MS);
		t.is((await send(tenant, second.id)).status, 201, 'what runs goes on');
		await client.call('DELETE', `/connections/${first.id}`);
		const refused = await client.fetch('POST', '/connections');
		t.is(refused.status, 403, 'nothing new begins, though a slot is free');
		t.like(await refused.json(), {
			message: 'The last payment failed. Update your payment method at /billing before creating connections.',
		});
		t.like(await client.call('GET', '/billing/can-create'), {allowed: false, reason: 'The last payment failed'});
		t.is((await client.fetch('PUT', '/billing/slots', {quantity: 3})).status, 400);

		await ageGrace(tenant, 6 * DAY_MS);
		await fixture.tend(tenant);
		t.deepEqual(await fixture.statusesOf(tenant), ['connected']);
		await ageGrace(tenant, DAY_MS);
		await fixture.tend(tenant);
		t.deepEqual(await fixture.statusesOf(tenant), ['suspended']);
		t.like(await fixture.status(tenant), {
			subscription: {active: false, status: 'past_due', monthlyAmount: 0},
			slots: {paid: 0, used: 0, available: 0},
			suspended: 1,
			banner: {kind: 'suspended', until: null},
		});
		await eventually(async () => (await engineStatusOf(second)) === 'STOPPED');
		const blocked = await send(tenant, second.id);
		t.is(blocked.status, 403);
		t.like(await blocked.json(), {code: 'CONNECTION_SUSPENDED'});

		account.declines = false;
		account.pay(subscription);
		await fixture.deliverAll();
		await untilStatuses(t, tenant, ['connected']);
		t.like(await client.call('GET', `/connections/${second.id}`), {phoneNumber, me: {id: `${phoneNumber}@c.us`}});
		await eventually(async () => (await send(tenant, second.id)).status === 201);
		t.like(await fixture.status(tenant), {slots: {paid: 2, used: 1, available: 1}, suspended: 0, banner: null});
		t.deepEqual(await fixture.toldTo(tenant, 7), [
			'billing.slots.changed',
			'billing.slots.changed',
			'billing.past_due',
			'billing.suspended',
			'billing.slots.changed',
			'billing.recovered',
			'billing.resumed',
		]);
	},
);

test.serial('a subscription that ends suspends all, and the newest first where some slots are left', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(3);
	const connections = await linked(tenant, 3);
	account.cancelAtPeriodEnd(subscription);
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {banner: {kind: 'ending'}, slots: {paid: 3, available: 0}});
	t.deepEqual(await fixture.statusesOf(tenant), ['connected', 'connected', 'connected']);

	account.changeQuantity(subscription, 1);
	await fixture.deliverAll();
	t.deepEqual(await fixture.statusesOf(tenant), ['connected', 'suspended', 'suspended']);
	account.setStatus(subscription, 'canceled');
	await fixture.deliverAll();
	t.deepEqual(await fixture.statusesOf(tenant), ['suspended', 'suspended', 'suspended']);
	t.like(await fixture.status(tenant), {
		subscription: {active: false, status: 'canceled', monthlyAmount: 0},
		slots: {paid: 0},
		banner: {kind: 'suspended', message: '3 connections are suspended, because there are not enough slots.'},
	});
	for (const connection of connections) {
		await eventually(async () => (await engineStatusOf(connection)) === 'STOPPED');
		t.truthy((await gateway.stores.connectionStore.find(connection.id))?.me, 'still linked');
	}

	await fixture.buy(tenant, 2);
	await fixture.deliverAll();
	await untilStatuses(t, tenant, ['connected', 'connected', 'suspended']);
	t.deepEqual(await fixture.toldTo(tenant, 7), [
		'billing.slots.changed',
		'billing.slots.changed',
		'billing.suspended',
		'billing.slots.changed',
		'billing.suspended',
		'billing.slots.changed',
		'billing.resumed',
	]);
});

test.serial('a suspended connection can be deleted and looked at, and nothing brings it back but a slot', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	const {client} = tenant;
	const [oldest, newest] = await linked(tenant, 2);
	account.changeQuantity(subscription, 1);
	await fixture.deliverAll();
	const path = `/connections/${newest?.id ?? ''}`;
	t.like(await client.call('GET', path), {status: 'suspended'});
	t.like(await client.call('GET', `${path}/me`), {
		pushName: (await client.call<{me: {pushName: string}}>('GET', path)).me.pushName,
	});
	for (const [method, route, body] of [
		['GET', '/qr', undefined],
		['GET', '/chats', undefined],
		['POST', '/restart', undefined],
		['POST', '/logout', undefined],
		['POST', '/pairing-code', {phone: '15550001111'}],
		['POST', '/typing', {chatId: '15550110000@c.us'}],
	] as const) {
		const response = await client.fetch(method, path + route, body);
		t.is(response.status, 403, route);
		t.like(await response.json(), {code: 'CONNECTION_SUSPENDED'});
	}
	const reused = await client.fetch('POST', '/connections/get-or-create');
	t.is(reused.status, 403, 'it is no idle one');

	await client.call('DELETE', `/connections/${oldest?.id ?? ''}`);
	await untilStatuses(t, tenant, ['connected']);
	t.like(await client.call('GET', path), {status: 'connected'}, 'the slot that became free is its own');
	t.is((await client.fetch('POST', '/connections')).status, 403);
	t.like(await client.call('DELETE', path), {status: 'stopped'});
	t.is((await client.fetch('POST', '/connections')).status, 201);
});

test.serial(
	'the broker is away when somebody is suspended: the session is stopped, and the tenant told, later',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		const [, newest] = await linked(tenant, 2);
		if (newest === undefined) throw new Error('no connection');
		await fixture.toldTo(tenant, 1);
		account.changeQuantity(subscription, 1);
		gateway.broker.mode = 'away';
		await fixture.deliverAll();
		gateway.broker.mode = 'working';
		t.deepEqual(await fixture.statusesOf(tenant), ['connected', 'suspended']);
		t.is(await engineStatusOf(newest), 'WORKING');
		await fixture.tend(tenant);
		await eventually(async () => (await engineStatusOf(newest)) === 'STOPPED');
		t.deepEqual(await fixture.toldTo(tenant, 3), [
			'billing.slots.changed',
			'billing.slots.changed',
			'billing.suspended',
		]);
	},
);

for (const during of ['suspend', 'resume'] as const) {
	test.serial(
		`a crash between a change of a connection (${during}) and its notice: the tenant is told later`,
		async (t) => {
			const {tenant, subscription} = await fixture.createCustomer(2);
			const {connectionStore} = gateway.stores;
			const connections = await linked(tenant, 2);
			const crashAfter = async (method: typeof during): Promise<void> => {
				const work = connectionStore[method].bind(connectionStore);
				connectionStore[method] = async (id, at) => {
					await work(id, at);
					throw new Error('crash on purpose');
				};
				await fixture.deliverAll();
				connectionStore[method] = work;
			};
			account.changeQuantity(subscription, 1);
			if (during === 'suspend') await crashAfter('suspend');
			await fixture.deliverAll();
			t.is((await fixture.statusesOf(tenant))[1], 'suspended');
			await fixture.tend(tenant);
			await fixture.toldTo(tenant, 3);
			account.changeQuantity(subscription, 2);
			if (during === 'resume') await crashAfter('resume');
			await fixture.deliverAll();
			t.not((await fixture.statusesOf(tenant))[1], 'suspended');
			for (let round = 0; round < 3; round++) await fixture.tend(tenant);
			t.deepEqual(await fixture.toldTo(tenant, 5), [
				'billing.slots.changed',
				'billing.slots.changed',
				'billing.suspended',
				'billing.slots.changed',
				'billing.resumed',
			]);
			const told = await tenant.client.call<{payload: {connectionIds: string[]}}[]>(
				'GET',
				'/events?event=billing.resumed',
			);
			t.deepEqual(told[0]?.payload.connectionIds, [connections[1]?.id]);
		},
	);
}

test.serial('a connection that is deleted while it is suspended is told of no more', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	const [, newest] = await linked(tenant, 2);
	account.changeQuantity(subscription, 1);
	await fixture.deliverAll();
	const toldOf = async (): Promise<readonly string[] | undefined> =>
		(await gateway.stores.entitlementStore.find(tenant.user.id))?.toldSuspended;
	t.deepEqual(await toldOf(), [newest?.id]);
	await tenant.client.call('DELETE', `/connections/${newest?.id ?? ''}`);
	account.changeQuantity(subscription, 3);
	await fixture.deliverAll();
	t.deepEqual(await toldOf(), []);
	t.deepEqual(await fixture.toldTo(tenant, 4), [
		'billing.slots.changed',
		'billing.slots.changed',
		'billing.suspended',
		'billing.slots.changed',
	]);
});

test.serial(
	'what is found at Stripe when slots are asked for has its consequences, whatever comes of the request',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		const {client} = tenant;
		await linked(tenant, 2);
		const change = (quantity: number): void => {
			account.changeQuantity(subscription, quantity);
			account.takeEvents();
		};
		change(1);
		t.like(await client.call('PUT', '/billing/slots', {quantity: 1}), {status: 'unchanged'});
		t.deepEqual(await fixture.statusesOf(tenant), ['connected', 'suspended']);
		change(2);
		account.declines = true;
		t.is((await client.fetch('PUT', '/billing/slots', {quantity: 9})).status, 400);
		account.declines = false;
		await untilStatuses(t, tenant, ['connected', 'connected']);
		change(1);
		await client.call('POST', '/billing/checkout');
		t.deepEqual(await fixture.statusesOf(tenant), ['connected', 'suspended']);
		account.setStatus(subscription, 'unpaid');
		account.takeEvents();
		t.is((await client.fetch('PUT', '/billing/slots', {quantity: 2})).status, 400);
		t.deepEqual(await fixture.statusesOf(tenant), ['suspended', 'suspended']);
		t.deepEqual(await fixture.toldTo(tenant, 9), [
			'billing.slots.changed',
			'billing.slots.changed',
			'billing.suspended',
			'billing.slots.changed',
			'billing.resumed',
			'billing.slots.changed',
			'billing.suspended',
			'billing.slots.changed',
			'billing.suspended',
		]);
	},
);

test.serial('what the tenant is told names the connections, and is no event of a connection', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(1);
	const [connection] = await linked(tenant, 1);
	account.setStatus(subscription, 'unpaid');
	await fixture.deliverAll();
	await fixture.toldTo(tenant, 3);
	const events = await tenant.client.call<{event: string}[]>('GET', '/events?event=billing.suspended');
	t.is(events.length, 1);
	t.like(events[0], {
		event: 'billing.suspended',
		connectionId: null,
		session: null,
		payload: {connectionIds: [connection?.id], slots: 0, status: 'unpaid'},
	});
});

test.serial('who had connections before slots were sold keeps them, and gets no others', async (t) => {
	const tenant = await gateway.createTenant({user: {isAdmin: true}});
	const connections = await linked(tenant, 2);
	const subject = await gateway.createTenant();
	for (const {id} of connections) {
		const connection = await gateway.stores.connectionStore.find(id);
		if (connection !== undefined) {
			await gateway.stores.connectionStore.insert({
				...connection,
				id: crypto.randomUUID(),
				sessionName: `${connection.sessionName}x`,
				userId: subject.user.id,
			});
		}
	}
	await subject.client.call('POST', '/billing/portal');
	await fixture.tend(subject);
	t.like(await fixture.status(subject), {slots: {paid: 0, used: 2}, suspended: 0});
	t.is((await subject.client.fetch('POST', '/connections')).status, 403);
	await fixture.buy(subject, 3);
	await fixture.deliverAll();
	t.is((await subject.client.fetch('POST', '/connections')).status, 201, 'one of three is free');
	t.is((await subject.client.fetch('POST', '/connections')).status, 403);
});
