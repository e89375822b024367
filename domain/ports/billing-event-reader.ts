import type {Subscription} from '../billing/subscription.ts';

/** Something that happened at the billing provider. It may come twice, late and in any order. */
export interface BillingEvent {
	readonly id: string;
	/** The provider's name for it. */
	readonly type: string;
	/** Null for what is about no customer. */
	readonly customerId: string | null;
	/** Whom we said, when we made it, that it is for. */
	readonly userId: string | null;
	/** Whether subscriptions may be others since: new, changed, paid or not paid. */
	readonly isAboutSubscriptions: boolean;
	/** As it was at that moment, where the event says it. */
	readonly subscription: Subscription | null;
}

/** Reads what the billing provider posts. */
export interface BillingEventReader {
	/**
	 * Nothing of an event is believed before its signature is verified.
	 * @param rawBody as it was sent
	 * @throws {ValidationError} no signature, a wrong one, or one that is too old; the contract's wording
	 */
	read(rawBody: Buffer, signature: string | undefined): BillingEvent;
}
