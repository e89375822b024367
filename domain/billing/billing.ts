import {BillingDisabledError, BillingUnavailableError, ValidationError} from '../errors.ts';
import {digest} from '../hashing.ts';
import {inTime} from '../in-time.ts';
import type {BillingProvider, CheckoutRequest} from '../ports/billing-provider.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {User} from '../tokens/token.ts';
import type {BillingCare} from './billing-care.ts';
import type {Entitlements} from './entitlements.ts';
import type {Entitlement} from './entitlement.ts';
import {requireActive} from './require-active.ts';
import type {SubscriptionLedger} from './subscription-ledger.ts';
import {isLive, toMajorUnits, type Currency, type Subscription} from './subscription.ts';

/** Whoever asks for a change waits so long for the provider, all its answers together; clients give up at 30 s. */
const PROVIDER_WAIT_MS = 25_000;

/**
 * A double click within so many milliseconds makes one customer and opens one checkout. Not much longer: the provider keeps what a request
 * came to, failures too, and whoever tries again later has to get another one.
 */
const SAME_CLICK_MS = 10_000;

/** What became of a request for another number of slots. */
export interface SlotChange {
	readonly slots: number;
	readonly status: 'upgraded' | 'downgraded' | 'unchanged';
	/** Charged, or credited where negative, at once; major units. */
	readonly proratedAmount: number;
	readonly currency: string;
}

/** The provider's side of billing. */
export interface BillingBackend {
	readonly provider: BillingProvider;
	readonly ledger: SubscriptionLedger;
	/** The pages of the dashboard, without a trailing slash. */
	readonly frontendUrl: string;
}

/** Buying slots. Each call asks the provider for what is really there before it changes anything. */
export class Billing {
	readonly #backend: BillingBackend | undefined;
	readonly #entitlements: Entitlements;
	readonly #connections: Pick<ConnectionStore, 'countOf'>;
	readonly #care: Pick<BillingCare, 'follow'>;
	readonly #clock: Clock;

	/** @param options.backend absent where nothing is sold */
	constructor(options: {
		backend: BillingBackend | undefined;
		entitlements: Entitlements;
		connections: Pick<ConnectionStore, 'countOf'>;
		care: Pick<BillingCare, 'follow'>;
		clock: Clock;
	}) {
		this.#backend = options.backend;
		this.#entitlements = options.entitlements;
		this.#connections = options.connections;
		this.#care = options.care;
		this.#clock = options.clock;
	}

	/**
	 * Sets the number of slots; the difference for the rest of the period is charged or credited at once. A repeat never pays twice.
	 * @throws {ValidationError} no subscription, fewer than are in use, more than are sold
	 * @throws {PaymentFailedError} nothing was changed
	 */
	async setSlots(user: User, quantity: number): Promise<SlotChange> {
		const backend = this.#requireBackend();
		this.#requireQuantity(quantity);
		return this.#answerInTime(async () => {
			const entitlement = await backend.ledger.refresh(user.id);
			try {
				return await this.#change(backend, entitlement, quantity);
			} finally {
				// Of whatever was found at the provider, too, though nothing came of the request.
				await this.#care.follow(user.id);
			}
		});
	}

	/**
	 * Where to pay for a first subscription; whoever has one is sent to where he changes it.
	 * @returns the URL
	 */
	async checkout(user: User, quantity: number, currency: Currency): Promise<string> {
		const backend = this.#requireBackend();
		this.#requireQuantity(quantity);
		if (!backend.provider.currencies.includes(currency)) {
			throw new ValidationError(`Slots are not sold in ${currency}: use ${backend.provider.currencies.join(' or ')}`);
		}
		return this.#answerInTime(async () => {
			const customerId = await this.#customerOf(user, backend);
			const open = await this.#closeOthers(backend, customerId, {quantity, currency});
			// Only now: what was open until now may have been paid for.
			const {subscription} = await backend.ledger.refresh(user.id);
			await this.#care.follow(user.id);
			if (subscription !== null && isLive(subscription)) {
				return this.#openPortal(backend, customerId, subscription);
			}
			const checkoutAt = new Date(this.#clock.now());
			await this.#entitlements.change(user.id, (current) => ({...current, checkoutAt}));
			return open ?? (await this.#openCheckout(backend, {userId: user.id, customerId, quantity, currency}));
		});
	}

	/** Where payment methods and invoices are looked after. @returns the URL */
	async portal(user: User): Promise<string> {
		const backend = this.#requireBackend();
		return this.#answerInTime(async () => this.#openPortal(backend, await this.#customerOf(user, backend)));
	}

	async #change({provider, ledger}: BillingBackend, entitlement: Entitlement, quantity: number): Promise<SlotChange> {
		const {id: userId, version, subscription} = entitlement;
		requireActive(subscription);
		const {quantity: previous, currency} = subscription;
		if (quantity === previous) {
			return {slots: quantity, status: 'unchanged', proratedAmount: 0, currency};
		}
		if (quantity < previous) {
			await this.#requireUnused(entitlement, quantity);
		}
		const {subscription: answered, proratedAmount} = await provider.changeQuantity(subscription, quantity);
		// Somebody else may have changed it, or ended it, since.
		const {subscription: changed} = await ledger.note(userId, answered, version);
		requireActive(changed);
		const {quantity: slots} = changed;
		const status = slots > previous ? 'upgraded' : slots < previous ? 'downgraded' : 'unchanged';
		return {slots, status, proratedAmount: toMajorUnits(proratedAmount), currency};
	}

	#requireBackend(): BillingBackend {
		if (this.#backend === undefined) {
			throw new BillingDisabledError(
				this.#entitlements.rules.mode === 'manual'
					? 'Slots are not sold here: ask the operator for more'
					: 'Billing is not set up here: the number of connections has no limit',
			);
		}
		return this.#backend;
	}

	#requireQuantity(quantity: number): void {
		const {maxSlots} = this.#entitlements.rules;
		if (quantity < 1 || quantity > maxSlots) {
			throw new ValidationError(`quantity must be from 1 to ${maxSlots}: contact support for more`);
		}
	}

	/** Nobody's phone goes offline because of a smaller number: he says himself which connections to give up. */
	async #requireUnused({id, grantedSlots}: Entitlement, quantity: number): Promise<void> {
		const {running} = await this.#connections.countOf(id);
		const excess = running - (grantedSlots ?? 0) - quantity;
		if (excess > 0) {
			const connections = excess === 1 ? '1 connection' : `${excess} connections`;
			throw new ValidationError(
				`${running} connections are in use: delete ${connections} before you reduce the slots to ${quantity}`,
			);
		}
	}

	/** Made when it is needed first, and anew when it was deleted at the provider. */
	async #customerOf(user: User, {provider}: BillingBackend): Promise<string> {
		const {customerId: known} = await this.#entitlements.get(user.id);
		if (known !== null && (await provider.hasCustomer(known))) {
			return known;
		}
		const customerId = await provider.createCustomer(user, this.#keyOf(user.id, known ?? ''));
		const stored = await this.#entitlements.change(user.id, (current) =>
			current.customerId === known ? {...current, customerId} : undefined,
		);
		return stored.customerId ?? customerId;
	}

	/** Of several open checkouts two could be paid for. @returns the URL of the one that is what is wanted */
	async #closeOthers(
		{provider}: BillingBackend,
		customerId: string,
		wanted: {readonly quantity: number; readonly currency: Currency},
	): Promise<string | undefined> {
		const open = await provider.listCheckouts(customerId);
		const same = open.find(({quantity, currency}) => quantity === wanted.quantity && currency === wanted.currency);
		for (const checkout of open) {
			if (checkout !== same) await provider.closeCheckout(checkout.id);
		}
		return same?.url;
	}

	async #openCheckout(
		{provider, frontendUrl}: BillingBackend,
		wanted: Pick<CheckoutRequest, 'userId' | 'customerId' | 'quantity' | 'currency'>,
	): Promise<string> {
		const {userId, customerId, quantity, currency} = wanted;
		const request = {
			...wanted,
			successUrl: `${frontendUrl}/billing?success=true`,
			cancelUrl: `${frontendUrl}/billing?canceled=true`,
		};
		const key = this.#keyOf(userId, customerId, String(quantity), currency);
		await provider.createCheckout({...request, key});
		// Two calls at the same moment see no open one each: the newest stays.
		const [newest, ...others] = await provider.listCheckouts(customerId);
		for (const {id} of others) await provider.closeCheckout(id);
		// The key may stand for one that was closed since, by a click on something else and back again.
		return (newest ?? (await provider.createCheckout({...request, key: `${key} ${this.#clock.now()}`}))).url;
	}

	/** The same for the same request within one click. */
	#keyOf(...request: readonly string[]): string {
		return digest(...request, String(Math.floor(this.#clock.now() / SAME_CLICK_MS))).toString('hex');
	}

	/** A subscription that is not paid for needs another payment method first. */
	#openPortal(
		{provider, frontendUrl}: BillingBackend,
		customerId: string,
		subscription?: Subscription,
	): Promise<string> {
		const canChange = subscription?.status === 'active' || subscription?.status === 'trialing';
		return provider.openPortal(customerId, `${frontendUrl}/billing`, canChange ? subscription : undefined);
	}

	/** What is late goes on alone, and our record gets to know what became of it. */
	#answerInTime<T>(work: () => Promise<T>): Promise<T> {
		return inTime(
			this.#clock,
			PROVIDER_WAIT_MS,
			work(),
			() => new BillingUnavailableError('it did not answer in time'),
		);
	}
}
