import test from 'ava';
import {BillingFixture} from '../support/billing-fixture.ts';

// One after the other: they share Stripe's account.

const fixture = await BillingFixture.create();
const {gateway, stripe} = fixture;
const {account} = stripe;

test.after.always(() => fixture[Symbol.asyncDispose]());

test.afterEach.always(() => {
	stripe.mode = 'working';
	stripe.isModeForOne = false;
	stripe.before = () => Promise.resolve();
	account.aheadMs = 0;
});

/** Invoices for changes of one subscription. */
const changesOf = (subscription: string): number =>
	account.invoices.filter(
		(invoice) => invoice.subscription === subscription && invoice.reason === 'subscription_update',
	).length;

for (const mode of ['erring', 'losing answers'] as const) {
	test.serial(`Stripe is ${mode} once while slots are bought: it is tried again, and paid for once`, async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		stripe.before = ({method, path}) => {
			if (method === 'POST' && path.startsWith('/v1/subscriptions/')) {
				stripe.mode = mode;
				stripe.isModeForOne = true;
				stripe.before = () => Promise.resolve();
			}
			return Promise.resolve();
		};
		t.like(await tenant.client.call('PUT', '/billing/slots', {quantity: 7}), {slots: 7, status: 'upgraded'});
		t.is(stripe.writes(`/v1/subscriptions/${subscription.id}`), 2, 'tried twice');
		t.is(changesOf(subscription.id), 1);
		t.like(await fixture.status(tenant), {slots: {paid: 7}});
	});
}

test.serial('all answers to a purchase are lost: the client hears 503, repeats it, and has paid once', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	stripe.before = ({method}) => {
		if (method === 'POST') stripe.mode = 'losing answers';
		return Promise.resolve();
	};
	const response = await tenant.client.fetch('PUT', '/billing/slots', {quantity: 6});
	stripe.before = () => Promise.resolve();
	stripe.mode = 'working';
	t.is(response.status, 503);
	t.is(response.headers.get('retry-after'), '10');
	t.like(await response.json(), {code: 'BILLING_UNAVAILABLE', retryable: true});
	t.is(subscription.quantity, 6, 'it was done all the same');
	t.like(await tenant.client.call('PUT', '/billing/slots', {quantity: 6}), {status: 'unchanged', proratedAmount: 0});
	t.is(changesOf(subscription.id), 1);
	t.like(await fixture.status(tenant), {slots: {paid: 6}});
});

test.serial('ten clients who want the same number at the same moment pay once', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(1);
	const responses = await Promise.all(
		Array.from({length: 10}, () => tenant.client.fetch('PUT', '/billing/slots', {quantity: 5})),
	);
	for (const response of responses) t.is(response.status, 200);
	const paid = changesOf(subscription.id);
	t.is(paid, 1);
	t.like(await fixture.status(tenant), {slots: {paid: 5}});
});

test.serial('Stripe answers nothing at all: purchases are 503, nothing else notices', async (t) => {
	const {tenant} = await fixture.createCustomer(2);
	stripe.mode = 'erring';
	for (const [method, path, body] of [
		['PUT', '/billing/slots', {quantity: 3}],
		['POST', '/billing/checkout', {}],
		['POST', '/billing/portal', {}],
	] as const) {
		const response = await tenant.client.fetch(method, path, body);
		t.is(response.status, 503, path);
		t.like(await response.json(), {code: 'BILLING_UNAVAILABLE'});
	}
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201);
	t.like(await fixture.status(tenant), {slots: {paid: 2, used: 1}});
	await fixture.tend(tenant);
	t.like(await fixture.status(tenant), {slots: {paid: 2, used: 1}}, 'nobody is locked out');
});

test.serial('keys that are wrong are the operator’s matter: 502, with nothing of it told', async (t) => {
	const {client} = await gateway.createTenant();
	await using broken = await BillingFixture.create({STRIPE_USD_PRICE_ID: 'price_unknown'});
	const other = await broken.gateway.createTenant();
	const response = await other.client.fetch('POST', '/billing/checkout', {});
	t.is(response.status, 502);
	const text = await response.text();
	t.like(JSON.parse(text), {code: 'BILLING_REFUSED', retryable: false});
	t.notRegex(text, /price_unknown|sk_test/);
	t.is((await client.fetch('POST', '/billing/checkout', {})).status, 201);
});

test.serial('Stripe’s clock is ahead: events and answers still come to the last state', async (t) => {
	account.aheadMs = 4 * 60_000;
	const {tenant, subscription} = await fixture.createCustomer(2);
	await tenant.client.call('PUT', '/billing/slots', {quantity: 5});
	account.aheadMs += 2000;
	account.changeQuantity(subscription, 3);
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {slots: {paid: 3}});
	account.declines = true;
	account.renew(subscription);
	account.declines = false;
	await fixture.deliverAll();
	const {banner} = await fixture.status(tenant);
	t.true(Date.parse(banner?.until ?? '') <= Date.now() + 7 * 24 * 60 * 60_000, 'grace begins now, not in the future');
});

test.serial(
	'an event that overtakes the answer to our own change, and one that is behind it, change nothing',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		let isHeldUp = false;
		stripe.before = async ({method, path}) => {
			// Between Stripe's answer to the question before the change, and the change.
			if (method !== 'POST' || !path.startsWith('/v1/subscriptions/') || isHeldUp) return;
			isHeldUp = true;
			account.changeQuantity(subscription, 4);
			await fixture.deliverAll();
		};
		t.like(await tenant.client.call('PUT', '/billing/slots', {quantity: 9}), {slots: 9});
		await fixture.deliverAll();
		t.like(await fixture.status(tenant), {slots: {paid: 9}});
		t.is(subscription.quantity, 9);
	},
);

test.serial('the status takes no longer while Stripe is unreachable than the store does', async (t) => {
	const {tenant} = await fixture.createCustomer(2);
	const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
		const times: number[] = [];
		for (let round = 0; round < 60; round++) {
			const start = performance.now();
			await work();
			times.push(performance.now() - start);
		}
		return times.toSorted((a, b) => a - b)[30] ?? 0;
	};
	stripe.mode = 'hanging';
	const {length} = stripe.requests;
	const status = await timeOf(() => fixture.status(tenant));
	const plain = await timeOf(() => tenant.client.call('GET', '/connections'));
	t.is(stripe.requests.length, length);
	t.log(`status ${status.toFixed(2)} ms, a list of connections ${plain.toFixed(2)} ms`);
	t.true(status < 3 * plain + 5, `${status} ms against ${plain} ms`);
});

test.serial('a subscription that is bought twice counts once, the one that entitles to most', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	account.subscribe({customer: subscription.customer, price: 'price_usd', quantity: 5});
	await fixture.deliverAll();
	account.setStatus(subscription, 'past_due');
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {subscription: {status: 'active'}, slots: {paid: 5}});
});
