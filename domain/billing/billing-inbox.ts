import type {BillingEvent} from '../ports/billing-event-reader.ts';
import type {BillingEventStore} from '../ports/billing-event-store.ts';
import type {Clock} from '../ports/clock.ts';
import type {EntitlementStore} from '../ports/entitlement-store.ts';
import type {Logger} from '../ports/logger.ts';
import type {UserStore} from '../ports/user-store.ts';
import type {BillingCare} from './billing-care.ts';
import type {Entitlements} from './entitlements.ts';
import type {SubscriptionLedger} from './subscription-ledger.ts';

/** What became of an event; all three mean that it need not come again. */
export type BillingEventResult = 'applied' | 'repeated' | 'ignored';

/** Works off what the billing provider tells, each event once: noted only when everything that follows from it is stored. */
export class BillingInbox {
	readonly #events: BillingEventStore;
	readonly #store: Pick<EntitlementStore, 'findByCustomer'>;
	readonly #users: Pick<UserStore, 'find'>;
	readonly #entitlements: Entitlements;
	readonly #ledger: SubscriptionLedger;
	readonly #care: Pick<BillingCare, 'follow'>;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		events: BillingEventStore;
		store: Pick<EntitlementStore, 'findByCustomer'>;
		users: Pick<UserStore, 'find'>;
		entitlements: Entitlements;
		ledger: SubscriptionLedger;
		care: Pick<BillingCare, 'follow'>;
		clock: Clock;
		log: Logger;
	}) {
		this.#events = options.events;
		this.#store = options.store;
		this.#users = options.users;
		this.#entitlements = options.entitlements;
		this.#ledger = options.ledger;
		this.#care = options.care;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** @throws {StoreUnavailableError} @throws {BillingUnavailableError} it has to come again */
	async accept(event: BillingEvent): Promise<BillingEventResult> {
		const {id, type} = event;
		if (await this.#events.has(id)) {
			return 'repeated';
		}
		const userId = event.isAboutSubscriptions ? await this.#userOf(event) : undefined;
		if (userId !== undefined) {
			await (event.subscription === null
				? this.#ledger.refresh(userId)
				: this.#ledger.hear(userId, event.subscription));
		}
		await this.#events.note(id, new Date(this.#clock.now()));
		this.#log.info({billingEventId: id, type, userId}, 'billing.event');
		if (userId === undefined) {
			return 'ignored';
		}
		await this.#care.follow(userId);
		return 'applied';
	}

	/**
	 * The customer's user; of a customer whom nobody knows, the one that we named when we sold to him. Undefined for customers of others
	 * who use the same account at the provider.
	 */
	async #userOf({customerId, userId}: BillingEvent): Promise<string | undefined> {
		if (customerId === null) {
			return undefined;
		}
		const known = await this.#store.findByCustomer(customerId);
		if (known !== undefined || userId === null || (await this.#users.find(userId)) === undefined) {
			return known?.id;
		}
		const adopted = await this.#entitlements.change(userId, (current) =>
			current.customerId === null ? {...current, customerId} : undefined,
		);
		return adopted.customerId === customerId ? userId : undefined;
	}
}
