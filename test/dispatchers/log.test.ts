import test from 'ava';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {Message, Settlement} from '../../domain/ports/broker.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleOutcome} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';

const MINUTE_MS = 60_000;

/** A user's whole log, once it has `count` events. */
function logOf(harness: DispatchHarness, userId: string, count: number): Promise<readonly LoggedEvent[]> {
	return harness.until(async () => {
		const events = await harness.stores.eventStore.listAfter(userId, 0, 1000);
		return events.length >= count && events;
	});
}

function idsOf(events: readonly (LoggedEvent | PreparedEvent)[]): readonly string[] {
	return events.map(({id}) => id);
}

function upTo(count: number): readonly number[] {
	return Array.from({length: count}, (_, index) => index + 1);
}

test('events are logged per user in the order in which they came, many in one write, byte for byte', async (t) => {
	await using harness = await DispatchHarness.create();
	const connections = await Promise.all([1, 2, 3].map(() => harness.createConnection()));
	await harness.startRoles('log');
	const receivedMs = harness.clock.now();
	// Engine times run backwards: order is that of arrival.
	const events = upTo(600).map((number) => {
		const connection = connections[number % 3] ?? connections[0];
		if (connection === undefined) throw new Error('no connection');
		return harness.eventOf(connection, {
			timestampMs: receivedMs - number * 1000,
			payload: {number, text: 'ö👋'},
		});
	});
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	for (const {userId, id} of connections) {
		const expected = events.filter((event) => event.userId === userId);
		const logged = await logOf(harness, userId, expected.length);
		t.deepEqual(idsOf(logged), idsOf(expected));
		t.deepEqual(
			logged.map(({seq}) => seq),
			upTo(200),
		);
		t.deepEqual(
			logged.map(({body}) => body),
			expected.map(({body}) => body.toString()),
		);
		for (const {body, connectionId, receivedAtMs, timestampMs} of logged) {
			t.is(connectionId, id);
			t.is(receivedAtMs, receivedMs);
			t.is(new Date(timestampMs).toISOString(), (JSON.parse(body) as {timestamp: string}).timestamp);
		}
	}
	t.true(harness.storeFaults.calls('append') <= 30, `${harness.storeFaults.calls('append')} writes`);
});

test('an event that comes again is one row, and takes no number', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	await harness.startRoles('log');
	const events = upTo(20).map(() => harness.eventOf(connection));
	for (const event of [...events.slice(0, 10), ...events, ...events]) await harness.publisher.event(event);
	await harness.until(() => harness.topology.queues.logs.every((queue) => harness.queued(queue).length === 0));
	const logged = await logOf(harness, connection.userId, events.length);
	t.deepEqual(idsOf(logged), idsOf(events));
	t.deepEqual(
		logged.map(({seq}) => seq),
		upTo(20),
	);
});

test('a store that fails now and then changes no order: what came later does not overtake', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	await harness.startRoles('log');
	const events = upTo(300).map(() => harness.eventOf(connection));
	for (const [index, event] of events.entries()) {
		if (index % 25 === 5) harness.storeFaults.refuseNext('append');
		// Some come while a write is under way that will fail.
		await Promise.all([harness.publisher.event(event), harness.clock.advance(25)]);
	}
	t.true(harness.log.of('dispatcher.hold').length >= 3);
	await harness.wind(MINUTE_MS);
	t.deepEqual(idsOf(await logOf(harness, connection.userId, events.length)), idsOf(events));
});

test('an outage of an hour loses nothing and doubles nothing', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	harness.storeFaults.mode = 'away';
	await harness.startRoles('log');
	const events = upTo(400).map(() => harness.eventOf(connection));
	for (const event of events) await harness.publisher.event(event);
	await harness.wind(60 * MINUTE_MS);
	t.is(await harness.stores.eventStore.lastSeq(connection.userId), 0);
	harness.storeFaults.mode = 'working';
	await harness.wind(3 * MINUTE_MS);
	const logged = await logOf(harness, connection.userId, events.length);
	t.deepEqual([...idsOf(logged)].sort(), [...idsOf(events)].sort());
	t.deepEqual(
		logged.map(({seq}) => seq),
		upTo(400),
	);
	t.is(harness.waiting, 0);
	t.deepEqual(await harness.deadLetters(), []);
});

test('outcomes end the same in whatever order and number they come', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('log');
	const first = sampleOutcome();
	const result = {status: 200, durationMs: 5, errorClass: null, error: null, answer: 'ok'};
	const {nextAttemptAtMs: _, ...last} = first;
	const steps: readonly Outcome[] = [
		first,
		{...first, attempt: 2, atMs: first.atMs + 5000},
		{...last, attempt: 3, state: 'delivered', atMs: first.atMs + 15_000, result},
	];
	const batches = shuffled([...steps, ...steps, ...steps], 3);
	for (const outcome of batches) await harness.publisher.outcomes([outcome]);
	await harness.publisher.outcomes(steps);
	await harness.until(() => harness.queued(harness.topology.queues.outcomes).length === 0);
	t.like(await harness.stores.deliveryStore.find(first.deliveryId), {
		state: 'delivered',
		attempts: 3,
		lastStatus: 200,
		createdAt: new Date(first.firstAtMs),
		nextAttemptAt: null,
	});
	t.deepEqual(await harness.stores.deliveryStore.listAttempts(first.deliveryId), steps);
});

test('one outcome that cannot be stored costs its neighbours nothing and ends as a dead letter', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('log');
	const good = upTo(20).map(() => sampleOutcome());
	const bad = {...sampleOutcome(), userId: null as unknown as string};
	await Promise.all([...good.slice(0, 10), bad, ...good.slice(10)].map((one) => harness.publisher.outcomes([one])));
	await harness.wind(25 * MINUTE_MS);
	for (const {deliveryId} of good) t.like(await harness.stores.deliveryStore.find(deliveryId), {state: 'waiting'});
	const letters = await harness.deadLetters();
	t.is(letters.length, 1);
	t.regex(letters[0]?.reason ?? '', /^failed 11 times: /);
	t.deepEqual(JSON.parse(letters[0]?.body ?? ''), [bad]);
});

test('what the broker buried is kept with its queue and reason, also after it was handed back', async (t) => {
	await using harness = await DispatchHarness.create();
	const {unresolved, dead} = harness.topology.queues;
	const giveBack = (): Promise<Settlement> => Promise.resolve('requeue');
	const consumer = await harness.broker.consume(unresolved, {prefetch: 1}, giveBack);
	await harness.publisher.direct(unresolved, {id: 'poison', headers: {kind: 'sample'}, body: Buffer.from('body')});
	await harness.until(() => harness.queued(dead).length === 1);
	await consumer.close();
	harness.storeFaults.mode = 'away';
	await harness.startRoles('log');
	await harness.wind(10 * MINUTE_MS + 10_000);
	t.is(harness.waiting, 1, 'it was handed back');
	harness.storeFaults.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	t.deepEqual(
		(await harness.deadLetters()).map(({at: _, ...letter}) => letter),
		[
			{
				id: `poison@${unresolved.name}`,
				queue: unresolved.name,
				reason: 'delivery_limit',
				headers: {kind: 'sample'},
				body: 'body',
			},
		],
	);
});

test('messages that came without an id are letters of their own', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('log');
	const {webhook} = harness.topology.queues;
	for (const body of ['one', 'two', 'one']) {
		await harness.publisher.direct(webhook, {id: '', headers: {}, body: Buffer.from(body)});
	}
	await harness.startRoles('webhook');
	await harness.until(async () => (await harness.deadLetters()).length === 2);
	t.deepEqual((await harness.deadLetters()).map(({body}) => body).sort(), ['one', 'two']);
});

test('the same message dead from two queues is two letters; dead twice from one queue it is one', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('log');
	const {webhook, session, dead} = harness.topology.queues;
	const message: Message = {
		id: 'event',
		exchange: '',
		routingKey: '',
		headers: {kind: 'sample'},
		body: Buffer.from('body'),
		redelivered: false,
	};
	await harness.publisher.dead(message, webhook, 'first reason');
	await harness.publisher.dead(message, session, 'no reason');
	await harness.publisher.dead(message, webhook, 'second reason');
	await harness.until(() => harness.queued(dead).length === 0);
	t.deepEqual(
		(await harness.deadLetters()).map(({id, queue, reason}) => [id, queue, reason]).sort(),
		[
			[`event@${session.name}`, session.name, 'no reason'],
			[`event@${webhook.name}`, webhook.name, 'first reason'],
		].sort(),
	);
});
