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
	/** Requests with the same one, and the same content, open one page. */
	readonly key: string;
}

/** A change of a subscription that was paid for, or credited, at once. */
export interface QuantityChange {
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
	 * @param replaced the id of the one that is not there any more; null = the first
	 * @returns its id; the same for calls at the same time
	 */
	createCustomer(user: Pick<User, 'id' | 'email' | 'name'>, replaced: string | null): Promise<string>;
	/** The one that counts (`mainOf`); null = there never was any; undefined = there is no such customer (any more). */
	findSubscription(customerId: string): Promise<Subscription | null | undefined>;
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
