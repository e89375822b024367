import {randomUUID} from 'node:crypto';
import test from 'ava';
import {BillingFixture} from '../support/billing-fixture.ts';
import type {FakeEvent} from '../support/fake-stripe-account.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {shuffled} from '../support/shuffled.ts';

// One after the other: they share Stripe's account.

const fixture = await BillingFixture.create();
const {gateway, stripe} = fixture;
const {account} = stripe;

test.after.always(() => fixture[Symbol.asyncDispose]());

const DAY_MS = 24 * 60 * 60_000;

test.serial(
	'an event without a signature, with a wrong, a foreign or an old one is a 400 and changes nothing',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		account.setStatus(subscription, 'canceled');
		const [event] = account.takeEvents();
		if (event === undefined) throw new Error('no event');
		const body = JSON.stringify(event);
		const post = (headers: Record<string, string>, sent = body): Promise<Response> =>
			fetch(`${gateway.url}/api/stripe/webhook`, {method: 'POST', headers, body: sent});
		const missing = await post({});
		t.is(missing.status, 400);
		t.like(await missing.json(), {message: 'Missing stripe-signature header', statusCode: 400});
		for (const [name, response] of [
			['nonsense', await post({'stripe-signature': 'nonsense'})],
			['no time', await post({'stripe-signature': `v1=${'0'.repeat(64)}`})],
			['forged', await post({'stripe-signature': `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}`})],
			['another secret', await stripe.deliver(gateway.url, event, {secret: 'whsec_other'})],
			['replayed after a day', await stripe.deliver(gateway.url, event, {ageMs: DAY_MS})],
			['replayed after six minutes', await stripe.deliver(gateway.url, event, {ageMs: 6 * 60_000})],
			['changed on its way', await post({'stripe-signature': stripe.sign(body)}, body.replace('canceled', 'active'))],
			['empty', await post({'stripe-signature': stripe.sign('')}, '')],
		] as const) {
			t.is(response.status, 400, name);
			const {message} = (await response.json()) as ErrorBody;
			t.regex(message as string, /^Webhook Error: \S/, name);
			t.notRegex(message as string, /\n|whsec/, name);
		}
		t.like(await fixture.status(tenant), {slots: {paid: 2}});
		t.is((await stripe.deliver(gateway.url, event)).status, 201);
		t.like(await fixture.status(tenant), {slots: {paid: 0}});
	},
);

test.serial('an event is answered as the contract says, and worked off once', async (t) => {
	const tenant = await gateway.createTenant();
	await fixture.buy(tenant, 2);
	const events = account.takeEvents();
	t.true(events.length >= 2);
	for (const event of events) {
		const response = await stripe.deliver(gateway.url, event);
		t.is(response.status, 201);
		t.deepEqual(await response.json(), {received: true});
	}
	const before = await gateway.stores.entitlementStore.find(tenant.user.id);
	const {length} = stripe.requests;
	for (const event of events) t.is((await stripe.deliver(gateway.url, event)).status, 201);
	t.deepEqual(await gateway.stores.entitlementStore.find(tenant.user.id), before);
	t.is(stripe.requests.length, length, 'nobody is asked');
});

test.serial('the same event at the same moment, five times, is told of once', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(1);
	account.changeQuantity(subscription, 6);
	const [event] = account.takeEvents();
	if (event === undefined) throw new Error('no event');
	const responses = await Promise.all([1, 2, 3, 4, 5].map(() => stripe.deliver(gateway.url, event)));
	t.deepEqual(
		responses.map(({status}) => status),
		[201, 201, 201, 201, 201],
	);
	t.like(await fixture.status(tenant), {slots: {paid: 6}});
	t.deepEqual(await fixture.toldTo(tenant, 2), ['billing.slots.changed', 'billing.slots.changed']);
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
	test.serial(`events in any order come to what Stripe knows (order ${seed})`, async (t) => {
		const tenant = await gateway.createTenant();
		const subscription = await fixture.buy(tenant, 2);
		const tick = seed % 2 === 0 ? 1000 : 0;
		for (const quantity of [5, 3, 8]) {
			account.aheadMs += tick;
			account.changeQuantity(subscription, quantity);
		}
		account.declines = true;
		account.aheadMs += tick;
		account.renew(subscription);
		account.declines = false;
		account.aheadMs += tick;
		account.pay(subscription);
		const events = account.takeEvents();
		for (const event of shuffled([...events, ...events.slice(2)], seed)) {
			t.is((await stripe.deliver(gateway.url, event)).status, 201);
		}
		t.like(await fixture.status(tenant), {subscription: {status: 'active'}, slots: {paid: 8}, banner: null});
		account.aheadMs = 0;
	});
}

test.serial('a late event of an old subscription takes nothing of the new one', async (t) => {
	const {tenant, subscription: old} = await fixture.createCustomer(2);
	account.setStatus(old, 'canceled');
	const late = account.takeEvents();
	const fresh = await fixture.buy(tenant, 4);
	await fixture.deliverAll();
	for (const event of late) t.is((await stripe.deliver(gateway.url, event)).status, 201);
	t.like(await fixture.status(tenant), {slots: {paid: 4}});
	const stored = await gateway.stores.entitlementStore.find(tenant.user.id);
	t.is(stored?.subscription?.id, fresh.id);
});

test.serial('a repeat of Stripe’s own, a day later and signed anew, is no news', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	account.changeQuantity(subscription, 7);
	const [old] = account.takeEvents();
	account.aheadMs = 5000;
	account.changeQuantity(subscription, 1);
	await fixture.deliverAll();
	account.aheadMs = DAY_MS;
	t.is((await stripe.deliver(gateway.url, old as FakeEvent)).status, 201);
	account.aheadMs = 0;
	t.like(await fixture.status(tenant), {slots: {paid: 1}});
});

test.serial('an event that is lost is made up for by the daily comparison', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	account.changeQuantity(subscription, 5);
	account.takeEvents();
	await fixture.tend(tenant);
	t.like(await fixture.status(tenant), {slots: {paid: 2}}, 'compared a moment ago');
	await fixture.forgetComparison(tenant);
	await fixture.tend(tenant);
	t.like(await fixture.status(tenant), {slots: {paid: 5}});
	t.is(gateway.log.of('billing.reconciled').length, 1);
});

test.serial(
	'an event whose consequences cannot be stored or asked for has to come again, and counts then',
	async (t) => {
		const {tenant, subscription} = await fixture.createCustomer(2);
		account.setStatus(subscription, 'canceled');
		const [event] = account.takeEvents();
		if (event === undefined) throw new Error('no event');
		stripe.mode = 'erring';
		const refused = await stripe.deliver(gateway.url, event);
		stripe.mode = 'working';
		t.is(refused.status, 503);
		t.false(await gateway.stores.billingEventStore.has(event.id));
		t.like(await fixture.status(tenant), {slots: {paid: 2}});
		t.is((await stripe.deliver(gateway.url, event)).status, 201);
		t.true(await gateway.stores.billingEventStore.has(event.id));
		t.like(await fixture.status(tenant), {slots: {paid: 0}});
	},
);

test.serial('what others sell in the same account is none of ours', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	const foreign = {
		...account.toSubscription(subscription),
		id: `sub_${randomUUID()}`,
		metadata: {},
		items: {object: 'list', data: [{id: 'si_x', quantity: 99, price: {id: 'price_other', currency: 'usd'}}]},
	};
	account.tell('customer.subscription.updated', foreign);
	account.tell('customer.subscription.updated', {...foreign, customer: 'cus_stranger'});
	account.tell('checkout.session.completed', {id: 'cs_x', object: 'checkout.session', customer: 'cus_stranger'});
	account.tell('charge.refunded', {id: 'ch_x', object: 'charge', customer: subscription.customer});
	account.tell('product.created', {id: 'prod_x', object: 'product'});
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {slots: {paid: 2}});
});

test.serial('a subscription to another product that names a user of ours gives him nothing', async (t) => {
	const tenant = await gateway.createTenant();
	account.customers.set('cus_crm', {id: 'cus_crm', metadata: {}});
	const foreign = {
		...account.toSubscription(account.subscribe({customer: 'cus_crm', price: 'price_usd', quantity: 40})),
		metadata: {userId: tenant.user.id},
		items: {object: 'list', data: [{id: 'si_x', quantity: 40, price: {id: 'price_crm', currency: 'usd'}}]},
	};
	account.takeEvents();
	account.tell('customer.subscription.created', foreign);
	account.tell('checkout.session.completed', {
		id: 'cs_x',
		object: 'checkout.session',
		customer: 'cus_crm',
		metadata: {userId: tenant.user.id},
	});
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {subscription: {status: null}, slots: {paid: 0}});
	t.is(await gateway.stores.entitlementStore.find(tenant.user.id), undefined);
});

test.serial('a late event of a customer who was deleted gives nothing back', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	account.aheadMs = 2000;
	account.changeQuantity(subscription, 9);
	const late = account.takeEvents();
	account.deleteCustomer(subscription.customer);
	account.takeEvents();
	await fixture.forgetComparison(tenant);
	await fixture.tend(tenant);
	t.like(await fixture.status(tenant), {subscription: {status: 'canceled'}, slots: {paid: 0}});
	for (const event of late) t.is((await stripe.deliver(gateway.url, event)).status, 201);
	account.aheadMs = 0;
	t.like(await fixture.status(tenant), {subscription: {status: 'canceled'}, slots: {paid: 0}});
});

test.serial(
	'a first purchase whose events are lost is found by the next look, though the last was a moment ago',
	async (t) => {
		const tenant = await gateway.createTenant();
		const {url} = await tenant.client.call<{url: string}>('POST', '/billing/checkout', {quantity: 2});
		await fixture.tend(tenant);
		t.like(await fixture.status(tenant), {slots: {paid: 0}});
		account.completeCheckout(url);
		account.takeEvents();
		await fixture.tend(tenant);
		t.like(await fixture.status(tenant), {subscription: {status: 'active'}, slots: {paid: 2}});
		const {length} = stripe.requests;
		await fixture.tend(tenant);
		t.is(stripe.requests.length, length, 'whoever has a subscription is compared once a day');
	},
);

test.serial('a customer of ours whom our record lost is known by what we wrote on his checkout', async (t) => {
	const tenant = await gateway.createTenant();
	account.customers.set('cus_lost', {id: 'cus_lost', metadata: {}});
	account.subscribe({
		customer: 'cus_lost',
		price: 'price_usd',
		quantity: 3,
		subscriptionMetadata: {wahooks_user_id: tenant.user.id},
	});
	await fixture.deliverAll();
	t.like(await fixture.status(tenant), {slots: {paid: 3}});
});

test.serial('whoever pays by a payment link of another product cannot say that he is a user of ours', async (t) => {
	const tenant = await gateway.createTenant();
	account.tell('checkout.session.completed', {
		id: 'cs_link',
		object: 'checkout.session',
		customer: 'cus_other_product',
		client_reference_id: tenant.user.id,
	});
	await fixture.deliverAll();
	t.falsy((await gateway.stores.entitlementStore.find(tenant.user.id))?.customerId);
});

test.serial('events of old API versions, with the period on the subscription, are read as well', async (t) => {
	const {tenant, subscription} = await fixture.createCustomer(2);
	account.aheadMs = 3000;
	account.changeQuantity(subscription, 4);
	const [event] = account.takeEvents();
	const told = event?.data.object as {items: {data: {current_period_end?: number}[]}; current_period_end?: number};
	delete told.items.data[0]?.current_period_end;
	told.current_period_end = subscription.periodEnd + 60;
	t.is((await stripe.deliver(gateway.url, event as FakeEvent)).status, 201);
	account.aheadMs = 0;
	t.like(await tenant.client.call('GET', '/billing/status'), {
		subscription: {currentPeriodEnd: new Date((subscription.periodEnd + 60) * 1000).toISOString()},
		slots: {paid: 4},
	});
});

test.serial('without the secret of the webhook its route is not there', async (t) => {
	await using deaf = await BillingFixture.create({STRIPE_WEBHOOK_SECRET: ''});
	const response = await fetch(`${deaf.gateway.url}/api/stripe/webhook`, {
		method: 'POST',
		headers: {'stripe-signature': stripe.sign('{}', {secret: ''})},
		body: '{}',
	});
	t.is(response.status, 404);
	t.like(await response.json(), {message: 'Cannot POST /api/stripe/webhook', code: 'ROUTE_NOT_FOUND'});
});

test.serial('a body that is far too large is refused', async (t) => {
	const body = `"${'x'.repeat(2 * 1024 * 1024)}"`;
	const response = await fetch(`${gateway.url}/api/stripe/webhook`, {
		method: 'POST',
		headers: {'stripe-signature': stripe.sign(body)},
		body,
	});
	t.is(response.status, 413);
});
