import type {Allowance, Entitlement} from './entitlement.ts';

/** Why a user gets no slot: for whoever asks beforehand, and for whoever tried. */
export interface Refusal {
	readonly reason: string;
	readonly message: string;
}

/**
 * The contract's wording, where it has one.
 * @param isSold whether slots can be bought here; else the operator alone gives them
 */
export function refusalOf(
	{subscription, grantedSlots}: Entitlement,
	{running, starting}: Allowance,
	isSold: boolean,
): Refusal {
	const status = subscription?.status;
	if (status === 'past_due' || status === 'unpaid') {
		return {
			reason: 'The last payment failed',
			message: 'The last payment failed. Update your payment method at /billing before creating connections.',
		};
	}
	if (status === 'trialing') {
		return {
			reason: 'The trial does not create connections',
			message: 'The trial does not create connections: wait for its end, when the first payment is made.',
		};
	}
	if (running === 0 && (grantedSlots ?? 0) === 0) {
		return isSold
			? {
					reason: 'No billing set up',
					message: 'Set up billing before creating connections. Visit /billing to get started.',
				}
			: {reason: 'No slots', message: 'You have no connection slots. Ask the operator for some.'};
	}
	return {
		reason: `All ${starting} slots in use`,
		message: `All ${starting} connection slots in use. ${isSold ? 'Buy more slots at /billing.' : 'Ask the operator for more.'}`,
	};
}
