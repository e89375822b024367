import type {Allowance, Entitlement} from './entitlement.ts';

/** Why a user gets no slot: for whoever asks beforehand, and for whoever tried. */
export interface Refusal {
	readonly reason: string;
	readonly message: string;
}

/** The contract's wording, where it has one. */
export function refusalOf({subscription, grantedSlots}: Entitlement, {running, starting}: Allowance): Refusal {
	const status = subscription?.status;
	if (status === 'past_due' || status === 'unpaid') {
		return {
			reason: 'The last payment failed',
			message: 'The last payment failed. Update your payment method at /billing before creating connections.',
		};
	}
	if (running === 0 && (grantedSlots ?? 0) === 0) {
		return {
			reason: 'No billing set up',
			message: 'Set up billing before creating connections. Visit /billing to get started.',
		};
	}
	return {
		reason: `All ${starting} slots in use`,
		message: `All ${starting} connection slots in use. Buy more slots at /billing.`,
	};
}
