import type {BillingRules} from '../domain/billing/billing-rules.ts';
import {CURRENCIES, type Currency} from '../domain/billing/subscription.ts';

/** Where slots are sold, by which prices. */
export interface StripeSettings {
	readonly secretKey: string;
	/** Undefined = Stripe's events are not listened to: regular comparisons alone keep records right. */
	readonly webhookSecret: string | undefined;
	/** Price ids; at least one. */
	readonly prices: Readonly<Partial<Record<Currency, string>>>;
	/** Another place that speaks Stripe's API; undefined = Stripe itself. */
	readonly apiUrl: string | undefined;
}

/** How connections are limited, and who sells them. */
export interface BillingSettings extends BillingRules {
	/** Present where the mode is `provider`. */
	readonly stripe: StripeSettings | undefined;
	/** The pages of the dashboard, without a trailing slash: Stripe's pages lead back there. */
	readonly frontendUrl: string;
}

/** The variables of billing, each checked already. */
export interface BillingValues {
	readonly BILLING?: 'off' | 'manual' | 'stripe' | undefined;
	readonly STRIPE_SECRET_KEY?: string | undefined;
	readonly STRIPE_WEBHOOK_SECRET?: string | undefined;
	readonly STRIPE_USD_PRICE_ID?: string | undefined;
	readonly STRIPE_INR_PRICE_ID?: string | undefined;
	readonly STRIPE_API_URL?: string | undefined;
	readonly FRONTEND_URL?: string | undefined;
	readonly MAX_SLOTS: number;
	readonly BILLING_GRACE_DAYS: number;
}

const DAY_MS = 24 * 60 * 60_000;

/** What the variables of billing do not allow together. A secret key alone must not sell anything: there are no prices built in. */
export function billingFaults(values: BillingValues): readonly string[] {
	const faults: string[] = [];
	if (values.BILLING === 'stripe' && values.STRIPE_SECRET_KEY === undefined) {
		faults.push('BILLING=stripe needs STRIPE_SECRET_KEY');
	}
	if (modeOf(values) === 'provider' && Object.keys(pricesOf(values)).length === 0) {
		faults.push(
			'STRIPE_SECRET_KEY needs STRIPE_USD_PRICE_ID or STRIPE_INR_PRICE_ID: the id of a monthly price of one slot (docs/billing.md)',
		);
	}
	return faults;
}

/** @param publicUrl where the dashboard is unless `FRONTEND_URL` says otherwise */
export function toBillingSettings(values: BillingValues, publicUrl: string): BillingSettings {
	const mode = modeOf(values);
	const {STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: apiUrl} = values;
	return {
		mode,
		stripe:
			mode === 'provider' && secretKey !== undefined
				? {secretKey, webhookSecret, prices: pricesOf(values), apiUrl}
				: undefined,
		frontendUrl: (values.FRONTEND_URL ?? publicUrl).replace(/\/+$/, ''),
		maxSlots: values.MAX_SLOTS,
		graceMs: values.BILLING_GRACE_DAYS * DAY_MS,
	};
}

function modeOf({BILLING: billing, STRIPE_SECRET_KEY: secretKey}: BillingValues): BillingRules['mode'] {
	switch (billing ?? (secretKey === undefined ? 'off' : 'stripe')) {
		case 'off':
			return 'off';
		case 'manual':
			return 'manual';
		case 'stripe':
			return 'provider';
	}
}

function pricesOf({STRIPE_USD_PRICE_ID: usd, STRIPE_INR_PRICE_ID: inr}: BillingValues): StripeSettings['prices'] {
	const prices = {usd, inr} satisfies Record<Currency, string | undefined>;
	return Object.fromEntries(
		CURRENCIES.flatMap((currency) => {
			const id = prices[currency];
			return id === undefined ? [] : [[currency, id]];
		}),
	);
}
