import test from 'ava';
import type Stripe from 'stripe';
import {toSubscription} from '../../adapters/stripe/stripe-mapper.ts';

const PRICES = new Set(['price_now']);
const OURS = {wahooks_user_id: 'user-1'};

/** A subscription with an item per price, each made a second after the one before. */
function subscriptionTo(
	prices: readonly string[],
	metadata: Readonly<Record<string, string>> = {},
	order: 1 | -1 = 1,
): Stripe.Subscription {
	const items = prices.map((id, index) => ({
		id: `item of ${id}`,
		created: 1_700_000_000 + index,
		quantity: index + 5,
		price: {id, currency: 'usd', unit_amount: 99},
	}));
	return {
		id: 'sub_1',
		customer: 'cus_1',
		status: 'active',
		created: 1_700_000_000,
		metadata,
		cancel_at_period_end: false,
		latest_invoice: null,
		items: {data: order === 1 ? items : items.toReversed()},
	} as unknown as Stripe.Subscription;
}

const itemOf = (subscription: Stripe.Subscription): string | undefined =>
	toSubscription(subscription, PRICES, 0)?.itemId;

test('slots are what has one of their prices, whoever made the subscription and whatever else is in it', (t) => {
	for (const order of [1, -1] as const) {
		t.is(itemOf(subscriptionTo(['price_other', 'price_now'], {}, order)), 'item of price_now');
		t.is(itemOf(subscriptionTo(['price_old', 'price_now'], OURS, order)), 'item of price_now');
	}
});

test('slots that were sold at an old price stay sold, whatever was added to the subscription since', (t) => {
	for (const order of [1, -1] as const) {
		t.is(itemOf(subscriptionTo(['price_old'], OURS, order)), 'item of price_old');
		t.is(itemOf(subscriptionTo(['price_old', 'price_support'], OURS, order)), 'item of price_old');
	}
});

test('a subscription to something else is none of ours, also with a user’s id in it', (t) => {
	for (const metadata of [{}, {userId: 'user-1'}, {user_id: 'user-1'}]) {
		t.is(itemOf(subscriptionTo(['price_other'], metadata)), undefined);
	}
	t.is(itemOf(subscriptionTo([], OURS)), undefined);
});
