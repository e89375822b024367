import {z} from 'zod';
import type {BillingOverview} from '../../../domain/billing/billing-overview.ts';
import {amountOf, type Subscription} from '../../../domain/billing/subscription.ts';
import {moment, nullableMoment} from './moment.ts';

const currency = z.string().meta({description: 'ISO 4217, in lower case', example: 'usd'});

const SubscriptionResource = z.object({
	active: z.boolean().meta({description: 'It counts: paid for, or within the days of grace'}),
	status: z
		.string()
		.nullable()
		.meta({description: 'Stripe’s word: `active`, `past_due`, `unpaid`, `canceled` …', example: 'active'}),
	cancelAtPeriodEnd: z.boolean(),
	currentPeriodEnd: nullableMoment,
	monthlyAmount: z.number().meta({description: 'In major units', example: 4.95}),
	currency,
});

const BannerResource = z.object({
	kind: z.enum(['past_due', 'suspended', 'ending']),
	message: z.string().meta({
		example:
			'Your last payment failed. Update your payment method until 2026-11-29, or your connections are suspended.',
	}),
	until: moment.nullable().meta({description: 'When something happens unless you do something'}),
});

/** Where a user stands. */
export const BillingStatusResource = z
	.object({
		subscription: SubscriptionResource,
		slots: z.object({
			paid: z.int().meta({example: 5}),
			used: z.int().meta({description: 'Connections that run', example: 3}),
			available: z.int().meta({description: 'How many can be created now', example: 2}),
		}),
		unlimited: z.boolean().meta({description: 'There is no limit: `paid` is above `used`, whatever that is'}),
		suspended: z.int().meta({description: 'Connections that are stopped because there are not enough slots'}),
		banner: BannerResource.nullable().meta({description: 'What the user has to see to'}),
	})
	.meta({id: 'BillingStatus'});

export function presentStatus(overview: BillingOverview): z.input<typeof BillingStatusResource> {
	const {entitlement, isActive, paid, used, available, isUnlimited, suspended, banner} = overview;
	return {
		subscription: presentSubscription(entitlement.subscription, isActive),
		slots: {paid, used, available},
		unlimited: isUnlimited,
		suspended,
		banner: banner && {...banner, until: banner.until?.toISOString() ?? null},
	};
}

/** Old clients do arithmetic with the amount and upper-case the currency: both are always there. */
function presentSubscription(
	subscription: Subscription | null,
	isActive: boolean,
): z.input<typeof SubscriptionResource> {
	const endMs = subscription?.currentPeriodEndMs ?? null;
	return {
		active: isActive,
		status: subscription?.status ?? null,
		cancelAtPeriodEnd: subscription?.cancelAtPeriodEnd ?? false,
		currentPeriodEnd: endMs === null ? null : new Date(endMs).toISOString(),
		monthlyAmount: subscription !== null && isActive ? amountOf(subscription) : 0,
		currency: subscription?.currency ?? 'usd',
	};
}

/** Whether another connection can be created. */
export const CanCreateResource = z
	.object({
		allowed: z.boolean(),
		reason: z.string().exactOptional().meta({description: 'Why not', example: 'All 5 slots in use'}),
		paidSlots: z.int().exactOptional(),
		usedSlots: z.int().exactOptional(),
		availableSlots: z.int().exactOptional(),
		unlimited: z.literal(true).exactOptional(),
	})
	.meta({id: 'CanCreate'});

export function presentCanCreate(overview: BillingOverview): z.input<typeof CanCreateResource> {
	const {refusal, paid: paidSlots, used: usedSlots, available: availableSlots, isUnlimited} = overview;
	if (refusal !== null) {
		return {allowed: false, reason: refusal, ...(paidSlots > 0 && {paidSlots, usedSlots})};
	}
	return {allowed: true, paidSlots, usedSlots, availableSlots, ...(isUnlimited && {unlimited: true})};
}

/** What became of a request for another number of slots. */
export const SlotChangeResource = z
	.object({
		slots: z.int().meta({example: 10}),
		status: z.enum(['upgraded', 'downgraded', 'unchanged']),
		proratedAmount: z
			.number()
			.meta({description: 'Charged, or credited where negative, at once; major units', example: 2.25}),
		currency,
	})
	.meta({id: 'SlotChange'});

/** A page to go to. */
export const PageResource = z
	.object({url: z.url().meta({example: 'https://checkout.stripe.com/c/pay/cs_live_a1b2'})})
	.meta({id: 'BillingPage'});
