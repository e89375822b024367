import test from 'ava';
import {allowanceOf, withGrantedSlots, withSubscription, type Entitlement} from '../../domain/billing/entitlement.ts';
import {isLive, mainOf, type SubscriptionStatus} from '../../domain/billing/subscription.ts';
import {after, sampleEntitlement, sampleSubscription, T0} from '../support/samples.ts';

const DAY_MS = 24 * 60 * 60_000;
const RULES = {graceMs: 7 * DAY_MS, now: T0};

function eventsOf({notices}: Entitlement): readonly string[] {
	return notices.map(({event}) => event);
}

const ALLOWANCES = {
	active: [3, 3],
	trialing: [3, 0],
	past_due: [3, 0],
	unpaid: [0, 0],
	paused: [0, 0],
	incomplete: [0, 0],
	incomplete_expired: [0, 0],
	canceled: [0, 0],
} as const satisfies Record<SubscriptionStatus, readonly [number, number]>;

for (const [status, [running, starting]] of Object.entries(ALLOWANCES)) {
	test(`a subscription that is ${status}: ${running} of 3 may run, and ${starting} may begin`, (t) => {
		const subscription = sampleSubscription({status: status as SubscriptionStatus});
		const entitlement = withSubscription(sampleEntitlement(), subscription, RULES);
		t.deepEqual(allowanceOf(entitlement, RULES.graceMs, T0.getTime()), {running, starting});
		const granted = {...entitlement, grantedSlots: 2};
		t.deepEqual(allowanceOf(granted, RULES.graceMs, T0.getTime()), {running: running + 2, starting: starting + 2});
	});
}

test('without anything nothing may run; given slots need no subscription', (t) => {
	t.deepEqual(allowanceOf(sampleEntitlement(), RULES.graceMs, 0), {running: 0, starting: 0});
	t.deepEqual(allowanceOf(sampleEntitlement({grantedSlots: 4}), RULES.graceMs, 0), {running: 4, starting: 4});
});

test('grace begins with the first state that is past due, ends to the millisecond, and begins anew after a payment', (t) => {
	const at = (ms: number): {graceMs: number; now: Date} => ({...RULES, now: after(ms)});
	const late = (ms: number): ReturnType<typeof sampleSubscription> =>
		sampleSubscription({status: 'past_due', asOfMs: T0.getTime() + ms});
	const first = withSubscription(sampleEntitlement(), late(0), at(5000));
	t.deepEqual(first.graceSince, T0, 'when it became so, not when we heard of it');
	const again = withSubscription(first, late(DAY_MS), at(DAY_MS));
	t.deepEqual(again.graceSince, T0);
	const end = T0.getTime() + RULES.graceMs;
	t.is(allowanceOf(again, RULES.graceMs, end - 1).running, 3);
	t.is(allowanceOf(again, RULES.graceMs, end).running, 0);
	t.is(allowanceOf(again, 0, T0.getTime()).running, 0, 'without any grace');
	const paid = withSubscription(again, sampleSubscription({asOfMs: T0.getTime() + 2 * DAY_MS}), at(2 * DAY_MS));
	t.is(paid.graceSince, null);
	t.deepEqual(withSubscription(paid, late(9 * DAY_MS), at(9 * DAY_MS)).graceSince, after(9 * DAY_MS));
});

test('a provider whose clock is ahead gives no longer grace', (t) => {
	const ahead = sampleSubscription({status: 'past_due', asOfMs: T0.getTime() + DAY_MS});
	t.deepEqual(withSubscription(sampleEntitlement(), ahead, RULES).graceSince, T0);
});

test('another subscription that is past due has a grace of its own', (t) => {
	const first = withSubscription(sampleEntitlement(), sampleSubscription({status: 'past_due'}), RULES);
	const other = sampleSubscription({id: 'sub_2', status: 'past_due', asOfMs: T0.getTime() + DAY_MS});
	t.deepEqual(withSubscription(first, other, {...RULES, now: after(DAY_MS)}).graceSince, after(DAY_MS));
});

test('what changes is told, what stays is not', (t) => {
	const bought = withSubscription(sampleEntitlement(), sampleSubscription(), RULES);
	t.deepEqual(bought.notices, [
		{
			event: 'billing.slots.changed',
			atMs: T0.getTime(),
			payload: {slots: 3, previousSlots: 0, status: 'active'},
		},
	]);
	t.deepEqual(eventsOf(withSubscription(bought, sampleSubscription({asOfMs: 9}), RULES)), ['billing.slots.changed']);
	const quiet = {...bought, notices: []};
	t.deepEqual(eventsOf(withSubscription(quiet, sampleSubscription({status: 'past_due'}), RULES)), ['billing.past_due']);
	t.deepEqual(eventsOf(withSubscription(quiet, sampleSubscription({status: 'canceled'}), RULES)), [
		'billing.slots.changed',
	]);
	t.deepEqual(eventsOf(withSubscription(quiet, sampleSubscription({cancelAtPeriodEnd: true}), RULES)), []);
	t.deepEqual(eventsOf(withGrantedSlots(quiet, 2, RULES)), ['billing.slots.changed']);
	t.deepEqual(eventsOf(withGrantedSlots(quiet, 0, RULES)), []);
});

test('a subscription that the provider does not know any more is over', (t) => {
	const bought = withSubscription(sampleEntitlement(), sampleSubscription(), RULES);
	const gone = withSubscription(bought, null, RULES);
	t.like(gone.subscription, {id: 'sub_1', status: 'canceled'});
	t.is(withSubscription(sampleEntitlement(), null, RULES).subscription, null);
});

test('of several subscriptions the one that entitles to most counts, and of those the newest', (t) => {
	t.is(mainOf([]), null);
	const make = (status: SubscriptionStatus, createdAtMs: number): ReturnType<typeof sampleSubscription> =>
		sampleSubscription({id: `${status} ${createdAtMs}`, status, createdAtMs});
	const all = [make('canceled', 9), make('past_due', 5), make('active', 1), make('active', 2), make('unpaid', 8)];
	t.is(mainOf(all)?.id, 'active 2');
	t.is(mainOf(all.filter(({status}) => status !== 'active'))?.id, 'past_due 5');
	t.deepEqual(
		Object.keys(ALLOWANCES).filter((status) => isLive(sampleSubscription({status: status as SubscriptionStatus}))),
		['active', 'trialing', 'past_due', 'unpaid', 'paused'],
	);
});
