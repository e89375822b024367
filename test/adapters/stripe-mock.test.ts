import {StripeBillingProvider} from '../../adapters/stripe/stripe-billing-provider.ts';
import {createStripeClient} from '../../adapters/stripe/stripe-client.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {sampleSubscription} from '../support/samples.ts';
import {requireStripeMock} from '../support/stripe-mock.ts';

// Against Stripe's own description of its API: what it does not know is refused. It keeps no state, and answers made-up objects.

const {test, url} = await requireStripeMock();

const REQUEST = {
	userId: 'user-1',
	customerId: 'cus_1',
	quantity: 3,
	currency: 'usd',
	successUrl: 'https://dashboard.example/billing?success=true',
	cancelUrl: 'https://dashboard.example/billing?canceled=true',
} as const;

const SECRET_KEY = 'sk_test_123';
const HEADERS = {authorization: `Bearer ${SECRET_KEY}`, 'content-type': 'application/x-www-form-urlencoded'};

function createProvider(usd = 'price_usd'): StripeBillingProvider {
	const stripe = createStripeClient({secretKey: SECRET_KEY, apiUrl: url});
	return new StripeBillingProvider({stripe, prices: {usd, inr: 'price_inr'}, clock: new SystemClock()});
}

test('every request has a shape that Stripe takes', async (t) => {
	const provider = createProvider();
	const user = {id: 'user-1', email: 'jane@example.com', name: 'Jane'};
	t.regex(await provider.createCustomer(user, 'click 1'), /^cus_/);
	t.regex(await provider.createCustomer({id: 'user-2', email: null, name: null}, 'click 2'), /^cus_/);
	const checkout = await provider.createCheckout({...REQUEST, key: 'key-1'});
	t.regex(checkout.id, /^cs_/);
	await provider.closeCheckout(checkout.id);
	t.true(Array.isArray(await provider.listCheckouts('cus_1')));
	t.regex(await provider.openPortal('cus_1', 'https://dashboard.example/billing'), /^https:/);
	t.regex(await provider.openPortal('cus_1', 'https://dashboard.example/billing', sampleSubscription()), /^https:/);
	t.true(await provider.hasCustomer('cus_1'));
	await t.notThrowsAsync(provider.findSubscription('cus_1'));
});

test('the change of a quantity is one that Stripe takes, and its answer is read', async (t) => {
	const provider = createProvider(await priceOfAnySubscription());
	const {subscription, proratedAmount} = await provider.changeQuantity(sampleSubscription(), 5);
	t.regex(subscription.id, /^sub_/);
	t.regex(subscription.itemId, /^si_/);
	t.regex(subscription.customerId, /^cus_/);
	t.is(subscription.status, 'active');
	t.true(Number.isInteger(subscription.quantity));
	t.true(Number.isInteger(proratedAmount));
	t.true(Math.abs(Date.now() - subscription.asOfMs) < 60_000, 'by the clock of the answer');
	const listed = await provider.findSubscription('cus_1');
	t.is(listed?.currency, 'usd');
	t.true((listed?.currentPeriodEndMs ?? 0) > 0);
});

test('a request that Stripe does not know is refused there: these tests can fail', async (t) => {
	for (const [path, body] of [
		['subscriptions/sub_1', 'payment_behaviour=error_if_incomplete'],
		['subscriptions/sub_1', 'payment_behavior=whatever'],
		['checkout/sessions', 'modus=subscription'],
	] as const) {
		const response = await fetch(`${url}/v1/${path}`, {method: 'POST', headers: HEADERS, body});
		t.is(response.status, 400, body);
	}
});

/** What its made-up subscriptions are about. */
async function priceOfAnySubscription(): Promise<string> {
	const response = await fetch(`${url}/v1/subscriptions/sub_1`, {headers: HEADERS});
	const {items} = (await response.json()) as {items: {data: {price: {id: string}}[]}};
	return items.data[0]?.price.id ?? '';
}
