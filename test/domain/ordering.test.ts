import test from 'ava';
import {ConflictError} from '../../domain/errors.ts';
import {EventMatcher} from '../../domain/webhooks/event-matcher.ts';
import {isOrderedFor, orderedOf, switchOrder, SWITCH_DELAY_MS, type Ordered} from '../../domain/webhooks/ordering.ts';

const T0 = 1_774_612_800_000;
/** How stale a dispatcher's webhooks may be. */
const STALE_MS = 5000;
const WEEK_MS = 7 * 24 * 3_600_000;

const at = (orderSwitchesMs: readonly number[], receivedAtMs: number): boolean =>
	isOrderedFor({orderSwitchesMs}, {receivedAtMs});

test('a switch counts for events that are received ten seconds later; until then its owner sees it already', (t) => {
	const on = switchOrder([], 'chat', T0);
	t.is(orderedOf({orderSwitchesMs: on}), 'chat');
	t.deepEqual([at(on, T0), at(on, T0 + SWITCH_DELAY_MS - 1), at(on, T0 + SWITCH_DELAY_MS)], [false, false, true]);
	const off = switchOrder(on, false, T0 + 60_000);
	t.is(orderedOf({orderSwitchesMs: off}), false);
	t.deepEqual([at(off, T0 + 69_999), at(off, T0 + 70_000), at(off, T0)], [true, false, false]);
});

test('saying the same again switches nothing', (t) => {
	t.deepEqual(switchOrder([], false, T0), []);
	const on = switchOrder([], 'chat', T0);
	t.deepEqual(switchOrder(on, 'chat', T0 + 5), on);
});

test('whenever two dispatchers look, as stale as they may be, they agree about every event, however wildly it is switched', (t) => {
	const versions: {readonly sinceMs: number; readonly switches: readonly number[]}[] = [{sinceMs: 0, switches: []}];
	let switches: readonly number[] = [];
	const wanted: readonly Ordered[] = ['chat', false, 'chat', 'chat', false, 'chat'];
	for (const [index, ordered] of wanted.entries()) {
		const nowMs = T0 + index * 3300;
		switches = switchOrder(switches, ordered, nowMs);
		versions.push({sinceMs: nowMs, switches});
	}
	const knownAt = (atMs: number): readonly number[] =>
		versions.findLast(({sinceMs}) => sinceMs <= atMs)?.switches ?? [];
	let ordered = 0;
	for (let receivedAtMs = T0; receivedAtMs < T0 + 40_000; receivedAtMs += 100) {
		// As early and as stale as can be, and long after.
		const [early, late] = [at(knownAt(receivedAtMs - STALE_MS), receivedAtMs), at(switches, receivedAtMs)];
		t.is(early, late, `received ${receivedAtMs - T0} ms after the first switch`);
		if (late) ordered++;
	}
	t.true(ordered > 50 && ordered < 350, `${ordered}`);
});

test('switches of more than a week ago are forgotten in pairs, which changes nothing for later events', (t) => {
	const longAgo = [T0 - 3 * WEEK_MS, T0 - 2 * WEEK_MS, T0 - WEEK_MS - 1];
	const kept = switchOrder(longAgo, 'chat', T0);
	t.deepEqual(kept, [T0 - WEEK_MS - 1]);
	t.true(at(kept, T0));
	t.deepEqual(switchOrder(longAgo, false, T0), [T0 - WEEK_MS - 1, T0 + SWITCH_DELAY_MS]);
});

test('whoever switches too often within a week is told to wait', (t) => {
	let switches: readonly number[] = [];
	for (let index = 0; index < 50; index++)
		switches = switchOrder(switches, index % 2 === 0 ? 'chat' : false, T0 + index);
	t.throws(() => switchOrder(switches, 'chat', T0 + 60), {instanceOf: ConflictError});
	t.is(switchOrder(switches, 'chat', T0 + 2 * WEEK_MS).length, 1);
});

test('moments ascend, also when the clocks of two gateways differ', (t) => {
	const on = switchOrder([], 'chat', T0);
	t.deepEqual(switchOrder(on, false, T0 - 3000), [T0 + SWITCH_DELAY_MS, T0 + SWITCH_DELAY_MS + 1]);
});

test('only what is about a chat has an order', (t) => {
	const matcher = (payload: unknown) =>
		new EventMatcher({event: 'message', receivedAtMs: T0, body: Buffer.from(JSON.stringify({payload}))});
	const message = matcher({id: 'false_15550001111@c.us_A'});
	t.is(message.orderedChatFor({orderSwitchesMs: [T0]}), '15550001111@c.us');
	t.is(message.orderedChatFor({orderSwitchesMs: []}), undefined);
	t.is(matcher({status: 'WORKING'}).orderedChatFor({orderSwitchesMs: [T0]}), undefined);
});
