import type {WebhookChanges} from '../ports/webhook-store.ts';

/** A webhook without a series of failures. */
export const NO_FAILURES = {failingSince: null, lastFailureAt: null} as const;

/** Whether an owner's change may well end what made a webhook fail: from then on failures are counted anew. */
export function isNewStart({url, active, sealedHeaders}: WebhookChanges): boolean {
	return url !== undefined || active !== undefined || sealedHeaders !== undefined;
}
