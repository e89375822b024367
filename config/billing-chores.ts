import type {DependencyContainer} from 'tsyringe';
import {Tour} from '../dispatchers/billing/tour.ts';
import type {Chore} from '../dispatchers/session/supervisor.ts';
import {TOKENS} from './tokens.ts';

/** How often everybody's account is looked at: what was missed by whoever should have done it is late by this much. */
const EVERY_MS = 10 * 60_000;

/** Each asks the store several times, and the provider once a day. */
const ACCOUNTS_PER_ROUND = 20;

/**
 * Within so long in a round comparisons with the provider begin; the last one may take as long again (`BillingCare`). The rest waits for the
 * next tour: the supervisor's lease must not end meanwhile.
 */
const COMPARING_MS = 5000;

/** Most of them had no event since. */
const USERS_PER_ROUND = 50;

/** Of one user in one look; the rest in the next. */
const EVENTS_PER_USER = 5000;

/** What the supervisor does about billing: sees to accounts, and counts usage. */
export function createBillingChores(container: DependencyContainer): readonly Chore[] {
	const {entitlementStore, userStore} = container.resolve(TOKENS.stores);
	const [clock, log] = [container.resolve(TOKENS.clock), container.resolve(TOKENS.log)];
	const care = container.resolve(TOKENS.billingCare);
	const rollUp = container.resolve(TOKENS.usageRollUp);
	let compareUntilMs = 0;
	const accounts = new Tour({
		name: 'billing.accounts',
		list: (page) => entitlementStore.list(page),
		visit: (entitlement) => care.tend(entitlement, compareUntilMs),
		rowsPerRound: ACCOUNTS_PER_ROUND,
		everyMs: EVERY_MS,
		clock,
		log,
	});
	const usage = new Tour({
		name: 'billing.usage',
		list: (page) => userStore.list(page),
		visit: ({id}) => rollUp.countFor(id, EVENTS_PER_USER),
		rowsPerRound: USERS_PER_ROUND,
		everyMs: EVERY_MS,
		clock,
		log,
	});
	return [
		{
			name: 'billing.accounts',
			run: () => {
				compareUntilMs = clock.now() + COMPARING_MS;
				return accounts.round();
			},
		},
		{name: 'billing.usage', run: () => usage.round()},
	];
}
