import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {BillingFixture, type StatusView} from '../support/billing-fixture.ts';
import {createGatewayHarness, type ConnectionView} from '../support/gateway-harness.ts';

// One after the other: they share Stripe's account.

const fixture = await BillingFixture.create();
const {gateway, stripe} = fixture;

test.after.always(() => fixture[Symbol.asyncDispose]());

const NOTHING: StatusView & object = {
	subscription: {
		active: false,
		status: null,
		cancelAtPeriodEnd: false,
		currentPeriodEnd: null,
		monthlyAmount: 0,
		currency: 'usd',
	},
	slots: {paid: 0, used: 0, available: 0},
	unlimited: false,
	suspended: 0,
	banner: null,
} as StatusView;

test.serial('without billing there is no limit, and nothing is sold', async (t) => {
	await using free = await createGatewayHarness();
	const {client} = await free.createTenant();
	await client.call('POST', '/connections');
	const status = await client.call<StatusView>('GET', '/billing/status');
	t.deepEqual(status, {...NOTHING, slots: {paid: 100, used: 1, available: 99}, unlimited: true});
	t.deepEqual(await client.call('GET', '/billing/can-create'), {
		allowed: true,
		paidSlots: 100,
		usedSlots: 1,
		availableSlots: 99,
		unlimited: true,
	});
	for (const [method, path, body] of [
		['PUT', '/billing/slots', {quantity: 5}],
		['POST', '/billing/checkout', {}],
		['POST', '/billing/portal', undefined],
	] as const) {
		const response = await client.fetch(method, path, body);
		t.is(response.status, 400, path);
		t.like(await response.json(), {
			code: 'BILLING_DISABLED',
			message: 'Billing is not set up here: the number of connections has no limit',
		});
	}
	t.is((await fetch(`${free.url}/api/stripe/webhook`, {method: 'POST', body: '{}'})).status, 404);
});

test.serial('without billing there is always room for one more than are used', async (t) => {
	await using free = await createGatewayHarness({env: {MAX_SLOTS: '1'}});
	const {client} = await free.createTenant();
	for (const used of [0, 1, 2]) {
		t.like(await client.call('GET', '/billing/status'), {slots: {paid: used + 1, used, available: 1}});
		await client.call('POST', '/connections');
	}
});

test.serial('who has no subscription sees the shape of the contract, and is told how to get one', async (t) => {
	const {client} = await gateway.createTenant();
	t.deepEqual(await client.call('GET', '/billing/status'), NOTHING);
	t.deepEqual(await client.call('GET', '/billing/can-create'), {allowed: false, reason: 'No billing set up'});
	for (const path of ['/connections', '/connections/get-or-create']) {
		const response = await client.fetch('POST', path);
		t.is(response.status, 403);
		t.like(await response.json(), {
			message: 'Set up billing before creating connections. Visit /billing to get started.',
			error: 'Forbidden',
			code: 'SLOTS_EXHAUSTED',
		});
	}
	const response = await client.fetch('PUT', '/billing/slots', {quantity: 2});
	t.is(response.status, 400);
	t.regex(((await response.json()) as ErrorBody).message as string, /POST \/billing\/checkout/);
});

test.serial('a checkout leads to slots once it was paid for, and not before', async (t) => {
	const tenant = await gateway.createTenant();
	const {url} = await tenant.client.call<{url: string}>('POST', '/billing/checkout', {quantity: 3, currency: 'inr'});
	t.like(await fixture.status(tenant), {slots: {paid: 0}}, 'nothing is granted unpaid');
	const subscription = stripe.account.completeCheckout(url);
	await fixture.deliverAll();
	const [invoice] = stripe.account.invoices.filter((each) => each.subscription === subscription.id);
	t.is(invoice?.total, 3 * 8900);
	const status = await tenant.client.call<object>('GET', '/billing/status');
	t.deepEqual(status, {
		...NOTHING,
		subscription: {
			active: true,
			status: 'active',
			cancelAtPeriodEnd: false,
			currentPeriodEnd: new Date(subscription.periodEnd * 1000).toISOString(),
			monthlyAmount: 267,
			currency: 'inr',
		},
		slots: {paid: 3, used: 0, available: 3},
	});
	t.deepEqual(await tenant.client.call('GET', '/billing/can-create'), {
		allowed: true,
		paidSlots: 3,
		usedSlots: 0,
		availableSlots: 3,
	});
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201);
	t.deepEqual(await fixture.toldTo(tenant, 1), ['billing.slots.changed']);
});

test.serial(
	'the customer is ours by his metadata, and every write carries an idempotency key and the pinned version',
	async (t) => {
		const {tenant} = await fixture.createCustomer(1);
		const {customerId} = (await gateway.stores.entitlementStore.find(tenant.user.id)) ?? {};
		t.deepEqual(stripe.account.customers.get(customerId ?? '')?.metadata, {wahooks_user_id: tenant.user.id});
		t.true(stripe.requests.length > 0);
		for (const {method, path, idempotencyKey, version} of stripe.requests) {
			t.is(version, '2025-04-30.basil', path);
			t.is(idempotencyKey !== undefined, method === 'POST', `${method} ${path}`);
		}
	},
);

test.serial('more slots are charged at once, and connections can be created with them at once', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(1);
	const {client} = tenant;
	t.is((await client.fetch('POST', '/connections')).status, 201);
	const refused = await client.fetch('POST', '/connections');
	t.is(refused.status, 403);
	t.like(await refused.json(), {message: 'All 1 connection slots in use. Buy more slots at /billing.'});
	t.deepEqual(await client.call('GET', '/billing/can-create'), {
		allowed: false,
		reason: 'All 1 slots in use',
		paidSlots: 1,
		usedSlots: 1,
	});
	const before = stripe.account.paidFor(subscription.id);
	const change = await client.call<{proratedAmount: number}>('PUT', '/billing/slots', {quantity: 10});
	t.like(change, {slots: 10, status: 'upgraded', currency: 'usd'});
	t.is(change.proratedAmount, (stripe.account.paidFor(subscription.id) - before) / 100);
	t.true(change.proratedAmount > 8.8 && change.proratedAmount <= 8.91);
	t.is((await client.fetch('POST', '/connections')).status, 201, 'no event was delivered yet');
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {slots: {paid: 10, used: 2, available: 8}});
});

test.serial('the same number again changes nothing and costs nothing', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(4);
	t.deepEqual(await tenant.client.call('PUT', '/billing/slots', {quantity: 4}), {
		slots: 4,
		status: 'unchanged',
		proratedAmount: 0,
		currency: 'usd',
	});
	t.is(stripe.account.invoices.filter((each) => each.subscription === subscription.id).length, 1);
});

test.serial('fewer slots are credited, but not below what is in use: the answer says how many to delete', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(5);
	const {client} = tenant;
	const ids = [];
	for (let index = 0; index < 3; index++) ids.push((await client.call<ConnectionView>('POST', '/connections')).id);
	for (const [quantity, message] of [
		[1, '3 connections are in use: delete 2 connections before you reduce the slots to 1'],
		[2, '3 connections are in use: delete 1 connection before you reduce the slots to 2'],
	] as const) {
		const response = await client.fetch('PUT', '/billing/slots', {quantity});
		t.is(response.status, 400);
		t.like(await response.json(), {message, code: 'VALIDATION_FAILED'});
	}
	t.is(subscription.quantity, 5);
	const change = await client.call<{proratedAmount: number}>('PUT', '/billing/slots', {quantity: 3});
	t.like(change, {slots: 3, status: 'downgraded'});
	t.true(change.proratedAmount < 0);
	await client.call('DELETE', `/connections/${ids[0] ?? ''}`);
	t.like(await client.call('PUT', '/billing/slots', {quantity: 2}), {slots: 2, status: 'downgraded'});
	t.like(await fixture.status(tenant), {slots: {paid: 2, used: 2, available: 0}, suspended: 0});
});

test.serial('a payment that fails is a 400, and nothing is changed anywhere', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	const invoices = stripe.account.invoices.length;
	stripe.account.declines = true;
	const response = await tenant.client.fetch('PUT', '/billing/slots', {quantity: 9});
	stripe.account.declines = false;
	t.is(response.status, 400);
	t.like(await response.json(), {
		code: 'PAYMENT_FAILED',
		message: 'The payment failed, and nothing was changed: Your card was declined.',
	});
	t.is(subscription.quantity, 2);
	t.is(stripe.account.invoices.length, invoices);
	t.like(await fixture.status(tenant), {slots: {paid: 2}});
	t.deepEqual(await fixture.toldTo(tenant, 1), ['billing.slots.changed']);
});

test.serial('numbers that nobody sells are refused before anything is asked', async (t) => {
	const {tenant} = await fixture.createCustomer(1);
	const {length} = stripe.requests;
	for (const [method, path] of [
		['PUT', '/billing/slots'],
		['POST', '/billing/checkout'],
	] as const) {
		for (const quantity of [0, -1, 1.5, 1e9, 101, '5', true, {}]) {
			const response = await tenant.client.fetch(method, path, {quantity});
			t.is(response.status, 400, `${path} ${JSON.stringify(quantity)}`);
			t.regex(((await response.json()) as ErrorBody).message as string, /^quantity must be/);
		}
	}
	t.is((await tenant.client.fetch('PUT', '/billing/slots', {})).status, 400);
	t.is((await tenant.client.fetch('POST', '/billing/checkout', {currency: 'eur'})).status, 400);
	t.is(stripe.requests.length, length);
});

test.serial('a currency without a price is refused', async (t) => {
	await using other = await BillingFixture.create({STRIPE_INR_PRICE_ID: '', MAX_SLOTS: '3'});
	const {client} = await other.gateway.createTenant();
	const response = await client.fetch('POST', '/billing/checkout', {currency: 'inr'});
	t.is(response.status, 400);
	t.like(await response.json(), {message: 'Slots are not sold in inr: use usd'});
	const many = await client.fetch('POST', '/billing/checkout', {quantity: 4});
	t.like(await many.json(), {message: 'quantity must be from 1 to 3: contact support for more'});
});

test.serial('who has a subscription is sent to where he changes it, instead of to a second one', async (t) => {
	const {tenant} = await fixture.createCustomer(2);
	for (const body of [undefined, {quantity: 7, currency: 'inr'}]) {
		const response = await tenant.client.fetch('POST', '/billing/checkout', body);
		t.is(response.status, 201);
		t.regex(((await response.json()) as {url: string}).url, /\/subscription_update$/);
	}
	const {url} = await tenant.client.call<{url: string}>('POST', '/billing/portal');
	t.regex(url, /\/home$/);
	stripe.canChangeInPortal = false;
	const plain = await tenant.client.call<{url: string}>('POST', '/billing/checkout');
	stripe.canChangeInPortal = true;
	t.regex(
		plain.url,
		/\/home$/,
		'where the portal does not let customers change it, the rest of it is better than nothing',
	);
});

test.serial('the portal is for those without a subscription, too', async (t) => {
	const {client} = await gateway.createTenant();
	const response = await client.fetch('POST', '/billing/portal');
	t.is(response.status, 201);
	t.regex(((await response.json()) as {url: string}).url, /^https:\/\/billing\.stripe\.example\/cus_/);
});

test.serial(
	'of several checkouts only one can be paid for, and not when there is a subscription meanwhile',
	async (t) => {
		const tenant = await gateway.createTenant();
		const checkout = async (quantity: number): Promise<string> =>
			(await tenant.client.call<{url: string}>('POST', '/billing/checkout', {quantity})).url;
		const first = await checkout(2);
		t.is(await checkout(2), first, 'what is open is given again');
		const second = await checkout(3);
		t.throws(() => stripe.account.completeCheckout(first), {message: /expired/});
		const third = await checkout(2);
		t.not(third, first);
		t.throws(() => stripe.account.completeCheckout(second), {message: /expired/});
		const subscription = stripe.account.completeCheckout(third);
		t.regex(await checkout(5), /subscription_update/, 'paid for, though nobody told us yet');
		t.like(await fixture.status(tenant), {slots: {paid: 2}});
		t.is(stripe.account.invoices.filter(({customer}) => customer === subscription.customer).length, 1);
		await fixture.deliverAll();
	},
);

test.serial('a double click opens one checkout of one customer', async (t) => {
	const tenant = await gateway.createTenant();
	const urls = await Promise.all(
		[1, 2, 3, 4].map(async () => (await tenant.client.call<{url: string}>('POST', '/billing/checkout', {})).url),
	);
	const open = [...stripe.account.sessions.values()].filter(
		({reference, status}) => reference === tenant.user.id && status === 'open',
	);
	t.is(open.length, 1);
	t.true(urls.includes(open[0]?.url ?? ''));
	const sessions = [...stripe.account.sessions.values()].filter(({reference}) => reference === tenant.user.id);
	t.is(new Set(sessions.map(({customer}) => customer)).size, 1);
});

for (const ofDeleted of ['no such customer', 'nothing', 'what he had'] as const) {
	test.serial(`a customer who was deleted at Stripe gets a new one (of whom it tells of ${ofDeleted})`, async (t) => {
		const {tenant, subscription: old} = await fixture.createCustomer(3);
		stripe.ofDeleted = ofDeleted;
		stripe.account.deleteCustomer(old.customer);
		const subscription = await fixture.buy(tenant, 2);
		stripe.ofDeleted = 'no such customer';
		t.not(subscription.customer, old.customer);
		await fixture.deliverAll();
		t.like(await fixture.status(tenant), {subscription: {status: 'active'}, slots: {paid: 2}});
	});
}

test.serial('administrators have no limit', async (t) => {
	const {client} = await gateway.createTenant({user: {isAdmin: true}});
	for (let index = 0; index < 2; index++) t.is((await client.fetch('POST', '/connections')).status, 201);
	t.like(await client.call('GET', '/billing/status'), {
		unlimited: true,
		slots: {paid: 100, used: 2, available: 98},
	});
	t.like(await client.call('GET', '/billing/can-create'), {allowed: true, unlimited: true});
});
