import {ValidationError} from '../errors.ts';
import type {Subscription} from './subscription.ts';

const NO_SUBSCRIPTION =
	'There is no active subscription: set up billing first with POST /billing/checkout, then change the number of slots';

/** That there is a subscription whose quantity can be changed. @throws {ValidationError} says what to do instead */
export function requireActive(subscription: Subscription | null): asserts subscription is Subscription {
	if (subscription?.status === 'past_due' || subscription?.status === 'unpaid') {
		throw new ValidationError(
			'The last payment failed: update your payment method (POST /billing/portal) before you change the number of slots',
		);
	}
	if (subscription?.status !== 'active' && subscription?.status !== 'trialing') {
		throw new ValidationError(NO_SUBSCRIPTION);
	}
}
