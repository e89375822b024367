import test from 'ava';
import type {Arrival, Fault, Post} from './ledger.ts';
import {recoveries} from './recoveries.ts';
import {countRepeats} from './repeats.ts';

function post(n: number, postedAtMs: number): Post {
	return {n, tenant: 0, chat: 'a', postedAtMs, acceptedAtMs: postedAtMs + 5};
}

function arrival(atMs: number, changes: Partial<Arrival> = {}): Arrival {
	return {
		webhook: 'plain/0',
		n: 0,
		eventId: 'evt_1',
		deliveryId: 'dlv_1',
		attempt: 1,
		isSigned: true,
		atMs,
		end: 'accepted',
		endedAtMs: atMs + 1,
		...changes,
	};
}

function fault(fromMs: number, changes: Partial<Fault> = {}): Fault {
	return {name: 'kill -9 webhook 1', repeats: true, fromMs, toMs: fromMs, ...changes};
}

test('a repeat belongs to the fault that struck before its delivery was done', (t) => {
	const posts = [post(0, 1000)];
	const arrivals = [arrival(1010), arrival(9000)];
	const faults = [fault(1020), fault(8000)];
	const {byFault, unexplained} = countRepeats({posts, arrivals, faults});
	t.deepEqual(
		byFault.map(({inFlight, repeats}) => ({inFlight, repeats})),
		[
			{inFlight: 1, repeats: 1},
			{inFlight: 1, repeats: 0},
		],
	);
	t.deepEqual(unexplained, []);
});

test('a repeat of what was done long before every fault is explained by none', (t) => {
	const posts = [post(0, 1000)];
	const arrivals = [arrival(1010), arrival(9000)];
	t.is(countRepeats({posts, arrivals, faults: [fault(8000)]}).unexplained.length, 1);
	t.is(countRepeats({posts, arrivals, faults: [fault(1020, {repeats: false})]}).unexplained.length, 1);
	t.is(countRepeats({posts, arrivals, faults: []}).unexplained.length, 1);
});

test('a fault after the repeat does not explain it', (t) => {
	const posts = [post(0, 1000)];
	const arrivals = [arrival(1010), arrival(1100)];
	t.is(countRepeats({posts, arrivals, faults: [fault(1200)]}).unexplained.length, 1);
});

test('an event is in hand until its slowest endpoint has answered', (t) => {
	const posts = [post(0, 1000)];
	const slow = arrival(1010, {webhook: 'slow/0', endedAtMs: 5000});
	const arrivals = [arrival(1010), slow, arrival(9000)];
	t.is(countRepeats({posts, arrivals, faults: [fault(4500)]}).unexplained.length, 0);
	t.is(countRepeats({posts, arrivals: [arrival(1010), arrival(9000)], faults: [fault(4500)]}).unexplained.length, 1);
});

test('the next attempt after a refused one is no repeat', (t) => {
	const posts = [post(0, 1000)];
	const arrivals = [arrival(1010, {end: 'refused'}), arrival(6010, {attempt: 2}), arrival(1010, {webhook: 'slow/0'})];
	const {byFault, unexplained} = countRepeats({posts, arrivals, faults: [fault(1015)]});
	t.is(unexplained.length, 0);
	t.is(byFault[0]?.repeats, 0);
});

test('recovery is counted from the end of a fault, to the first new event and to the last old one', (t) => {
	const posts = [post(0, 1000), post(1, 2000), post(2, 5200)];
	const arrivals = [arrival(1010), arrival(7000, {n: 1}), arrival(5500, {n: 2})];
	const [recovery] = recoveries({posts, arrivals, faults: [fault(1500, {toMs: 5000})]});
	t.is(recovery?.resumedMs, 500);
	t.is(recovery?.caughtUpMs, 2000);
	const [never] = recoveries({posts, arrivals: [], faults: [fault(1500, {toMs: 5000})]});
	t.is(never?.resumedMs, Infinity);
});
