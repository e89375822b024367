import Stripe from 'stripe';
import {BillingRefusedError, BillingUnavailableError, PaymentFailedError} from '../../domain/errors.ts';

const {errors} = Stripe;

/** Waited for by the library, in vain: somebody else's turn, too many requests, trouble at Stripe. */
const PASSING = [409, 429];

/** Resolves to what Stripe answers. @throws a domain error for whatever it fails with */
export async function fromStripe<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		throw toBillingError(error);
	}
}

/** True for an answer that says that a customer does not exist: he was deleted, or is another account's. */
export function isMissingCustomer(error: unknown): boolean {
	return (
		error instanceof errors.StripeInvalidRequestError && error.code === 'resource_missing' && error.param === 'customer'
	);
}

function toBillingError(error: unknown): unknown {
	if (!(error instanceof errors.StripeError)) {
		return error;
	}
	// 402 is the answer to every charge that fails, also where the bank wants to see its customer.
	if (error instanceof errors.StripeCardError || error.statusCode === 402) {
		return new PaymentFailedError(`The payment failed, and nothing was changed: ${error.message}`, {cause: error});
	}
	const {statusCode: status = 0} = error;
	const isOutage = error instanceof errors.StripeConnectionError || error instanceof errors.StripeAPIError;
	return isOutage || status >= 500 || PASSING.includes(status)
		? new BillingUnavailableError('it did not answer', {cause: error})
		: new BillingRefusedError({cause: error});
}
