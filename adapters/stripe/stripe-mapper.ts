import type Stripe from 'stripe';
import type {Subscription} from '../../domain/billing/subscription.ts';
import type {Checkout} from '../../domain/ports/billing-provider.ts';

/** Under this key Stripe keeps whose customer, checkout or subscription it is: one that nobody else who uses the account has. */
export const USER_KEY = 'wahooks_user_id';

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
	const item = items.find(({price}) => priceIds.has(price.id)) ?? soldItem(subscription);
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

/**
 * What our checkout sold, at a price that is none of slots any more: what was sold stays sold when the operator changes the price. Other
 * items can only have been added to it later.
 */
function soldItem({metadata, items}: Stripe.Subscription): Stripe.SubscriptionItem | undefined {
	return metadata[USER_KEY] === undefined ? undefined : items.data.toSorted((a, b) => a.created - b.created)[0];
}

/** Undefined for a checkout that was not made by us, or cannot be paid for any more. */
export function toCheckout({id, url, metadata}: Stripe.Checkout.Session): Checkout | undefined {
	const {[USER_KEY]: userId, quantity, currency} = metadata ?? {};
	return url === null || userId === undefined || quantity === undefined || currency === undefined
		? undefined
		: {id, url, quantity: Number(quantity), currency};
}

/** Of what may be there in full, or as its id. */
export function idOf(reference: string | {readonly id: string} | null | undefined): string | null {
	return typeof reference === 'object' ? (reference?.id ?? null) : (reference ?? null);
}
