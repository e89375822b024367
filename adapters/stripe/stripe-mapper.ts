import type Stripe from 'stripe';
import type {Subscription} from '../../domain/billing/subscription.ts';
import type {Checkout} from '../../domain/ports/billing-provider.ts';

/** Under this key Stripe keeps whose customer or subscription it is. */
export const USER_KEY = 'userId';

type WithPeriod = {readonly current_period_end?: number | null};

/**
 * A subscription in our words.
 * @param priceIds the prices of slots
 * @returns undefined for one that is about something else
 */
export function toSubscription(
	subscription: Stripe.Subscription,
	priceIds: ReadonlySet<string>,
	asOfMs: number,
): Subscription | undefined {
	const items = subscription.items.data;
	// Of old prices, too: what was sold stays sold when the operator changes the price.
	const sold = subscription.metadata[USER_KEY] === undefined ? undefined : items[0];
	const item = items.find(({price}) => priceIds.has(price.id)) ?? sold;
	if (item === undefined) {
		return undefined;
	}
	// Events come in the shape of the endpoint's version, which may be an old one.
	const end = (item as WithPeriod).current_period_end ?? (subscription as WithPeriod).current_period_end ?? null;
	return {
		id: subscription.id,
		itemId: item.id,
		customerId: idOf(subscription.customer) ?? '',
		status: subscription.status as Subscription['status'],
		quantity: item.quantity ?? 0,
		currency: item.price.currency,
		unitAmount: item.price.unit_amount ?? 0,
		currentPeriodEndMs: end === null ? null : end * 1000,
		cancelAtPeriodEnd: subscription.cancel_at_period_end,
		latestInvoiceId: idOf(subscription.latest_invoice),
		createdAtMs: subscription.created * 1000,
		asOfMs,
	};
}

/** Undefined for a checkout that was not made by us, or cannot be paid for any more. */
export function toCheckout({id, url, metadata}: Stripe.Checkout.Session): Checkout | undefined {
	const {quantity, currency} = metadata ?? {};
	return url === null || quantity === undefined || currency === undefined
		? undefined
		: {id, url, quantity: Number(quantity), currency};
}

/** Of what may be there in full, or as its id. */
export function idOf(reference: string | {readonly id: string} | null | undefined): string | null {
	return typeof reference === 'object' ? (reference?.id ?? null) : (reference ?? null);
}
