import {randomBytes, randomUUID} from 'node:crypto';
import {setImmediate} from 'node:timers/promises';
import type {TestFn} from 'ava';
import type {EventFilter, EventMark, EventStore, LoggedEvent, NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {after, sampleEvent, T0} from '../support/samples.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `EventStore` port promises. */
export function eventStoreContract(test: TestFn, harness: StoresHarness): void {
	test('events: an event is found as it was appended', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const event = sampleEvent();
		const large = sampleEvent({userId: event.userId, connectionId: null, body: `"${'ü'.repeat(500_000)}"`});
		await eventStore.append([event, large]);

		t.deepEqual(await eventStore.find(event.id), {...event, seq: 1});
		t.deepEqual(await eventStore.find(large.id), {...large, seq: 2});
		t.is(await eventStore.find('evt_unknown'), undefined);
		const found = await eventStore.findMany([large.id, 'evt_unknown', event.id]);
		t.deepEqual(found.map(({seq}) => seq).toSorted(), [1, 2]);
		t.deepEqual(await eventStore.findMany([]), []);
	});

	test('events: the largest body that is taken in is kept whole', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const body = `"${randomBytes(14_700_000).toString('base64')} 👋"`;
		const large = sampleEvent({body});
		const small = sampleEvent({userId: large.userId});
		await eventStore.append([large, small]);

		t.true((await eventStore.find(large.id))?.body === body);
		t.is((await eventStore.find(small.id))?.seq, 2);
	});

	test('events: each user counts from 1, whatever the batches look like', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const users = Array.from({length: 7}, () => randomUUID());
		const batches = Array.from({length: 3}, (_, batch) =>
			Array.from({length: 50}, (_, index) => eventOf(users[(index * 3 + batch) % users.length] ?? '')),
		);
		await eventStore.append([]);
		for (const batch of batches) await eventStore.append(batch);

		for (const userId of users) {
			const expected = batches.flat().filter((event) => event.userId === userId);
			t.deepEqual(await logOf(eventStore, userId), numbered(expected));
			t.is(await eventStore.lastSeq(userId), expected.length);
		}
		t.is(await eventStore.lastSeq(randomUUID()), 0);
		t.deepEqual(await eventStore.listAfter(randomUUID(), 0, 10), []);
	});

	test('events: those of some names are listed in order without what they say', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const userId = randomUUID();
		const names = ['message', 'message.ack', 'session.status', 'message', 'message.any', 'session.status'];
		const events = names.map((event) => sampleEvent({userId, event}));
		await eventStore.append([...events, sampleEvent({event: 'message'})]);

		const marks = events.map(({body: _, ...mark}, index) => ({...mark, seq: index + 1}));
		const wanted = marks.filter(({event}) => event === 'message' || event === 'session.status');
		t.deepEqual(await eventStore.listMarks(userId, 0, 10, ['message', 'session.status']), wanted);
		t.deepEqual(await eventStore.listMarks(userId, 1, 2, ['message', 'session.status']), wanted.slice(1, 3));
		t.deepEqual(await eventStore.listMarks(userId, 6, 10, ['message', 'session.status']), []);
		t.deepEqual(await eventStore.listMarks(userId, 0, 10, []), []);
	});

	test('events: a list goes on after a seq, in pages', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const events = eventsOf(randomUUID(), 10);
		const userId = events[0]?.userId ?? '';
		await eventStore.append(events);
		const seqs = async (afterSeq: number, limit: number) =>
			(await eventStore.listAfter(userId, afterSeq, limit)).map(({seq}) => seq);

		t.deepEqual(await seqs(0, 4), [1, 2, 3, 4]);
		t.deepEqual(await seqs(4, 4), [5, 6, 7, 8]);
		t.deepEqual(await seqs(8, 4), [9, 10]);
		t.deepEqual(await seqs(10, 4), []);
	});

	test('events: lists can be narrowed to connections and to a name, forward and from the end', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const userId = randomUUID();
		const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
		const connections = [a, b, c, null];
		const events = Array.from({length: 24}, (_, index) =>
			sampleEvent({
				userId,
				connectionId: connections[index % connections.length] ?? null,
				event: index % 3 === 0 ? 'message.ack' : 'message',
			}),
		);
		await eventStore.append(events);
		await eventStore.append([sampleEvent({connectionId: a}), sampleEvent({connectionId: null})]);
		const all = numbered(events);
		const filters: readonly [EventFilter, (event: LoggedEvent) => boolean][] = [
			[{}, () => true],
			[{connectionIds: [a]}, ({connectionId}) => connectionId === a],
			[{connectionIds: [a, c]}, ({connectionId}) => connectionId === a || connectionId === c],
			[{connectionIds: []}, () => false],
			[{event: 'message.ack'}, ({event}) => event === 'message.ack'],
			[{connectionIds: [b], event: 'message'}, ({connectionId, event}) => connectionId === b && event === 'message'],
			[{connectionIds: [a, b], event: 'none'}, () => false],
		];
		for (const [filter, matches] of filters) {
			const expected = all.filter(matches);
			const name = JSON.stringify(filter);
			t.deepEqual(await eventStore.listAfter(userId, 0, 100, filter), expected, name);
			t.deepEqual(
				await eventStore.listAfter(userId, 7, 3, filter),
				expected.filter(({seq}) => seq > 7).slice(0, 3),
				name,
			);
			t.deepEqual(await eventStore.listNewest(userId, 4, filter), expected.slice(-4), name);
		}
		t.deepEqual(await eventStore.listNewest(userId, 2), all.slice(-2));
		t.deepEqual(await eventStore.listNewest(randomUUID(), 2), []);
	});

	test('events: those of a range are listed by when they were received, page by page, whatever happened in one millisecond', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const userId = randomUUID();
		const at = (ms: number): NewLoggedEvent => sampleEvent({userId, receivedAtMs: T0.getTime() + ms});
		// Not in the order of the log, and hundreds at once.
		const offsets = [50, 0, 10, ...Array<number>(250).fill(20), 19, 21, 20, 99, 100, -1, 10];
		const events = offsets.map(at);
		await eventStore.append(events);
		await eventStore.append([sampleEvent({receivedAtMs: T0.getTime() + 20})]);
		const inRange = (from: number, to: number) =>
			numbered(events)
				.map(({body: _, ...mark}) => mark)
				.filter(({receivedAtMs}) => receivedAtMs >= T0.getTime() + from && receivedAtMs < T0.getTime() + to)
				.toSorted((left, right) => left.receivedAtMs - right.receivedAtMs || left.seq - right.seq);

		for (const [from, to] of [
			[0, 100],
			[20, 21],
			[-1000, 1000],
			[30, 40],
			[100, 101],
		] as const) {
			const range = {from: after(from), to: after(to)};
			for (const limit of [7, 50, 1000]) {
				const seen: EventMark[] = [];
				for (;;) {
					const page = await eventStore.listReceived(userId, range, limit, seen.at(-1));
					seen.push(...page);
					if (page.length < limit) break;
				}
				t.deepEqual(seen, inRange(from, to), `${from} to ${to}, ${limit} at a time`);
			}
		}
		t.deepEqual(await eventStore.listReceived(randomUUID(), {from: after(-9), to: after(999)}, 10), []);
	});

	test('events: repeats change nothing: a whole batch, a part of one, and inside of one', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const userId = randomUUID();
		const other = randomUUID();
		const events = eventsOf(userId, 20);
		const [first, second, third] = [events.slice(0, 8), events.slice(8, 14), events.slice(14)];
		const foreign = eventsOf(other, 3);
		await eventStore.append(first);
		await eventStore.append(first);
		await eventStore.append([...first.slice(4), ...foreign.slice(0, 1), ...second, ...second.slice(0, 2)]);
		await eventStore.append([...third.slice(0, 2), ...foreign, ...second, ...third.slice(2)]);
		await fixture.others.eventStore.append([...foreign, ...events].map((event) => ({...event, body: '"changed"'})));

		t.deepEqual(await logOf(eventStore, userId), numbered(events));
		t.deepEqual(await logOf(eventStore, other), numbered(foreign));
	});

	test('events: appends of one process are logged in the order of the calls', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const users = [randomUUID(), randomUUID()];
		const batches = Array.from({length: 20}, () => users.map(eventOf));
		await Promise.all(batches.map((batch) => eventStore.append(batch)));

		for (const userId of users) {
			const expected = batches.flat().filter((event) => event.userId === userId);
			t.deepEqual(await logOf(eventStore, userId), numbered(expected));
		}
	});

	test('events: a process goes on where another one stopped', async (t) => {
		await using fixture = await harness.open();
		const userId = randomUUID();
		const events = eventsOf(userId, 12);
		await fixture.stores.eventStore.append(events.slice(0, 4));
		await fixture.others.eventStore.append(events.slice(4, 8));
		await fixture.stores.eventStore.append(events.slice(8));

		t.deepEqual(await logOf(fixture.stores.eventStore, userId), numbered(events));
	});

	test('events: two processes append to the same users at once: no hole, nothing lost, nothing twice', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const users = [randomUUID(), randomUUID(), randomUUID()];
		const shared = users.flatMap((userId) => eventsOf(userId, 10));
		const appenders = [fixture.stores, fixture.others].map(({eventStore: store}) => {
			const own = Array.from({length: 10}, () => users.flatMap((userId) => eventsOf(userId, 4)));
			const batches = own.map((events, index) => [...events, ...shared.slice(index * 3, index * 3 + 3)]);
			return {store, batches, own: new Set(own.flat().map(({id}) => id))};
		});
		const watch = watchOrder(eventStore, users[0] ?? '');
		await Promise.all(
			appenders.map(async ({store, batches}) => {
				for (const batch of batches) await store.append(batch);
			}),
		);
		t.true((await watch.stop()) > 0);

		const all = new Set([...shared, ...appenders.flatMap(({batches}) => batches.flat())].map(({id}) => id));
		const logs = await Promise.all(users.map((userId) => logOf(eventStore, userId)));
		for (const log of logs) {
			t.deepEqual(
				log.map(({seq}) => seq),
				log.map((_, index) => index + 1),
			);
			for (const {own} of appenders) {
				const logged = log.filter(({id}) => own.has(id)).map(({id}) => id);
				const ofThisUser = new Set(logged);
				t.is(logged.length, 40);
				t.deepEqual(
					logged,
					[...own].filter((id) => ofThisUser.has(id)),
				);
			}
		}
		t.is(logs.flat().length, all.size);
		t.true(logs.flat().every(({id}) => all.has(id)));
	});

	test('events: seq goes on after all events of a user have expired, also in a new process', async (t) => {
		await using fixture = await harness.open();
		const {eventStore} = fixture.stores;
		const [event] = eventsOf(randomUUID(), 1);
		const userId = event?.userId ?? '';
		await eventStore.append(eventsOf(userId, 5));
		await fixture.expireAll();
		t.deepEqual(await eventStore.listAfter(userId, 0, 10), []);

		const watermark = await fixture.others.eventStore.lastSeq(userId);
		t.true(watermark >= 5);
		await fixture.others.eventStore.append(eventsOf(userId, 2));
		t.deepEqual(
			(await fixture.others.eventStore.listAfter(userId, watermark, 10)).map(({seq}) => seq),
			[watermark + 1, watermark + 2],
		);
	});
}

function eventOf(userId: string): NewLoggedEvent {
	return sampleEvent({userId});
}

function eventsOf(userId: string, count: number): NewLoggedEvent[] {
	return Array.from({length: count}, () => eventOf(userId));
}

function logOf(store: EventStore, userId: string): Promise<readonly LoggedEvent[]> {
	return store.listAfter(userId, 0, 1000);
}

function numbered(events: readonly NewLoggedEvent[]): LoggedEvent[] {
	return events.map((event, index) => ({...event, seq: index + 1}));
}

/** Reads a user's log again and again while it grows; each look must find no hole. */
function watchOrder(store: EventStore, userId: string): {stop(): Promise<number>} {
	const stopping = new AbortController();
	const looks = (async () => {
		let count = 0;
		while (!stopping.signal.aborted) {
			const seqs = (await logOf(store, userId)).map(({seq}) => seq);
			if (seqs.some((seq, index) => seq !== index + 1)) {
				throw new Error(`a hole became visible: ${seqs.join()}`);
			}
			count++;
			await setImmediate();
		}
		return count;
	})();
	return {
		stop: () => {
			stopping.abort();
			return looks;
		},
	};
}
