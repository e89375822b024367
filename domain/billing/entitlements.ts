import {StoreUnavailableError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {EntitlementStore} from '../ports/entitlement-store.ts';
import type {UserStore} from '../ports/user-store.ts';
import type {BillingRules} from './billing-rules.ts';
import {allowanceOf, graceEndOf, isMeasured, newEntitlement, type Allowance, type Entitlement} from './entitlement.ts';
import {refusalOf, type Refusal} from './refusal.ts';

/** Each round but the last met somebody else's change of the same user: this many mean that something is wrong. */
const MAX_ROUNDS = 100;

const UNLIMITED: Allowance = {running: Infinity, starting: Infinity};

/** What users may run, and the one way in which that changes. */
export class Entitlements {
	readonly rules: BillingRules;
	readonly #store: EntitlementStore;
	readonly #users: Pick<UserStore, 'find'>;
	readonly #clock: Clock;

	constructor(options: {store: EntitlementStore; users: Pick<UserStore, 'find'>; rules: BillingRules; clock: Clock}) {
		this.rules = options.rules;
		this.#store = options.store;
		this.#users = options.users;
		this.#clock = options.clock;
	}

	/** What is stored, or the beginning of it. */
	async get(userId: string): Promise<Entitlement> {
		return (await this.#store.find(userId)) ?? newEntitlement(userId, new Date(this.#clock.now()));
	}

	/**
	 * Changes it by compare-and-set: `change` is asked again for what somebody else made of it meanwhile.
	 * @param change gives what to store; undefined leaves it as it is
	 * @returns what is stored then
	 */
	async change(
		userId: string,
		change: (current: Entitlement) => Entitlement | undefined | Promise<Entitlement | undefined>,
	): Promise<Entitlement> {
		for (let round = 0; round < MAX_ROUNDS; round++) {
			const current = await this.get(userId);
			const next = await change(current);
			if (next === undefined) {
				return current;
			}
			if (await this.#store.save({...next, version: current.version})) {
				return {...next, version: current.version + 1};
			}
		}
		throw new StoreUnavailableError(`others changed the same entitlement ${MAX_ROUNDS} times in between`);
	}

	/** For a user as he is stored: administrators have no limit. */
	async allowanceOf(entitlement: Entitlement): Promise<Allowance> {
		if (this.rules.mode === 'off') {
			return UNLIMITED;
		}
		const user = await this.#users.find(entitlement.id);
		return user?.isAdmin === true ? UNLIMITED : this.limitOf(entitlement);
	}

	/** For a user who is no administrator, where connections are limited. */
	limitOf(entitlement: Entitlement): Allowance {
		return allowanceOf(this.counting(entitlement), this.rules.graceMs, this.#clock.now());
	}

	/** Why somebody for whom nothing new may begin gets no slot. */
	refusalOf(entitlement: Entitlement): Refusal {
		return refusalOf(this.counting(entitlement), this.limitOf(entitlement), this.rules.mode === 'provider');
	}

	/** When the grace of a subscription that is past due ends; undefined where there is none, or none any more. */
	graceEndOf(entitlement: Entitlement): Date | undefined {
		const end = graceEndOf(this.counting(entitlement), this.rules.graceMs);
		return end !== undefined && end.getTime() > this.#clock.now() ? end : undefined;
	}

	/** What may go on running: who never had slots keeps what was there before slots were sold. */
	async runningOf(entitlement: Entitlement): Promise<number> {
		const {running} = await this.allowanceOf(entitlement);
		return isMeasured(this.counting(entitlement)) ? running : Infinity;
	}

	/** What of it counts here: where slots are given by hand alone, nobody hears any more what became of a subscription from before. */
	counting(entitlement: Entitlement): Entitlement {
		return this.rules.mode === 'manual' ? {...entitlement, subscription: null, graceSince: null} : entitlement;
	}
}
