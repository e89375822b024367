/** Currencies that slots are sold in. */
export const CURRENCIES = ['usd', 'inr'] as const;

export type Currency = (typeof CURRENCIES)[number];

/** Stripe's words for the state of a subscription (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses). */
export type SubscriptionStatus =
	'active' | 'trialing' | 'past_due' | 'unpaid' | 'paused' | 'incomplete' | 'incomplete_expired' | 'canceled';

/** A customer's subscription to slots, as its provider knew it at one moment. Kept as JSON: moments are milliseconds since the epoch. */
export interface Subscription {
	readonly id: string;
	/** What of it has the quantity. */
	readonly itemId: string;
	readonly customerId: string;
	readonly status: SubscriptionStatus;
	/** The slots. */
	readonly quantity: number;
	/** ISO 4217, in lower case. */
	readonly currency: string;
	/** Of one slot for one period, in minor units (cents). */
	readonly unitAmount: number;
	readonly currentPeriodEndMs: number | null;
	readonly cancelAtPeriodEnd: boolean;
	/** Of the last invoice; another one after a change is the change's own. */
	readonly latestInvoiceId: string | null;
	readonly createdAtMs: number;
	/** The moment of all this by the provider's clock, which is the only one that orders two of them. */
	readonly asOfMs: number;
}

/** Whether it can still change and be paid for: a second one beside it would be paid for twice. */
export function isLive({status}: Subscription): boolean {
	return status !== 'canceled' && status !== 'incomplete_expired' && status !== 'incomplete';
}

/** Of those that entitle to most, the newest. */
const RANKS: Readonly<Record<SubscriptionStatus, number>> = {
	active: 0,
	trialing: 1,
	past_due: 2,
	unpaid: 3,
	paused: 4,
	incomplete: 5,
	incomplete_expired: 6,
	canceled: 6,
};

/** The one that counts of all that a customer has, or ever had; null of none. */
export function mainOf(subscriptions: readonly Subscription[]): Subscription | null {
	const byRank = (a: Subscription, b: Subscription): number =>
		RANKS[a.status] - RANKS[b.status] || b.createdAtMs - a.createdAtMs;
	return subscriptions.toSorted(byRank)[0] ?? null;
}

/** What it costs in one period, in major units. */
export function amountOf({quantity, unitAmount}: Subscription): number {
	return toMajorUnits(quantity * unitAmount);
}

/** All currencies of ours have a hundred minor units. */
export function toMajorUnits(minor: number): number {
	return minor / 100;
}
