import express, {type RequestHandler} from 'express';
import type {BillingInbox} from '../../../domain/billing/billing-inbox.ts';
import type {BillingEventReader} from '../../../domain/ports/billing-event-reader.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import {FOR_STRANGERS, Intake} from '../intake.ts';
import {sendJson} from '../send-json.ts';

/** Where Stripe posts what happened (the contract's address). */
export const BILLING_EVENTS_PATH = '/api/stripe/webhook';

/** Far above any event of Stripe's. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** Large bodies (over 64 KB) that are read at once: nobody knows whether they are signed. */
const PER_ADDRESS = 4;
const IN_ALL = 16;

export interface BillingEventDependencies {
	/** Absent = the route is absent: what cannot be verified is not listened to. */
	readonly billingEventReader?: BillingEventReader | undefined;
	readonly billingInbox?: BillingInbox | undefined;
	readonly clock: Clock;
}

/**
 * The whole chain of the route for Stripe's events: the signature is over the raw body, and 201 goes out only after everything that follows
 * from the event is stored. Empty where there is nothing to verify with.
 */
export function billingEventsChain({
	billingEventReader,
	billingInbox,
	clock,
}: BillingEventDependencies): readonly RequestHandler[] {
	if (billingEventReader === undefined || billingInbox === undefined) {
		return [];
	}
	const intake = new Intake({clock, perSender: PER_ADDRESS, inAll: IN_ALL, ...FOR_STRANGERS});
	return [
		...intake.around(
			(request) => request.ip ?? '',
			[express.raw({limit: BODY_LIMIT_BYTES, inflate: false, type: () => true})],
		),
		async (request, response) => {
			const body: unknown = request.body;
			const rawBody = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
			await billingInbox.accept(billingEventReader.read(rawBody, request.get('stripe-signature')));
			sendJson(response, 201, {received: true});
		},
	];
}
