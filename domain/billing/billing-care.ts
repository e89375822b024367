import {BillingUnavailableError} from '../errors.ts';
import {inTime} from '../in-time.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {Entitlement} from './entitlement.ts';
import type {Entitlements} from './entitlements.ts';
import type {Notices} from './notices.ts';
import type {Slots} from './slots.ts';
import {isLive} from './subscription.ts';
import type {SubscriptionLedger} from './subscription-ledger.ts';
import type {Suspensions} from './suspensions.ts';

/** A record that nobody compared with the provider for longer is compared again: events may have been lost. */
const RECONCILE_EVERY_MS = 24 * 60 * 60_000;

/** So long after its last look at where to pay a user may have paid; Stripe's pages are open for a day. */
const CHECKOUT_MS = 24 * 60 * 60_000;

/** Whoever compares waits so long for the provider: the supervisor has other things to do in its rounds of 10 s. */
const PROVIDER_WAIT_MS = 5000;

/** A provider that did not answer is left alone for so long. */
const AWAY_PAUSE_MS = 5 * 60_000;

/** Sees that what users run follows from what they may run. */
export class BillingCare {
	readonly #entitlements: Entitlements;
	readonly #ledger: SubscriptionLedger | undefined;
	readonly #slots: Slots;
	readonly #suspensions: Suspensions;
	readonly #notices: Notices;
	readonly #clock: Clock;
	readonly #log: Logger;
	/** Until when the provider is not asked by `tend`. */
	#awayUntilMs = 0;

	/** @param options.ledger absent where nothing is paid for at a provider */
	constructor(options: {
		entitlements: Entitlements;
		ledger: SubscriptionLedger | undefined;
		slots: Slots;
		suspensions: Suspensions;
		notices: Notices;
		clock: Clock;
		log: Logger;
	}) {
		this.#entitlements = options.entitlements;
		this.#ledger = options.ledger;
		this.#slots = options.slots;
		this.#suspensions = options.suspensions;
		this.#notices = options.notices;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * After a change that is stored: connections are suspended or resumed, and the user is told. Never throws: what fails now is made up for by
	 * `tend`.
	 */
	async follow(userId: string): Promise<void> {
		if (this.#entitlements.rules.mode === 'off') {
			return;
		}
		try {
			await this.#apply(userId);
		} catch (error) {
			this.#log.warn({error, userId}, 'billing.follow.failed');
		}
	}

	/**
	 * The regular look at one user: compares the record with the provider's once a day, and each time while he may be paying for a first
	 * subscription, frees slots that nobody holds, and does what `follow` does. What one part of it cannot do, keeps the others from nothing,
	 * and a provider that is away holds up neither this nor the next one.
	 * @param compareUntilMs no comparison begins at this moment or later: it waits for the next look; default: none has to wait
	 */
	async tend(entitlement: Entitlement, compareUntilMs = Infinity): Promise<void> {
		const {id: userId} = entitlement;
		const nowMs = this.#clock.now();
		if (nowMs < compareUntilMs && nowMs >= this.#awayUntilMs && isToCompare(entitlement, nowMs)) {
			await this.reconcile(entitlement);
		}
		await this.#slots.sweep(entitlement);
		await this.#suspensions.stopAgain(userId);
		await this.#apply(userId);
	}

	/**
	 * Compares the record with the provider's; an answer that is late is still taken in.
	 * @returns whether it was right; undefined when the provider could not say
	 */
	async reconcile({id: userId, customerId, subscription: before}: Entitlement): Promise<boolean | undefined> {
		if (this.#ledger === undefined || customerId === null) {
			return true;
		}
		try {
			const {subscription} = await inTime(
				this.#clock,
				PROVIDER_WAIT_MS,
				this.#ledger.refresh(userId),
				() => new BillingUnavailableError('it did not answer in time'),
			);
			const wasRight =
				before?.id === subscription?.id &&
				before?.status === subscription?.status &&
				before?.quantity === subscription?.quantity;
			if (!wasRight) {
				this.#log.warn({userId, customerId, before, subscription}, 'billing.reconciled');
			}
			return wasRight;
		} catch (error) {
			this.#log.warn({error, userId}, 'billing.reconcile.failed');
			if (error instanceof BillingUnavailableError) this.#awayUntilMs = this.#clock.now() + AWAY_PAUSE_MS;
			return undefined;
		}
	}

	async #apply(userId: string): Promise<void> {
		await this.#suspensions.apply(userId);
		await this.#notices.publish(await this.#entitlements.get(userId));
	}
}

function isToCompare({checkedAt, checkoutAt, subscription}: Entitlement, nowMs: number): boolean {
	const mayBePaying = checkoutAt !== null && nowMs - checkoutAt.getTime() < CHECKOUT_MS;
	return (
		(mayBePaying && (subscription === null || !isLive(subscription))) ||
		nowMs - (checkedAt?.getTime() ?? 0) >= RECONCILE_EVERY_MS
	);
}
