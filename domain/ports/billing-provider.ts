import type {Currency, Subscription} from '../billing/subscription.ts';
import type {User} from '../tokens/token.ts';

/** A page where somebody pays for a first subscription; open until it was paid for, closed or a day old. */
export interface Checkout {
	readonly id: string;
	readonly url: string;
	readonly quantity: number;
	readonly currency: string;
}

export interface CheckoutRequest {
	readonly userId: string;
	readonly customerId: string;
	readonly quantity: number;
	readonly currency: Currency;
	/** Where to go when it was paid for. */
	readonly successUrl: string;
	readonly cancelUrl: string;
	/** Requests with the same one, and the same content, open one page, or fail all alike. */
	readonly key: string;
}

/** A change of a subscription that was paid for, or credited, at once. */
export interface QuantityChange {
	/** As it was then, or later. */
	readonly subscription: Subscription;
	/** Charged, or credited where negative; minor units. */
	readonly proratedAmount: number;
}

/**
 * Where subscriptions are paid for. No write is made twice, however often it is tried.
 * @throws {BillingUnavailableError} it may or may not have happened @throws {BillingRefusedError}
 */
export interface BillingProvider {
	/** Which currencies have a price. */
	readonly currencies: readonly Currency[];
	/**
	 * @param key calls with the same one, for the same user, make one customer, or fail all alike
	 * @returns its id
	 */
	createCustomer(user: Pick<User, 'id' | 'email' | 'name'>, key: string): Promise<string>;
	/** False once the customer was deleted. @throws {BillingRefusedError} also where there never was such a one: he is another account's */
	hasCustomer(customerId: string): Promise<boolean>;
	/** The one that counts (`mainOf`); null = there is none, or its customer was deleted. @throws as `hasCustomer` */
	findSubscription(customerId: string): Promise<Subscription | null>;
	/** Charges or credits the difference for the rest of the period at once. @throws {PaymentFailedError} nothing was changed */
	changeQuantity(subscription: Subscription, quantity: number): Promise<QuantityChange>;
	/** The open ones, newest first. */
	listCheckouts(customerId: string): Promise<readonly Checkout[]>;
	createCheckout(request: CheckoutRequest): Promise<Checkout>;
	/** Does nothing to one that was paid for, or closed, before. */
	closeCheckout(id: string): Promise<void>;
	/**
	 * A page where the customer looks after his payment methods and invoices.
	 * @param changed the subscription whose quantity he wants to change there
	 * @returns its URL
	 */
	openPortal(customerId: string, returnUrl: string, changed?: Subscription): Promise<string>;
}
