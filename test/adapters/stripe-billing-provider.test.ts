import test from 'ava';
import {StripeBillingProvider} from '../../adapters/stripe/stripe-billing-provider.ts';
import {createStripeClient} from '../../adapters/stripe/stripe-client.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {BillingRefusedError, BillingUnavailableError, PaymentFailedError} from '../../domain/errors.ts';
import {Receiver} from '../support/receiver.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {sampleSubscription} from '../support/samples.ts';

function providerAt(apiUrl: string, timeoutMs?: number): StripeBillingProvider {
	const stripe = createStripeClient({secretKey: 'sk_test', apiUrl, ...(timeoutMs !== undefined && {timeoutMs})});
	return new StripeBillingProvider({stripe, prices: {usd: 'price_usd'}, clock: new SystemClock()});
}

/** Answers every request with the same error. */
function erring(status: number, error: object): Promise<Receiver> {
	return Receiver.http((_request, response) => {
		response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify({error}));
	});
}

test('an answer that does not come is waited for three times, with one key, and then given up', async (t) => {
	await using stripe = await FakeStripe.start();
	stripe.mode = 'hanging';
	const error = await t.throwsAsync(providerAt(stripe.url, 100).changeQuantity(sampleSubscription(), 5), {
		instanceOf: BillingUnavailableError,
	});
	t.true(error.retryable);
	t.is(stripe.requests.length, 3);
	t.is(new Set(stripe.requests.map(({idempotencyKey}) => idempotencyKey)).size, 1);
	t.truthy(stripe.requests[0]?.idempotencyKey);
});

test('two changes have two keys, also to the same number', async (t) => {
	await using stripe = await FakeStripe.start();
	stripe.account.customers.set('cus_1', {id: 'cus_1', metadata: {}});
	const {id} = stripe.account.subscribe({customer: 'cus_1', price: 'price_usd', quantity: 1});
	const provider = providerAt(stripe.url);
	for (const quantity of [5, 2, 5]) {
		const subscription = await provider.findSubscription('cus_1');
		if (!subscription) throw new Error('no subscription');
		t.is((await provider.changeQuantity(subscription, quantity)).subscription.quantity, quantity);
	}
	t.is(stripe.account.subscriptions.get(id)?.quantity, 5);
});

test('what was charged or credited is what the invoice of the change says; without one it is nothing', async (t) => {
	await using stripe = await FakeStripe.start();
	stripe.account.customers.set('cus_1', {id: 'cus_1', metadata: {}});
	const fake = stripe.account.subscribe({customer: 'cus_1', price: 'price_usd', quantity: 2});
	const provider = providerAt(stripe.url);
	const change = async (quantity: number): Promise<number> => {
		const subscription = await provider.findSubscription('cus_1');
		if (!subscription) throw new Error('no subscription');
		return (await provider.changeQuantity(subscription, quantity)).proratedAmount;
	};
	t.true((await change(4)) > 0);
	t.true((await change(1)) < 0);
	fake.periodEnd = stripe.account.now;
	t.is(await change(3), 0, 'the period is over: nothing to prorate, and the last invoice is an old one');
});

test('failures become ours by their cause', async (t) => {
	for (const [status, error, expected] of [
		[402, {type: 'card_error', code: 'card_declined', message: 'Your card was declined.'}, PaymentFailedError],
		[402, {type: 'invalid_request_error', code: 'subscription_payment_intent_requires_action'}, PaymentFailedError],
		[400, {type: 'invalid_request_error', message: 'No such price'}, BillingRefusedError],
		[401, {type: 'invalid_request_error', message: 'Invalid API Key provided: sk_t***'}, BillingRefusedError],
		[403, {type: 'invalid_request_error', message: 'not yours'}, BillingRefusedError],
		[404, {type: 'invalid_request_error', code: 'resource_missing'}, BillingRefusedError],
		[409, {type: 'idempotency_error', message: 'in progress'}, BillingUnavailableError],
		[429, {type: 'invalid_request_error', code: 'rate_limit'}, BillingUnavailableError],
		[500, {type: 'api_error'}, BillingUnavailableError],
		[503, {type: 'api_error'}, BillingUnavailableError],
	] as const) {
		await using receiver = await erring(status, error);
		const {origin} = new URL(receiver.url);
		const thrown = await t.throwsAsync(providerAt(origin).changeQuantity(sampleSubscription(), 5), {
			instanceOf: expected,
		});
		t.truthy(thrown.cause, `${status}`);
		if (expected === BillingRefusedError) t.notRegex(thrown.message, /sk_|price|yours/, 'nothing of it is told');
	}
});

test('a server that is not there, and one that talks nonsense, are outages', async (t) => {
	await using nonsense = await Receiver.http((_request, response) => {
		response.writeHead(200, {'content-type': 'text/html'}).end('<html>');
	});
	for (const url of ['http://127.0.0.1:9', new URL(nonsense.url).origin]) {
		await t.throwsAsync(providerAt(url).findSubscription('cus_1'), {instanceOf: BillingUnavailableError}, url);
	}
});

for (const ofDeleted of ['no such customer', 'nothing', 'what he had'] as const) {
	test(`a customer who was deleted has nothing that runs: Stripe tells of ${ofDeleted}`, async (t) => {
		await using stripe = await FakeStripe.start();
		stripe.ofDeleted = ofDeleted;
		stripe.account.customers.set('cus_1', {id: 'cus_1', metadata: {}});
		stripe.account.subscribe({customer: 'cus_1', price: 'price_usd', quantity: 1});
		const provider = providerAt(stripe.url);
		t.true(await provider.hasCustomer('cus_1'));
		t.is((await provider.findSubscription('cus_1'))?.status, 'active');
		stripe.account.deleteCustomer('cus_1');
		t.false(await provider.hasCustomer('cus_1'));
		const status = (await provider.findSubscription('cus_1'))?.status;
		t.is(status, ofDeleted === 'what he had' ? 'canceled' : undefined);
	});
}

test('of a customer whom these keys do not know nothing is said, and nothing else that is missing is taken for it', async (t) => {
	await using stripe = await FakeStripe.start();
	const provider = providerAt(stripe.url);
	await t.throwsAsync(provider.hasCustomer('cus_other'), {instanceOf: BillingRefusedError});
	await t.throwsAsync(provider.findSubscription('cus_other'), {instanceOf: BillingRefusedError});
	await using other = await erring(400, {type: 'invalid_request_error', code: 'resource_missing', param: 'price'});
	await t.throwsAsync(providerAt(new URL(other.url).origin).findSubscription('cus_1'), {
		instanceOf: BillingRefusedError,
	});
});

test('calls with one key make one customer; what failed once fails for its key alone', async (t) => {
	await using stripe = await FakeStripe.start();
	const provider = providerAt(stripe.url);
	const user = {id: 'user-1', email: 'jane@example.com', name: null};
	const ids = await Promise.all([1, 2, 3].map(() => provider.createCustomer(user, 'click 1')));
	t.is(new Set(ids).size, 1);
	t.deepEqual(stripe.account.customers.get(ids[0] ?? '')?.metadata, {wahooks_user_id: 'user-1'});
	stripe.mode = 'erring';
	await t.throwsAsync(provider.createCustomer(user, 'click 2'), {instanceOf: BillingUnavailableError});
	stripe.mode = 'working';
	await t.throwsAsync(provider.createCustomer(user, 'click 2'), {instanceOf: BillingUnavailableError});
	t.not(await provider.createCustomer(user, 'click 3'), ids[0]);
	t.is(stripe.account.customers.size, 2);
});

test('pages to pay on that others opened for the same customer are none of ours', async (t) => {
	await using stripe = await FakeStripe.start();
	stripe.account.customers.set('cus_1', {id: 'cus_1', metadata: {}});
	const provider = providerAt(stripe.url);
	const {id} = await provider.createCheckout({
		userId: 'user-1',
		customerId: 'cus_1',
		quantity: 2,
		currency: 'usd',
		successUrl: 'https://dashboard.example/billing?success=true',
		cancelUrl: 'https://dashboard.example/billing?canceled=true',
		key: 'click 1',
	});
	const ours = stripe.account.sessions.get(id);
	if (ours === undefined) throw new Error('no session');
	const metadata = {userId: 'user-1', quantity: '2', currency: 'usd'};
	stripe.account.sessions.set('cs_other', {...ours, id: 'cs_other', metadata});
	t.deepEqual(
		(await provider.listCheckouts('cus_1')).map((checkout) => checkout.id),
		[id],
	);
});

test('nothing is sent to anybody but Stripe, and no measurements', async (t) => {
	const headers: Record<string, unknown>[] = [];
	await using receiver = await Receiver.http((request, response) => {
		headers.push(request.headers);
		response.writeHead(200, {'content-type': 'application/json', 'request-id': 'req_1'});
		response.end(JSON.stringify({object: 'list', data: [], has_more: false}));
	});
	const provider = providerAt(new URL(receiver.url).origin);
	for (let round = 0; round < 2; round++) t.is(await provider.findSubscription('cus_1'), null);
	t.is(headers.length, 2);
	for (const each of headers) {
		t.is(each['authorization'], 'Bearer sk_test');
		t.is(each['stripe-version'], '2025-04-30.basil');
		t.is(each['x-stripe-client-telemetry'], undefined);
	}
});
