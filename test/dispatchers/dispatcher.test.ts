import {randomUUID} from 'node:crypto';
import test from 'ava';
import {ACK} from '../../domain/broker/disposition.ts';
import type {Content} from '../../domain/broker/messages.ts';
import {MalformedMessageError} from '../../domain/errors.ts';
import type {Message} from '../../domain/ports/broker.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';

const MINUTE_MS = 60_000;

function sampleContent(changes: Partial<Content> = {}): Content {
	return {id: randomUUID(), headers: {schema: 1, kind: 'sample'}, body: Buffer.from('sample'), ...changes};
}

test('a message is acked when its handler is done, and not before', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const done = Promise.withResolvers<undefined>();
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: async () => {
			await done.promise;
			return ACK;
		},
	});
	const content = sampleContent();
	await harness.publisher.direct(queue, content);
	await harness.wind(MINUTE_MS);
	t.deepEqual(harness.queued(queue), [{id: content.id, deliveries: 1}]);

	done.resolve(undefined);
	await harness.until(() => harness.queued(queue).length === 0);
});

test('a message that is due later hops through the wait levels and is handled at its time, once', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const arrivals: number[] = [];
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: () => {
			arrivals.push(harness.clock.now());
			return Promise.resolve(ACK);
		},
	});
	const startMs = harness.clock.now();
	await harness.publisher.later(queue, sampleContent(), startMs + 17_300);
	const levels = new Set<string>();
	for (let second = 0; second < 60; second++) {
		for (const {queue: level} of harness.topology.waitLevels) {
			if (harness.queued(level).length > 0) levels.add(level.name);
		}
		await harness.wind(1000, 100);
	}
	t.is(arrivals.length, 1);
	t.true(Math.abs((arrivals[0] ?? 0) - startMs - 17_300) <= 1000, `after ${String((arrivals[0] ?? 0) - startMs)} ms`);
	t.deepEqual([...levels], ['test.wait.10s.v1', 'test.wait.5s.v1', 'test.wait.2s.v1']);
	t.is(harness.waiting, 0);
	t.is(harness.queued(queue).length, 0);
});

test('a message that fails waits in the broker, longer each time, and is dead with the reason after the last', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const calls: {readonly atMs: number; readonly failures: unknown}[] = [];
	await harness.startRoles('log');
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: ({headers}) => {
			calls.push({atMs: harness.clock.now(), failures: headers['failures']});
			return Promise.reject(new Error('out of order'));
		},
	});
	const content = sampleContent({body: Buffer.from('poison 👋')});
	await harness.publisher.direct(queue, content);
	await harness.wind(1000, 100);
	t.is(calls.length, 1);
	t.is(harness.waiting, 1, 'it waits in the broker, not in hand');
	t.is(harness.queued(queue).length, 0);

	await harness.wind(25 * MINUTE_MS);
	const waitsMs = calls.slice(1).map(({atMs}, index) => atMs - (calls[index]?.atMs ?? 0));
	const expectedMs = [1, 2, 5, 10, 20, 60, 300, 300, 300, 300].map((seconds) => seconds * 1000);
	t.is(waitsMs.length, expectedMs.length);
	for (const [index, waitMs] of waitsMs.entries()) {
		t.true(Math.abs(waitMs - (expectedMs[index] ?? 0)) <= 1000, `wait ${index + 1} took ${waitMs} ms`);
	}
	t.deepEqual(
		calls.map(({failures}) => failures),
		[undefined, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
	);
	t.deepEqual(
		(await harness.deadLetters()).map(({at: _, ...letter}) => letter),
		[
			{
				id: `${content.id}@${queue.name}`,
				queue: queue.name,
				reason: 'failed 11 times: Error: out of order',
				headers: {schema: 1, kind: 'sample'},
				body: 'poison 👋',
			},
		],
	);
	t.is(harness.waiting, 0);
	t.is(harness.queued(harness.topology.queues.dead).length, 0);
});

test('a wait that a handler asks for is no failure, however often it does', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const failures: unknown[] = [];
	await harness.startRoles('log');
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: ({headers}) => {
			failures.push(headers['failures']);
			if (failures.length === 15) return Promise.reject(new Error('once'));
			return Promise.resolve(failures.length < 20 ? {kind: 'retry', delayMs: 2000} : ACK);
		},
	});
	await harness.publisher.direct(queue, sampleContent());
	await harness.wind(MINUTE_MS);
	t.deepEqual(failures, [...Array<undefined>(15).fill(undefined), 1, 1, 1, 1, 1]);
	t.deepEqual(await harness.deadLetters(), []);
	t.is(harness.queued(queue).length + harness.waiting, 0);
});

test('what cannot be mended by waiting is dead at once, as is what a handler gives up', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	await harness.startRoles('log');
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: ({id}) =>
			id === 'given up'
				? Promise.resolve({kind: 'dead-letter', reason: 'no hope'})
				: Promise.reject(new MalformedMessageError('not a message')),
	});
	for (const id of ['given up', 'malformed']) await harness.publisher.direct(queue, sampleContent({id}));
	await harness.until(async () => (await harness.deadLetters()).length === 2);
	const reasons = (await harness.deadLetters()).map(({id, reason}) => `${id}: ${reason}`);
	t.deepEqual(reasons.sort(), [
		`given up@${queue.name}: no hope`,
		`malformed@${queue.name}: MalformedMessageError: not a message`,
	]);
	t.is(harness.log.of('message.dead').length, 2);
});

test('a reason is cut to what a header can carry', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	await harness.startRoles('log');
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: () => Promise.reject(new MalformedMessageError('x'.repeat(200_000))),
	});
	await harness.publisher.direct(queue, sampleContent());
	await harness.until(async () => (await harness.deadLetters()).length === 1);
	t.regex((await harness.deadLetters())[0]?.reason ?? '', /^MalformedMessageError: x{900,1000}$/);
});

test('what no dispatcher of this version can read is kept with the reason, whatever queue it came to', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('webhook', 'websocket', 'log', 'command', 'supervisor');
	const {webhook, websocket, logs, session, unresolved, commands, outcomes} = harness.topology.queues;
	const event = harness.eventOf(await harness.createConnection());
	const eventHeaders = {
		schema: 1,
		kind: 'event',
		eventId: event.id,
		event: event.event,
		user: event.userId,
		receivedAt: event.receivedAtMs,
	};
	const cases: [(typeof webhook | typeof websocket | undefined)[], Partial<Content>][] = [
		[[webhook, websocket, logs[0], session], {headers: {}}],
		[[webhook, websocket, logs[0], session], {headers: {...eventHeaders, schema: 2}}],
		[[webhook, websocket, logs[0], session], {headers: {...eventHeaders, kind: 'novelty'}}],
		[[webhook, websocket, logs[0], session], {headers: {schema: 1, kind: 'event', eventId: event.id}}],
		[[webhook, websocket, logs[0], session], {headers: {...eventHeaders, media: 'no JSON'}}],
		[[webhook], {headers: {...eventHeaders, kind: 'delivery'}}],
		[[session], {headers: {...eventHeaders, connection: 'c'}, body: Buffer.from('no JSON')}],
		[[session], {headers: {...eventHeaders, connection: 'c'}, body: Buffer.from('null')}],
		[[unresolved], {headers: {schema: 1, kind: 'event'}}],
		[[unresolved], {headers: {schema: 1, kind: 'unresolved', receivedAt: 5}, body: Buffer.from('no JSON')}],
		[[unresolved], {headers: {schema: 1, kind: 'unresolved', receivedAt: 5}, body: Buffer.from('null')}],
		[[commands[0]], {headers: {schema: 2, kind: 'command'}}],
		[[commands[0]], {headers: {schema: 1, kind: 'command'}, body: Buffer.from('null')}],
		[[commands[0]], {headers: {schema: 1, kind: 'command'}, body: Buffer.from('{"kind":"message.shred"}')}],
		[[outcomes], {headers: {schema: 1, kind: 'outcome'}}],
		[[outcomes], {headers: {schema: 1, kind: 'outcomes'}, body: Buffer.from('{}')}],
	];
	const expected: string[] = [];
	for (const [queues, changes] of cases) {
		for (const queue of queues) {
			const content = sampleContent(changes);
			expected.push(`${content.id}@${queue?.name ?? ''}`);
			await harness.publisher.direct(queue ?? webhook, content);
		}
	}
	await harness.until(async () => (await harness.deadLetters()).length === expected.length);
	const letters = await harness.deadLetters();
	t.deepEqual(letters.map(({id}) => id).sort(), expected.sort());
	for (const {reason} of letters) t.regex(reason, /^MalformedMessageError: /);
	t.is(harness.waiting, 0, 'none was tried again');
});

test('a dead letter that cannot be kept is tried again, slowly, and never dead-lettered in a circle', async (t) => {
	await using harness = await DispatchHarness.create();
	const {dead, unresolved} = harness.topology.queues;
	const calls: Message[] = [];
	await harness.startDispatcher({
		queue: dead,
		prefetch: 10,
		handle: (message) => {
			calls.push(message);
			return calls.length < 15 ? Promise.reject(new Error('no room for it')) : Promise.resolve(ACK);
		},
	});
	await harness.startDispatcher({
		queue: unresolved,
		prefetch: 10,
		handle: () => Promise.reject(new Error('poison')),
	});
	// It failed ten times on its way here already.
	await harness.publisher.direct(unresolved, sampleContent({headers: {kind: 'sample', failures: 10}}));
	await harness.wind(500, 100);
	t.is(calls.length, 1);

	await harness.wind(60 * MINUTE_MS);
	t.is(calls.length, 15);
	for (const {headers} of calls) {
		t.like(headers, {deadFrom: unresolved.name, deadReason: 'failed 11 times: Error: poison'});
	}
	t.is(harness.queued(dead).length + harness.waiting, 0);
});

test('a fault of ours in publishing does not stop the queue: the message ends as poison, the others are handled', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const handled: string[] = [];
	await harness.startRoles('log');
	await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: ({id}) => {
			handled.push(id);
			// A disposition that cannot be carried out: the time is no number that a message could carry.
			return Promise.resolve(id === 'poison' ? {kind: 'retry', delayMs: 1n as unknown as number} : ACK);
		},
	});
	await harness.publisher.direct(queue, sampleContent({id: 'poison'}));
	await harness.publisher.direct(queue, sampleContent({id: 'other'}));
	await harness.until(async () => (await harness.deadLetters()).length === 1);
	t.like((await harness.deadLetters())[0], {id: `poison@${queue.name}`, queue: queue.name, reason: 'delivery_limit'});
	t.true(handled.includes('other'));
	t.is(harness.log.of('dispatcher.hold').length, 0);
});

test('stop finishes what runs and takes nothing more', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.unresolved;
	const running = Promise.withResolvers<undefined>();
	const handled: string[] = [];
	const dispatcher = await harness.startDispatcher({
		queue,
		prefetch: 1,
		handle: async ({id}) => {
			await running.promise;
			handled.push(id);
			return ACK;
		},
	});
	for (const id of ['first', 'second']) await harness.publisher.direct(queue, sampleContent({id}));
	await harness.until(() => harness.queued(queue)[0]?.deliveries === 1);
	let stopped = false;
	const stopping = dispatcher.stop().then(() => {
		stopped = true;
	});
	await harness.wind(MINUTE_MS);
	t.false(stopped);

	running.resolve(undefined);
	await stopping;
	t.deepEqual(handled, ['first']);
	t.deepEqual(harness.queued(queue), [{id: 'second', deliveries: 0}]);
});
