import {NotFoundError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {EntitlementStore} from '../ports/entitlement-store.ts';
import type {UserStore} from '../ports/user-store.ts';
import type {BillingCare} from './billing-care.ts';
import {withGrantedSlots} from './entitlement.ts';
import type {Entitlements} from './entitlements.ts';

/** Slots that administrators give: to those who pay elsewhere, on top of what is paid for here. */
export class GrantedSlots {
	readonly #store: Pick<EntitlementStore, 'findMany'>;
	readonly #users: Pick<UserStore, 'find'>;
	readonly #entitlements: Entitlements;
	readonly #care: Pick<BillingCare, 'follow'>;
	readonly #clock: Clock;

	constructor(options: {
		store: Pick<EntitlementStore, 'findMany'>;
		users: Pick<UserStore, 'find'>;
		entitlements: Entitlements;
		care: Pick<BillingCare, 'follow'>;
		clock: Clock;
	}) {
		this.#store = options.store;
		this.#users = options.users;
		this.#entitlements = options.entitlements;
		this.#care = options.care;
		this.#clock = options.clock;
	}

	/** How many each of these users has; absent = he was never given any. */
	async of(userIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
		const entitlements = await this.#store.findMany(userIds);
		return new Map(
			entitlements.flatMap(({id, grantedSlots}): (readonly [string, number])[] =>
				grantedSlots === null ? [] : [[id, grantedSlots]],
			),
		);
	}

	/** Fewer than are in use suspend the newest connections. @throws {NotFoundError} */
	async set(userId: string, slots: number): Promise<void> {
		if ((await this.#users.find(userId)) === undefined) {
			throw new NotFoundError('User not found');
		}
		const {graceMs} = this.#entitlements.rules;
		await this.#entitlements.change(userId, (current) =>
			current.grantedSlots === slots
				? undefined
				: withGrantedSlots(current, slots, {graceMs, now: new Date(this.#clock.now())}),
		);
		await this.#care.follow(userId);
	}
}
