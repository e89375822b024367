import test from 'ava';
import type {Arrival, ArrivalEnd, Fault, Post} from './ledger.ts';
import {compareOrder} from './order.ts';

const CHAT = 'a';

function post(n: number, chat = CHAT): Post {
	return {n, tenant: 0, chat, postedAtMs: n * 1000, acceptedAtMs: n * 1000 + 5};
}

function arrival(n: number, atMs: number, end: ArrivalEnd = 'accepted'): Arrival {
	const ids = {eventId: `evt_${n}`, deliveryId: `dlv_${n}`};
	return {webhook: 'ordered/0', n, ...ids, attempt: 1, isSigned: true, atMs, end, endedAtMs: atMs + 1};
}

function compare(posts: readonly Post[], arrivals: readonly Arrival[], faults: readonly Fault[] = [], log = [0, 1, 2]) {
	return compareOrder([log], {posts, arrivals, faults}, [0]);
}

const POSTS = [post(0), post(1), post(2)];
const IN_ORDER = [arrival(0, 5000), arrival(1, 5001), arrival(2, 5002)];
const OVERTAKEN = [arrival(1, 5000), arrival(2, 5001), arrival(0, 5002)];

test('first successes in the order of the log are in order, whatever failed before and came again after', (t) => {
	const arrivals = [arrival(0, 4000, 'refused'), ...IN_ORDER, arrival(0, 6000)];
	t.deepEqual(compare(POSTS, arrivals), {compared: 3, overtakings: []});
	t.deepEqual(compare(POSTS, [arrival(2, 5000), arrival(1, 5001), arrival(0, 5002)], [], [2, 1, 0]).overtakings, []);
});

test('an event that a later one of its chat overtakes is told, with each that did', (t) => {
	t.deepEqual(compare(POSTS, OVERTAKEN).overtakings, [
		{webhook: 'ordered/0', n: 0, by: 1, because: undefined},
		{webhook: 'ordered/0', n: 0, by: 2, because: undefined},
	]);
});

test('other chats, other webhooks and events of before the order was asked for do not count', (t) => {
	t.deepEqual(compare([post(0, 'b'), post(1), post(2)], OVERTAKEN).overtakings, []);
	const plain = OVERTAKEN.map((one) => ({...one, webhook: 'plain/0'}));
	t.deepEqual(compare(POSTS, plain), {compared: 0, overtakings: []});
	t.deepEqual(compareOrder([[0, 1, 2]], {posts: POSTS, arrivals: OVERTAKEN, faults: []}, [500]).overtakings, []);
});

test('what the documentation allows has its reason: held for five minutes, in flight while RabbitMQ restarts, no room when a dispatcher dies', (t) => {
	const late = [arrival(1, 5000), arrival(2, 5001), arrival(0, 300_001)];
	t.deepEqual(
		compare(POSTS, late).overtakings.map(({because}) => because),
		['held too long', 'held too long'],
	);
	const restart: Fault = {name: 'RabbitMQ away', repeats: true, fromMs: 4000, toMs: 4500};
	t.is(compare(POSTS, OVERTAKEN, [restart]).overtakings[0]?.because, 'RabbitMQ restarted');
	t.is(compare(POSTS, OVERTAKEN, [{...restart, fromMs: 7000, toMs: 8000}]).overtakings[0]?.because, undefined);

	const ended = {acceptsEvents: false, makesAttempts: true};
	const kill: Fault = {name: 'kill -9 webhook 1', repeats: true, ended, fromMs: 4000, toMs: 4000};
	t.is(compare(POSTS, OVERTAKEN, [kill]).overtakings[0]?.because, undefined);
	const crowd = Array.from({length: 200}, (_, index) => ({...post(index + 3, 'b'), postedAtMs: 3000}));
	const arrivals = [...OVERTAKEN, ...crowd.map(({n}) => arrival(n, 9000))];
	t.is(compare([...POSTS, ...crowd], arrivals).overtakings[0]?.because, undefined);
	t.is(compare([...POSTS, ...crowd], arrivals, [kill]).overtakings[0]?.because, 'no room, and another dispatcher');
});
