import type {Notice} from './notice.ts';
import type {Subscription, SubscriptionStatus} from './subscription.ts';

/** A connection that runs, and so takes a slot of its user's. */
export interface SlotHolder {
	/** The connection's id. */
	readonly id: string;
	/** Milliseconds since the epoch. */
	readonly takenAtMs: number;
}

/**
 * What a user may run, as we know it ourselves: nobody asks the billing provider before a connection is created. Changed by compare-and-set
 * on `version`, but for the holders.
 */
export interface Entitlement {
	/** The user's id. */
	readonly id: string;
	/** At the billing provider; null until the first checkout. */
	readonly customerId: string | null;
	readonly subscription: Subscription | null;
	/** Slots that an administrator gave, on top of those of the subscription; null = never any. */
	readonly grantedSlots: number | null;
	/** Since when the subscription is past due; null while it is not. */
	readonly graceSince: Date | null;
	/** When the subscription was last compared with what the provider knows. */
	readonly checkedAt: Date | null;
	/** When the user was last sent to where a first subscription is paid for; null = never. */
	readonly checkoutAt: Date | null;
	/** What the user is still to be told. */
	readonly notices: readonly Notice[];
	/** The ids of suspended connections of which the user was told, or is to be told by a notice. */
	readonly toldSuspended: readonly string[];
	/** Oldest first. */
	readonly holders: readonly SlotHolder[];
	/** Grows by one with each change; 0 = not stored yet. */
	readonly version: number;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** How many connections may run. */
export interface Allowance {
	/** What runs beyond these is suspended. */
	readonly running: number;
	/** Nothing new begins unless fewer than these run; at most `running`. */
	readonly starting: number;
}

/** Of a user of whom nothing is stored yet. */
export function newEntitlement(userId: string, now: Date): Entitlement {
	return {
		id: userId,
		customerId: null,
		subscription: null,
		grantedSlots: null,
		graceSince: null,
		checkedAt: null,
		checkoutAt: null,
		notices: [],
		toldSuspended: [],
		holders: [],
		version: 0,
		createdAt: now,
		updatedAt: now,
	};
}

/** Whether what the user runs is measured at all: somebody who never had slots keeps what was there before slots were sold. */
export function isMeasured({subscription, grantedSlots}: Entitlement): boolean {
	return subscription !== null || grantedSlots !== null;
}

/**
 * The contract's rule: only `active` lets connections be created; `past_due` and `trialing` keep what runs, the former for as long as the
 * grace lasts.
 * @param graceMs how long what runs is kept after a payment failed
 */
export function allowanceOf(entitlement: Entitlement, graceMs: number, nowMs: number): Allowance {
	const granted = entitlement.grantedSlots ?? 0;
	const quantity = entitlement.subscription?.quantity ?? 0;
	switch (entitlement.subscription?.status) {
		case 'active':
			return {running: granted + quantity, starting: granted + quantity};
		case 'trialing':
			return {running: granted + quantity, starting: granted};
		case 'past_due':
			return {running: granted + (nowMs < graceEndMs(entitlement, graceMs) ? quantity : 0), starting: granted};
		default:
			return {running: granted, starting: granted};
	}
}

/** When the grace of a subscription that is past due ends; undefined for any other. */
export function graceEndOf({graceSince}: Entitlement, graceMs: number): Date | undefined {
	return graceSince === null ? undefined : new Date(graceSince.getTime() + graceMs);
}

/**
 * With another state of the subscription, and what the user is to be told about it.
 * @param subscription null = the provider knows of none (any more)
 */
export function withSubscription(
	before: Entitlement,
	subscription: Subscription | null,
	{graceMs, now}: {readonly graceMs: number; readonly now: Date},
): Entitlement {
	const known = subscription ?? (before.subscription && {...before.subscription, status: 'canceled' as const});
	const changed = {...before, subscription: known, graceSince: graceSince(before, known, now), updatedAt: now};
	return {...changed, notices: [...before.notices, ...noticesOf(before, changed, graceMs, now)]};
}

/** With another number of slots of an administrator's, and what the user is to be told about it. */
export function withGrantedSlots(
	before: Entitlement,
	grantedSlots: number,
	{graceMs, now}: {readonly graceMs: number; readonly now: Date},
): Entitlement {
	const changed = {...before, grantedSlots, updatedAt: now};
	return {...changed, notices: [...before.notices, ...noticesOf(before, changed, graceMs, now)]};
}

/** From the first moment that it was past due on, by the provider's clock unless that is ahead. */
function graceSince(
	{subscription: before, graceSince: since}: Entitlement,
	after: Subscription | null,
	now: Date,
): Date | null {
	if (after?.status !== 'past_due') {
		return null;
	}
	const isSame = before?.id === after.id && before.status === 'past_due';
	return isSame && since !== null ? since : new Date(Math.min(after.asOfMs, now.getTime()));
}

function graceEndMs(entitlement: Entitlement, graceMs: number): number {
	return graceEndOf(entitlement, graceMs)?.getTime() ?? 0;
}

function noticesOf(before: Entitlement, after: Entitlement, graceMs: number, now: Date): readonly Notice[] {
	const atMs = now.getTime();
	const [{running: previousSlots}, {running: slots}] = [before, after].map((each) =>
		allowanceOf(each, graceMs, atMs),
	) as [Allowance, Allowance];
	const [was, is] = [statusOf(before), statusOf(after)];
	const notices: Notice[] = [];
	if (slots !== previousSlots) {
		notices.push({event: 'billing.slots.changed', atMs, payload: {slots, previousSlots, status: is}});
	}
	if (is === 'past_due' && was !== 'past_due') {
		const graceEndsAt = graceEndOf(after, graceMs)?.toISOString() ?? null;
		notices.push({event: 'billing.past_due', atMs, payload: {slots, graceEndsAt}});
	}
	if (was === 'past_due' && is === 'active') {
		notices.push({event: 'billing.recovered', atMs, payload: {slots}});
	}
	return notices;
}

function statusOf({subscription}: Entitlement): SubscriptionStatus | null {
	return subscription?.status ?? null;
}
