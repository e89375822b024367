import type {FakeSubscription} from './fake-stripe-account.ts';
import type {FakeStripe} from './fake-stripe.ts';
import type {Tenant} from './gateway-harness.ts';

/** Checks out and pays; what Stripe tells of it is not delivered. */
export async function buySlots({client}: Tenant, stripe: FakeStripe, quantity: number): Promise<FakeSubscription> {
	const {url} = await client.call<{url: string}>('POST', '/billing/checkout', {quantity});
	return stripe.account.completeCheckout(url);
}
