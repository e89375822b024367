import type {BillingProvider} from '../ports/billing-provider.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {Entitlements} from './entitlements.ts';
import {withSubscription, type Entitlement} from './entitlement.ts';
import {isLive, type Subscription} from './subscription.ts';

/**
 * Our own record of subscriptions. News come by events, by answers to our own changes and by asking, twice, late and in any order; what
 * cannot be told to be newer than what is known is asked for.
 */
export class SubscriptionLedger {
	readonly #entitlements: Entitlements;
	readonly #provider: Pick<BillingProvider, 'findSubscription'>;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		entitlements: Entitlements;
		provider: Pick<BillingProvider, 'findSubscription'>;
		clock: Clock;
		log: Logger;
	}) {
		this.#entitlements = options.entitlements;
		this.#provider = options.provider;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Brings the record up to date by asking the provider.
	 * @throws {BillingUnavailableError} @throws {BillingRefusedError} nothing was changed
	 */
	refresh(userId: string): Promise<Entitlement> {
		return this.#entitlements.change(userId, async (current) => this.#with(current, await this.#ask(current)));
	}

	/** Takes in what an event says of a subscription. @throws as `refresh` */
	hear(userId: string, told: Subscription): Promise<Entitlement> {
		return this.#entitlements.change(userId, async (current) =>
			this.#with(current, isNews(current.subscription, told) ? told : await this.#ask(current)),
		);
	}

	/**
	 * Takes in the answer to a change of our own. Where anything else became known meanwhile, either may be the later one, whatever time
	 * the answer bears: the provider is asked.
	 * @param sinceVersion of the record that the change was decided by
	 * @throws as `refresh`, the change being made all the same
	 */
	note(userId: string, answered: Subscription, sinceVersion: number): Promise<Entitlement> {
		return this.#entitlements.change(userId, async (current) =>
			this.#with(current, current.version === sinceVersion ? answered : await this.#ask(current)),
		);
	}

	/** What is asked for after the record was read is newer than it: the compare-and-set sees to that. */
	async #ask({customerId}: Entitlement): Promise<Subscription | null> {
		return customerId === null ? null : await this.#provider.findSubscription(customerId);
	}

	#with(current: Entitlement, subscription: Subscription | null): Entitlement {
		const {graceMs} = this.#entitlements.rules;
		const now = new Date(this.#clock.now());
		const before = current.subscription;
		const next = {...withSubscription(current, subscription, {graceMs, now}), checkedAt: now};
		const {id, status, quantity} = next.subscription ?? {};
		if (before?.id !== id || before?.status !== status || before?.quantity !== quantity) {
			this.#log.info({userId: current.id, subscriptionId: id, status, quantity}, 'billing.subscription');
		}
		return next;
	}
}

/**
 * Only a later state of the same subscription may be believed without asking: times have a granularity of a second, behind one that ended
 * there may be another, and one that is over by our record does not come back.
 */
function isNews(known: Subscription | null, told: Subscription): boolean {
	return known?.id === told.id && told.asOfMs > known.asOfMs && isLive(told) && isLive(known);
}
