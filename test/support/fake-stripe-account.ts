import {randomUUID} from 'node:crypto';

const DAY_SECONDS = 24 * 60 * 60;
const PERIOD_SECONDS = 30 * DAY_SECONDS;

/** What slots cost, in minor units. */
export const PRICES = {
	price_usd: {currency: 'usd', unit_amount: 99},
	price_inr: {currency: 'inr', unit_amount: 8900},
} as const;

type PriceId = keyof typeof PRICES;

export interface FakeCustomer {
	readonly id: string;
	readonly metadata: Readonly<Record<string, string>>;
	readonly deleted?: true;
}

export interface FakeInvoice {
	readonly id: string;
	readonly customer: string;
	readonly subscription: string;
	/** Minor units; negative where it is a credit. */
	readonly total: number;
	readonly reason: 'subscription_create' | 'subscription_update' | 'subscription_cycle';
	status: 'paid' | 'open';
}

export interface FakeSubscription {
	readonly id: string;
	readonly itemId: string;
	readonly customer: string;
	readonly price: PriceId;
	readonly created: number;
	readonly metadata: Readonly<Record<string, string>>;
	status: 'active' | 'trialing' | 'past_due' | 'unpaid' | 'canceled';
	quantity: number;
	periodEnd: number;
	cancelAtPeriodEnd: boolean;
	latestInvoice: string | null;
}

export interface FakeSession {
	readonly id: string;
	readonly url: string;
	readonly customer: string;
	readonly price: PriceId;
	readonly quantity: number;
	readonly created: number;
	readonly reference: string;
	readonly metadata: Readonly<Record<string, string>>;
	readonly subscriptionMetadata: Readonly<Record<string, string>>;
	status: 'open' | 'complete' | 'expired';
	subscription: string | null;
}

/** An event as it is posted. */
export interface FakeEvent {
	readonly id: string;
	readonly object: 'event';
	readonly type: string;
	readonly created: number;
	readonly api_version: string;
	readonly livemode: false;
	readonly data: {readonly object: object};
}

/** A charge that the bank refuses. */
export class DeclinedError extends Error {}

/** What Stripe knows of one account, and what can happen there without us. Every change leaves its events. */
export class FakeStripeAccount {
	readonly customers = new Map<string, FakeCustomer>();
	readonly sessions = new Map<string, FakeSession>();
	readonly subscriptions = new Map<string, FakeSubscription>();
	/** Everything that was ever charged or credited, or tried to be. */
	readonly invoices: FakeInvoice[] = [];
	/** Not delivered yet; tests decide which are, when and how often. */
	readonly events: FakeEvent[] = [];
	/** The bank refuses every charge. */
	declines = false;
	/** How far its clock is ahead. */
	aheadMs = 0;

	get now(): number {
		return Math.floor((Date.now() + this.aheadMs) / 1000);
	}

	/** What was really paid, of one subscription. */
	paidFor(subscription: string): number {
		return this.invoices
			.filter((invoice) => invoice.subscription === subscription && invoice.status === 'paid')
			.reduce((sum, {total}) => sum + total, 0);
	}

	/** The customer pays. @returns the subscription */
	completeCheckout(url: string): FakeSubscription {
		const session = [...this.sessions.values()].find((each) => each.url === url);
		if (session?.status !== 'open') throw new Error(`the checkout is ${session?.status ?? 'unknown'}`);
		const subscription = this.subscribe(session);
		session.status = 'complete';
		session.subscription = subscription.id;
		this.tell('checkout.session.completed', this.toSession(session));
		return subscription;
	}

	/** A subscription that begins now and is paid for. */
	subscribe(options: {
		customer: string;
		price: PriceId;
		quantity: number;
		subscriptionMetadata?: Readonly<Record<string, string>>;
	}): FakeSubscription {
		const {customer, price, quantity, subscriptionMetadata: metadata = {}} = options;
		const subscription: FakeSubscription = {
			id: `sub_${randomUUID()}`,
			itemId: `si_${randomUUID()}`,
			customer,
			price,
			created: this.now,
			metadata,
			status: 'active',
			quantity,
			periodEnd: this.now + PERIOD_SECONDS,
			cancelAtPeriodEnd: false,
			latestInvoice: null,
		};
		this.subscriptions.set(subscription.id, subscription);
		this.#invoice(subscription, 'subscription_create', quantity * PRICES[price].unit_amount, 'paid');
		this.tell('customer.subscription.created', this.toSubscription(subscription));
		return subscription;
	}

	/** With proration, invoiced at once. @throws {DeclinedError} nothing was changed */
	changeQuantity(subscription: FakeSubscription, quantity: number): void {
		const left = Math.max(0, subscription.periodEnd - this.now) / PERIOD_SECONDS;
		const total = Math.round((quantity - subscription.quantity) * PRICES[subscription.price].unit_amount * left);
		if (total > 0 && this.declines) throw new DeclinedError();
		subscription.quantity = quantity;
		if (total !== 0) this.#invoice(subscription, 'subscription_update', total, 'paid');
		this.#tellUpdate(subscription);
	}

	/** The next period begins; where the bank refuses, the subscription is past due. */
	renew(subscription: FakeSubscription): void {
		subscription.periodEnd += PERIOD_SECONDS;
		const total = subscription.quantity * PRICES[subscription.price].unit_amount;
		const invoice = this.#invoice(subscription, 'subscription_cycle', total, this.declines ? 'open' : 'paid');
		if (this.declines) subscription.status = 'past_due';
		this.tell(this.declines ? 'invoice.payment_failed' : 'invoice.paid', this.#toInvoice(invoice));
		this.#tellUpdate(subscription);
	}

	/** What is owed is paid. */
	pay(subscription: FakeSubscription): void {
		for (const invoice of this.invoices) {
			if (invoice.subscription !== subscription.id || invoice.status === 'paid') continue;
			invoice.status = 'paid';
			this.tell('invoice.paid', this.#toInvoice(invoice));
		}
		this.setStatus(subscription, 'active');
	}

	setStatus(subscription: FakeSubscription, status: FakeSubscription['status']): void {
		subscription.status = status;
		if (status === 'canceled') this.tell('customer.subscription.deleted', this.toSubscription(subscription));
		else this.#tellUpdate(subscription);
	}

	/** His subscriptions end at once; that he was there is still known. */
	deleteCustomer(id: string): void {
		this.customers.set(id, {id, metadata: {}, deleted: true});
		for (const subscription of this.subscriptions.values()) {
			if (subscription.customer === id && subscription.status !== 'canceled') this.setStatus(subscription, 'canceled');
		}
	}

	cancelAtPeriodEnd(subscription: FakeSubscription): void {
		subscription.cancelAtPeriodEnd = true;
		this.#tellUpdate(subscription);
	}

	/** Takes what is to be delivered. */
	takeEvents(): readonly FakeEvent[] {
		return this.events.splice(0);
	}

	tell(type: string, object: object): void {
		this.events.push({
			id: `evt_${randomUUID()}`,
			object: 'event',
			type,
			created: this.now,
			api_version: '2025-04-30.basil',
			livemode: false,
			data: {object: structuredClone(object)},
		});
	}

	/** In the shape of the API's version: the end of the period is on the item. */
	toSubscription(subscription: FakeSubscription): object {
		const {id, itemId, customer, status, created, metadata, price, quantity, periodEnd, latestInvoice} = subscription;
		const item = {
			id: itemId,
			object: 'subscription_item',
			quantity,
			created,
			current_period_start: periodEnd - PERIOD_SECONDS,
			current_period_end: periodEnd,
			price: {id: price, object: 'price', ...PRICES[price]},
		};
		return {
			id,
			object: 'subscription',
			customer,
			status,
			created,
			metadata,
			currency: PRICES[price].currency,
			cancel_at_period_end: subscription.cancelAtPeriodEnd,
			latest_invoice: latestInvoice,
			items: {object: 'list', data: [item], has_more: false},
		};
	}

	toSession(session: FakeSession): object {
		const {id, url, customer, status, created, metadata, reference, subscription} = session;
		return {
			id,
			object: 'checkout.session',
			mode: 'subscription',
			url: status === 'open' ? url : null,
			customer,
			status,
			created,
			metadata,
			client_reference_id: reference,
			subscription,
		};
	}

	/** With its invoice in full. */
	toExpanded(subscription: FakeSubscription): object {
		const invoice = this.invoices.find(({id}) => id === subscription.latestInvoice);
		return {
			...this.toSubscription(subscription),
			latest_invoice: invoice === undefined ? null : this.#toInvoice(invoice),
		};
	}

	#tellUpdate(subscription: FakeSubscription): void {
		this.tell('customer.subscription.updated', this.toSubscription(subscription));
	}

	#invoice(
		subscription: FakeSubscription,
		reason: FakeInvoice['reason'],
		total: number,
		status: FakeInvoice['status'],
	): FakeInvoice {
		const {id, customer} = subscription;
		const invoice: FakeInvoice = {id: `in_${randomUUID()}`, customer, subscription: id, total, reason, status};
		this.invoices.push(invoice);
		subscription.latestInvoice = invoice.id;
		return invoice;
	}

	#toInvoice({id, customer, subscription, total, reason, status}: FakeInvoice): object {
		return {id, object: 'invoice', customer, total, status, billing_reason: reason, parent: {subscription}};
	}
}
