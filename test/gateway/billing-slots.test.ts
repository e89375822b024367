import test from 'ava';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {BillingFixture, type StatusView} from '../support/billing-fixture.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {sampleConnection, sampleEntitlement, sampleSubscription} from '../support/samples.ts';

// One after the other: they share Stripe's account.

const fixture = await BillingFixture.create();
const {gateway, stripe} = fixture;

test.after.always(() => fixture[Symbol.asyncDispose]());

async function holdersOf({user}: Tenant): Promise<number> {
	return (await gateway.stores.entitlementStore.find(user.id))?.holders.length ?? 0;
}

test.serial('100 connections created at once with 10 slots: exactly 10 come to be', async (t) => {
	const {tenant} = await fixture.createCustomer(10);
	const responses = await Promise.all(Array.from({length: 100}, () => tenant.client.fetch('POST', '/connections')));
	const statuses = responses.map(({status}) => status);
	t.is(statuses.filter((status) => status === 201).length, 10);
	t.is(statuses.filter((status) => status === 403).length, 90);
	t.like(await fixture.status(tenant), {slots: {paid: 10, used: 10, available: 0}});
	t.is(await holdersOf(tenant), 10);
});

test.serial('creating and deleting at once never comes above the slots, and leaves none unused', async (t) => {
	const {tenant} = await fixture.createCustomer(3);
	const {client} = tenant;
	const churn = async (): Promise<void> => {
		for (let round = 0; round < 4; round++) {
			const response = await client.fetch('POST', '/connections');
			if (response.status !== 201) continue;
			const {slots} = await fixture.status(tenant);
			t.true(slots.used <= 3, `${slots.used} are used`);
			await client.call('DELETE', `/connections/${((await response.json()) as ConnectionView).id}`);
		}
	};
	await Promise.all([1, 2, 3, 4, 5].map(churn));
	t.like(await fixture.status(tenant), {slots: {used: 0, available: 3}});
	for (let index = 0; index < 3; index++) t.is((await client.fetch('POST', '/connections')).status, 201);
	t.is((await client.fetch('POST', '/connections')).status, 403);
});

test.serial(
	'Stripe is not asked when a connection is created, found, deleted, or a status read, and may be away',
	async (t) => {
		const {tenant} = await fixture.createCustomer(2);
		const {client} = tenant;
		const {length} = stripe.requests;
		for (const mode of ['hanging', 'erring'] as const) {
			stripe.mode = mode;
			const {id} = await client.call<ConnectionView>('POST', '/connections');
			t.is((await client.fetch('POST', '/connections/get-or-create')).status, 201);
			t.like(await fixture.status(tenant), {slots: {paid: 2, used: 1}});
			t.like(await client.call('GET', '/billing/can-create'), {allowed: true});
			await client.call('DELETE', `/connections/${id}`);
		}
		stripe.mode = 'working';
		t.is(stripe.requests.length, length);
	},
);

test.serial(
	'get-or-create takes an idle connection without another slot, and a slot when it has to create one',
	async (t) => {
		const {tenant} = await fixture.createCustomer(1);
		const {client} = tenant;
		const {id} = await client.call<ConnectionView>('POST', '/connections/get-or-create');
		t.like(await client.call('POST', '/connections/get-or-create'), {id});
		t.is(await holdersOf(tenant), 1);
		await gateway.stores.connectionStore.applyReport(id, {
			status: 'connected',
			me: {id: '15550001111@c.us', pushName: null},
			atMs: Date.now() + 60_000,
		});
		t.is((await client.fetch('POST', '/connections/get-or-create')).status, 403);
	},
);

test.serial('a connection that could not be stored gives its slot back', async (t) => {
	const {tenant} = await fixture.createCustomer(1);
	const {connectionStore} = gateway.stores;
	const insert = connectionStore.insert.bind(connectionStore);
	connectionStore.insert = () => Promise.reject(new StoreUnavailableError('on purpose'));
	t.is((await tenant.client.fetch('POST', '/connections')).status, 503);
	connectionStore.insert = insert;
	t.is(await holdersOf(tenant), 0);
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201);
});

test.serial('slots of connections that are gone, or never came to be, are swept up', async (t) => {
	const {tenant} = await fixture.createCustomer(4);
	const {stores} = gateway;
	const deleted = sampleConnection({userId: tenant.user.id, deletedAt: new Date()});
	await stores.connectionStore.insert(deleted);
	const now = Date.now();
	await stores.slotStore.add(tenant.user.id, [
		{id: deleted.id, takenAtMs: now},
		{id: 'never came to be', takenAtMs: now - 11 * 60_000},
		{id: 'on its way', takenAtMs: now - 60_000},
	]);
	await fixture.tend(tenant);
	const entitlement = await stores.entitlementStore.find(tenant.user.id);
	t.deepEqual(
		entitlement?.holders.map(({id}) => id),
		['on its way'],
	);
	await stores.slotStore.add(
		tenant.user.id,
		[1, 2, 3].map((n) => ({id: `${n}`, takenAtMs: now - 11 * 60_000})),
	);
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201, 'also when they are needed');
	t.is(await holdersOf(tenant), 2);
});

test.serial('slots of an administrator’s add to those that are paid for; fewer suspend the newest', async (t) => {
	const {tenant} = await fixture.createCustomer(1);
	const admin = await gateway.createTenant({user: {isAdmin: true}});
	const path = `/infrastructure/users/${tenant.user.id}`;
	t.like(await admin.client.call('PATCH', path, {slots: 2}), {id: tenant.user.id, slots: 2, disabled: false});
	t.like(await fixture.status(tenant), {slots: {paid: 3, available: 3}, subscription: {monthlyAmount: 0.99}});
	for (let index = 0; index < 3; index++) await tenant.client.call('POST', '/connections');
	t.is((await tenant.client.fetch('POST', '/connections')).status, 403);
	t.like(await admin.client.call('PATCH', path, {slots: 1, disabled: false}), {slots: 1});
	t.like(await fixture.status(tenant), {slots: {paid: 2, used: 2}, suspended: 1});
	t.is((await fixture.statusesOf(tenant))[2], 'suspended');
	const users = await admin.client.call<{id: string; slots: number | null}[]>('GET', '/infrastructure/users');
	t.is(users.find(({id}) => id === tenant.user.id)?.slots, 1);
	t.is(users.find(({id}) => id === admin.user.id)?.slots, null);
});

test.serial('a trial keeps what runs and creates nothing, and says so', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201);
	stripe.account.setStatus(subscription, 'trialing');
	await fixture.deliverAll();
	const refused = await tenant.client.fetch('POST', '/connections');
	t.is(refused.status, 403);
	t.like(await refused.json(), {
		message: 'The trial does not create connections: wait for its end, when the first payment is made.',
	});
	t.like(await tenant.client.call('GET', '/billing/can-create'), {
		allowed: false,
		reason: 'The trial does not create connections',
	});
	t.like(await fixture.status(tenant), {subscription: {active: true}, slots: {paid: 2, used: 1, available: 0}});
});

test.serial('only administrators give slots, whole ones, to users that exist', async (t) => {
	const {tenant} = await fixture.createCustomer(1);
	const admin = await gateway.createTenant({user: {isAdmin: true}});
	const path = `/infrastructure/users/${tenant.user.id}`;
	t.is((await tenant.client.fetch('PATCH', path, {slots: 50})).status, 403);
	for (const slots of [-1, 1.5, '5', 1e9]) {
		const response = await admin.client.fetch('PATCH', path, {slots});
		t.is(response.status, 400);
		t.like(await response.json(), {message: 'slots must be a whole number from 0 to 100000'});
	}
	for (const id of ['3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15', 'x']) {
		t.is((await admin.client.fetch('PATCH', `/infrastructure/users/${id}`, {slots: 1})).status, 404);
	}
	t.like(await fixture.status(tenant), {slots: {paid: 1}});
});

test.serial('where slots are given by hand, nothing is sold and the given ones are the limit', async (t) => {
	await using manual = await createGatewayHarness({env: {BILLING: 'manual'}});
	const [tenant, admin] = [await manual.createTenant(), await manual.createTenant({user: {isAdmin: true}})];
	const {client} = tenant;
	const none = await client.fetch('POST', '/connections');
	t.is(none.status, 403);
	t.like(await none.json(), {message: 'You have no connection slots. Ask the operator for some.'});
	t.deepEqual(await client.call('GET', '/billing/can-create'), {allowed: false, reason: 'No slots'});
	await admin.client.call('PATCH', `/infrastructure/users/${tenant.user.id}`, {slots: 2});
	for (let index = 0; index < 2; index++) t.is((await client.fetch('POST', '/connections')).status, 201);
	const refused = await client.fetch('POST', '/connections');
	t.is(refused.status, 403);
	t.like(await refused.json(), {message: 'All 2 connection slots in use. Ask the operator for more.'});
	t.like(await client.call<StatusView>('GET', '/billing/status'), {
		slots: {paid: 2, used: 2, available: 0},
		unlimited: false,
	});
	for (const [method, path, body] of [
		['PUT', '/billing/slots', {quantity: 5}],
		['POST', '/billing/checkout', {}],
		['POST', '/billing/portal', {}],
	] as const) {
		const response = await client.fetch(method, path, body);
		t.is(response.status, 400);
		t.like(await response.json(), {
			code: 'BILLING_DISABLED',
			message: 'Slots are not sold here: ask the operator for more',
		});
	}
	t.is((await fetch(`${manual.url}/api/stripe/webhook`, {method: 'POST'})).status, 404);
	t.is((await admin.client.fetch('POST', '/connections')).status, 201, 'administrators have no limit');
});

test.serial('where slots are given by hand, a subscription from before counts for nothing', async (t) => {
	await using manual = await createGatewayHarness({env: {BILLING: 'manual'}});
	const {client, user} = await manual.createTenant();
	const {entitlementStore} = manual.stores;
	await entitlementStore.save(sampleEntitlement({id: user.id, subscription: sampleSubscription({quantity: 9})}));
	t.is((await client.fetch('POST', '/connections')).status, 403);
	t.like(await client.call<StatusView>('GET', '/billing/status'), {
		subscription: {active: false, status: null, monthlyAmount: 0},
		slots: {paid: 0, used: 0, available: 0},
	});
	await manual.stores.connectionStore.insert(sampleConnection({userId: user.id}));
	await manual.billingCare.follow(user.id);
	t.like(await client.call<StatusView>('GET', '/billing/status'), {suspended: 0}, 'what was there before runs on');
});
