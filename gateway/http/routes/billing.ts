import {z} from 'zod';
import type {BillingOverviews} from '../../../domain/billing/billing-overview.ts';
import type {Billing} from '../../../domain/billing/billing.ts';
import {CURRENCIES} from '../../../domain/billing/subscription.ts';
import type {UsageReport} from '../../../domain/billing/usage-report.ts';
import type {ErrorCode} from '../../../domain/errors.ts';
import {
	BillingStatusResource,
	CanCreateResource,
	PageResource,
	presentCanCreate,
	presentStatus,
	SlotChangeResource,
} from '../resources/billing.ts';
import {created, ok, route, type Route} from '../route.ts';
import {usageRoutes} from './usage.ts';

/** What can go wrong whenever the billing provider is asked for something. */
const PROVIDER_ERRORS = [
	'BILLING_DISABLED',
	'BILLING_UNAVAILABLE',
	'BILLING_REFUSED',
] as const satisfies readonly ErrorCode[];

const QUANTITY = 'quantity must be a whole number of 1 or more';

/** How many at most is the operator's to say. */
const quantity = z.int(QUANTITY).min(1, QUANTITY).meta({description: 'Slots', example: 10});

const SlotFields = z.object({quantity});

const CheckoutFields = z.object({
	quantity: quantity.default(1),
	currency: z.enum(CURRENCIES, `currency must be ${CURRENCIES.join(' or ')}`).default('usd'),
});

interface BillingRouteDependencies {
	readonly billing: Billing;
	readonly billingOverviews: BillingOverviews;
	readonly usage: UsageReport;
}

/** Slots: who has how many, and where they are bought. */
export function billingRoutes(dependencies: BillingRouteDependencies): readonly Route[] {
	return [...overviewRoutes(dependencies), ...purchaseRoutes(dependencies), ...usageRoutes(dependencies)];
}

/** Of our own record: they answer as fast as the store, whoever else is away. */
function overviewRoutes({billingOverviews}: BillingRouteDependencies): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/billing/status',
			target: 'account',
			scope: 'read',
			documentation: {
				id: 'getBillingStatus',
				tag: 'Billing',
				summary: 'Show the subscription and its slots',
				answer: {
					status: 200,
					description: 'Whatever is set up: without billing there is always room',
					schema: BillingStatusResource,
				},
			},
			handle: async ({user}) => ok(presentStatus(await billingOverviews.show(user))),
		}),
		route({
			method: 'GET',
			path: '/billing/can-create',
			target: 'account',
			scope: 'read',
			documentation: {
				id: 'canCreateConnection',
				tag: 'Billing',
				summary: 'Ask whether another connection can be created',
				answer: {
					status: 200,
					description: 'Whether it can, and why not',
					schema: CanCreateResource,
					example: {allowed: true, paidSlots: 5, usedSlots: 3, availableSlots: 2},
				},
			},
			handle: async ({user}) => ok(presentCanCreate(await billingOverviews.show(user))),
		}),
	];
}

function purchaseRoutes({billing}: BillingRouteDependencies): readonly Route[] {
	return [
		route({
			method: 'PUT',
			path: '/billing/slots',
			target: 'account',
			scope: 'manage',
			body: SlotFields,
			documentation: {
				id: 'setSlots',
				tag: 'Billing',
				summary: 'Set the number of slots',
				description:
					'Charges or credits the difference for the rest of the period at once; needs a subscription (`POST /billing/checkout`). A payment that fails is a 400 and changes nothing. Not below the number of connections in use. A repeat is never paid twice.',
				body: {quantity: 10},
				answer: {status: 200, description: 'What was changed, and for how much', schema: SlotChangeResource},
				errors: [...PROVIDER_ERRORS, 'PAYMENT_FAILED'],
			},
			handle: async ({user, body}) => ok(await billing.setSlots(user, body.quantity)),
		}),
		route({
			method: 'POST',
			path: '/billing/checkout',
			target: 'account',
			scope: 'manage',
			body: CheckoutFields,
			documentation: {
				id: 'openCheckout',
				tag: 'Billing',
				summary: 'Buy a subscription',
				description:
					'A page of Stripe’s to pay for the first slots. Whoever has a subscription is sent to where he changes it (`quantity` is of no use then).',
				body: {quantity: 5, currency: 'usd'},
				answer: {status: 201, description: 'The page', schema: PageResource},
				errors: PROVIDER_ERRORS,
			},
			handle: async ({user, body}) => created({url: await billing.checkout(user, body.quantity, body.currency)}),
		}),
		route({
			method: 'POST',
			path: '/billing/portal',
			target: 'account',
			scope: 'manage',
			documentation: {
				id: 'openPortal',
				tag: 'Billing',
				summary: 'Look after payment methods and invoices',
				answer: {status: 201, description: 'A page of Stripe’s', schema: PageResource},
				errors: PROVIDER_ERRORS,
			},
			handle: async ({user}) => created({url: await billing.portal(user)}),
		}),
	];
}
