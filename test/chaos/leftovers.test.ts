import test from 'ava';
import type {Arrival, ArrivalEnd, Post} from './ledger.ts';
import {missing} from './leftovers.ts';

const EVERYTHING = {has: () => true};

function post(n: number, tenant: number, acceptedAtMs: number | undefined = 5): Post {
	return {n, tenant, chat: 'a', postedAtMs: 1, acceptedAtMs};
}

function arrival(webhook: string, n: number, end: ArrivalEnd = 'accepted'): Arrival {
	const ids = {eventId: `evt_${n}`, deliveryId: `dlv_${n}`};
	return {webhook, n, ...ids, attempt: 1, isSigned: true, atMs: 10, end, endedAtMs: 11};
}

test('an event is missing wherever it did not arrive, or was not answered with success', (t) => {
	const posts = [post(0, 0), post(1, 1)];
	const arrivals = [
		...['plain/0', 'flaky/0', 'slow/0', 'ordered/0'].map((webhook) => arrival(webhook, 0)),
		arrival('plain/1', 1),
		arrival('flaky/1', 1, 'refused'),
		arrival('slow/0', 1),
		arrival('ordered/1', 1),
	];
	t.deepEqual(missing({posts, arrivals}, [EVERYTHING, EVERYTHING]), ['flaky/1/1', 'slow/1/1']);
	t.deepEqual(missing({posts, arrivals}, [{has: () => false}, EVERYTHING]), ['socket/0/0', 'flaky/1/1', 'slow/1/1']);
});

test("what ingestion did not accept is nobody's loss", (t) => {
	const unaccepted: Post = {...post(0, 0), acceptedAtMs: undefined};
	t.deepEqual(missing({posts: [unaccepted], arrivals: []}, [EVERYTHING]), []);
});
