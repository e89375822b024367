import type {ConnectionStore} from '../ports/connection-store.ts';
import type {EntitlementStore} from '../ports/entitlement-store.ts';
import type {User} from '../tokens/token.ts';
import type {Entitlements} from './entitlements.ts';
import {newEntitlement, type Entitlement} from './entitlement.ts';
import type {SubscriptionStatus} from './subscription.ts';

/** A line on top of every page, for something that the user has to see to. */
export interface BillingBanner {
	readonly kind: 'past_due' | 'suspended' | 'ending';
	readonly message: string;
	/** When something happens unless the user does something. */
	readonly until: Date | null;
}

/** Where a user stands: read from our own record alone, as fast as that. */
export interface BillingOverview {
	readonly entitlement: Entitlement;
	/** The subscription counts: it is paid for, or within the days of grace. */
	readonly isActive: boolean;
	readonly isUnlimited: boolean;
	readonly paid: number;
	/** Connections that run. */
	readonly used: number;
	readonly suspended: number;
	/** How many can be created now. */
	readonly available: number;
	/** Why none can; null while some can. */
	readonly refusal: string | null;
	readonly banner: BillingBanner | null;
}

/** Shows users where they stand. */
export class BillingOverviews {
	readonly #entitlements: Entitlements;
	readonly #store: Pick<EntitlementStore, 'find'>;
	readonly #connections: Pick<ConnectionStore, 'countOf'>;

	constructor(options: {
		entitlements: Entitlements;
		store: Pick<EntitlementStore, 'find'>;
		connections: Pick<ConnectionStore, 'countOf'>;
	}) {
		this.#entitlements = options.entitlements;
		this.#store = options.store;
		this.#connections = options.connections;
	}

	/** @throws {StoreUnavailableError} */
	async show(user: User): Promise<BillingOverview> {
		const [stored, {running: used, suspended}] = await Promise.all([
			this.#store.find(user.id),
			this.#connections.countOf(user.id),
		]);
		const entitlement = this.#entitlements.counting(stored ?? newEntitlement(user.id, user.createdAt));
		const isActive = this.#isActive(entitlement);
		const {mode, maxSlots} = this.#entitlements.rules;
		if (mode === 'off' || user.isAdmin) {
			// One client hides what creates connections while nothing is paid for, so that there is always one more.
			const paid = Math.max(used + 1, maxSlots);
			const available = paid - used;
			return {entitlement, isActive, isUnlimited: true, paid, used, suspended, available, refusal: null, banner: null};
		}
		const allowance = this.#entitlements.limitOf(entitlement);
		const available = Math.max(0, allowance.starting - used);
		return {
			entitlement,
			isActive,
			isUnlimited: false,
			paid: allowance.running,
			used,
			suspended,
			available,
			refusal: available > 0 ? null : this.#entitlements.refusalOf(entitlement).reason,
			banner: this.#bannerOf(entitlement, suspended),
		};
	}

	#isActive(entitlement: Entitlement): boolean {
		const {subscription} = entitlement;
		return (
			subscription !== null && (isPaid(subscription.status) || this.#entitlements.graceEndOf(entitlement) !== undefined)
		);
	}

	#bannerOf(entitlement: Entitlement, suspended: number): BillingBanner | null {
		const {subscription} = entitlement;
		const until = this.#entitlements.graceEndOf(entitlement);
		if (until !== undefined) {
			const message = `Your last payment failed. Update your payment method until ${until.toISOString().slice(0, 10)}, or your connections are suspended.`;
			return {kind: 'past_due', message, until};
		}
		if (suspended > 0) {
			const what = suspended === 1 ? '1 connection is' : `${suspended} connections are`;
			return {kind: 'suspended', message: `${what} suspended, because there are not enough slots.`, until: null};
		}
		if (
			subscription?.cancelAtPeriodEnd === true &&
			isPaid(subscription.status) &&
			subscription.currentPeriodEndMs !== null
		) {
			const end = new Date(subscription.currentPeriodEndMs);
			const message = `Your subscription ends on ${end.toISOString().slice(0, 10)}, and your connections are suspended then.`;
			return {kind: 'ending', message, until: end};
		}
		return null;
	}
}

function isPaid(status: SubscriptionStatus): boolean {
	return status === 'active' || status === 'trialing';
}
