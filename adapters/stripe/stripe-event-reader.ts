import type Stripe from 'stripe';
import {ValidationError} from '../../domain/errors.ts';
import type {BillingEvent, BillingEventReader} from '../../domain/ports/billing-event-reader.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {idOf, toSubscription, USER_KEY} from './stripe-mapper.ts';

/** How old a signature may be: Stripe signs each try anew. */
const TOLERANCE_SECONDS = 300;

/** What can change what somebody may run. */
const ABOUT_SUBSCRIPTIONS =
	/^(customer\.subscription\.(?!trial_will_end)|checkout\.session\.completed$|invoice\.(paid|payment_failed)$)/;

/** Reads what Stripe posts, verified with the secret of the webhook endpoint. */
export class StripeEventReader implements BillingEventReader {
	readonly #stripe: Stripe;
	readonly #secret: string;
	readonly #priceIds: ReadonlySet<string>;
	readonly #clock: Clock;

	constructor(options: {stripe: Stripe; secret: string; priceIds: ReadonlySet<string>; clock: Clock}) {
		this.#stripe = options.stripe;
		this.#secret = options.secret;
		this.#priceIds = options.priceIds;
		this.#clock = options.clock;
	}

	read(rawBody: Buffer, signature: string | undefined): BillingEvent {
		if (signature === undefined || signature === '') {
			throw new ValidationError('Missing stripe-signature header');
		}
		return this.#toBillingEvent(this.#verify(rawBody, signature));
	}

	#verify(rawBody: Buffer, signature: string): Stripe.Event {
		try {
			return this.#stripe.webhooks.constructEvent(
				rawBody,
				signature,
				this.#secret,
				TOLERANCE_SECONDS,
				undefined,
				this.#clock.now(),
			);
		} catch (error) {
			// The library's advice for developers is in the lines behind the first.
			const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
			throw new ValidationError(`Webhook Error: ${reason?.trim() ?? ''}`, {cause: error});
		}
	}

	#toBillingEvent(event: Stripe.Event): BillingEvent {
		const object = event.data.object as unknown as EventObject;
		const isSubscription = event.type.startsWith('customer.subscription.');
		const told = isSubscription
			? toSubscription(object as unknown as Stripe.Subscription, this.#priceIds, event.created * 1000)
			: undefined;
		return {
			id: event.id,
			type: event.type,
			customerId: idOf(object.customer),
			// Not `client_reference_id`: of a payment link, whoever pays writes it into the address himself.
			userId: object.metadata?.[USER_KEY] ?? null,
			// A subscription to something else is none of ours.
			isAboutSubscriptions: ABOUT_SUBSCRIPTIONS.test(event.type) && (!isSubscription || told !== undefined),
			subscription: told ?? null,
		};
	}
}

/** What the objects of the events that we look into have in common. */
interface EventObject {
	readonly customer?: string | {readonly id: string} | null;
	readonly metadata?: Readonly<Record<string, string>> | null;
}
