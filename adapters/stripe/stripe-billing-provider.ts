import {randomUUID} from 'node:crypto';
import type Stripe from 'stripe';
import {CURRENCIES, mainOf, type Currency, type Subscription} from '../../domain/billing/subscription.ts';
import {BillingRefusedError} from '../../domain/errors.ts';
import {digest} from '../../domain/hashing.ts';
import type {BillingProvider, Checkout, CheckoutRequest, QuantityChange} from '../../domain/ports/billing-provider.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {User} from '../../domain/tokens/token.ts';
import {fromStripe, isMissingCustomer} from './stripe-failure.ts';
import {toCheckout, toSubscription, USER_KEY} from './stripe-mapper.ts';

/** The price of a slot in each currency that it is sold in. */
export type StripePrices = Readonly<Partial<Record<Currency, string>>>;

/** More than a customer of ours can have at once. */
const PAGE_ROWS = 100;

/** Subscriptions at Stripe. */
export class StripeBillingProvider implements BillingProvider {
	readonly currencies: readonly Currency[];
	readonly #stripe: Stripe;
	readonly #prices: StripePrices;
	readonly #priceIds: ReadonlySet<string>;
	readonly #clock: Clock;

	/** @param options.prices at least one */
	constructor({stripe, prices, clock}: {stripe: Stripe; prices: StripePrices; clock: Clock}) {
		this.#stripe = stripe;
		this.#prices = prices;
		this.#priceIds = new Set(Object.values(prices));
		this.#clock = clock;
		this.currencies = CURRENCIES.filter((currency) => prices[currency] !== undefined);
	}

	async createCustomer({id, email, name}: Pick<User, 'id' | 'email' | 'name'>, key: string): Promise<string> {
		const details = {...(email !== null && {email}), ...(name !== null && {name}), metadata: {[USER_KEY]: id}};
		const idempotencyKey = keyOf('customer', JSON.stringify(details), key);
		const customer = await fromStripe(this.#stripe.customers.create(details, {idempotencyKey}));
		return customer.id;
	}

	async hasCustomer(customerId: string): Promise<boolean> {
		const customer = await fromStripe(this.#stripe.customers.retrieve(customerId));
		return customer.deleted !== true;
	}

	async findSubscription(customerId: string): Promise<Subscription | null> {
		const listing = this.#stripe.subscriptions.list({customer: customerId, status: 'all', limit: PAGE_ROWS});
		try {
			const page = await listing;
			const asOfMs = this.#timeOf(page);
			const subscriptions = page.data.map((each) => toSubscription(each, this.#priceIds, asOfMs));
			return mainOf(subscriptions.filter((each) => each !== undefined));
		} catch (error) {
			// With the keys of another account everybody is missing, and has a subscription all the same.
			if (isMissingCustomer(error) && !(await this.hasCustomer(customerId))) return null;
			return fromStripe(Promise.reject(error as Error));
		}
	}

	async changeQuantity({id, itemId, latestInvoiceId}: Subscription, quantity: number): Promise<QuantityChange> {
		const changed = await fromStripe(
			this.#stripe.subscriptions.update(
				id,
				{
					items: [{id: itemId, quantity}],
					proration_behavior: 'always_invoice',
					payment_behavior: 'error_if_incomplete',
					expand: ['latest_invoice'],
				},
				// One for this change and its retries: the same quantity may be wanted again after another one.
				{idempotencyKey: randomUUID()},
			),
		);
		const current = isReplay(changed) ? await fromStripe(this.#stripe.subscriptions.retrieve(id)) : changed;
		const subscription = toSubscription(current, this.#priceIds, this.#timeOf(current));
		const invoice = changed.latest_invoice;
		if (subscription === undefined || typeof invoice === 'string') {
			throw new BillingRefusedError({cause: new Error('Stripe answered no subscription with its invoice')});
		}
		// Where nothing had to be paid or credited, there is no new invoice.
		const isNew = invoice !== null && invoice.id !== latestInvoiceId;
		return {subscription, proratedAmount: isNew ? invoice.total : 0};
	}

	async listCheckouts(customerId: string): Promise<readonly Checkout[]> {
		const page = await fromStripe(
			this.#stripe.checkout.sessions.list({customer: customerId, status: 'open', limit: PAGE_ROWS}),
		);
		return page.data
			.toSorted((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
			.map(toCheckout)
			.filter((checkout) => checkout !== undefined);
	}

	async createCheckout(request: CheckoutRequest): Promise<Checkout> {
		const {userId, customerId, quantity, currency, successUrl, cancelUrl, key} = request;
		const price = this.#prices[currency];
		if (price === undefined) {
			throw new BillingRefusedError({cause: new Error(`slots have no price in ${currency}`)});
		}
		const session = await fromStripe(
			this.#stripe.checkout.sessions.create(
				{
					mode: 'subscription',
					customer: customerId,
					client_reference_id: userId,
					line_items: [{price, quantity}],
					subscription_data: {metadata: {[USER_KEY]: userId}},
					metadata: {[USER_KEY]: userId, quantity: String(quantity), currency},
					success_url: successUrl,
					cancel_url: cancelUrl,
				},
				{idempotencyKey: keyOf('checkout', key)},
			),
		);
		return {id: session.id, url: session.url ?? '', quantity, currency};
	}

	async closeCheckout(id: string): Promise<void> {
		try {
			await this.#stripe.checkout.sessions.expire(id, {}, {idempotencyKey: randomUUID()});
		} catch (error) {
			// Paid for or closed already: whoever asks looks for a subscription next.
			const session = await fromStripe(this.#stripe.checkout.sessions.retrieve(id));
			if (session.status === 'open') await fromStripe(Promise.reject(error as Error));
		}
	}

	/** Where the portal's settings do not let customers change quantities, there is still all the rest of it. */
	async openPortal(customerId: string, returnUrl: string, changed?: Subscription): Promise<string> {
		const open = async (flow: Stripe.BillingPortal.SessionCreateParams = {}): Promise<string> => {
			const request = {customer: customerId, return_url: returnUrl, ...flow};
			const options = {idempotencyKey: randomUUID()};
			return (await fromStripe(this.#stripe.billingPortal.sessions.create(request, options))).url;
		};
		if (changed === undefined) {
			return open();
		}
		try {
			return await open({flow_data: {type: 'subscription_update', subscription_update: {subscription: changed.id}}});
		} catch (error) {
			if (error instanceof BillingRefusedError) return open();
			throw error;
		}
	}

	/** By Stripe's clock, which also dates its events. */
	#timeOf({lastResponse}: Stripe.Response<unknown>): number {
		const date = Date.parse(lastResponse.headers['date'] ?? '');
		return Number.isNaN(date) ? this.#clock.now() : date;
	}
}

/** Of an answer that got lost, the next try gets a copy, with a new date: what it says may be long over. */
function isReplay({lastResponse}: Stripe.Response<unknown>): boolean {
	return lastResponse.headers['idempotent-replayed'] === 'true';
}

function keyOf(...parts: readonly string[]): string {
	return digest(...parts).toString('hex');
}
