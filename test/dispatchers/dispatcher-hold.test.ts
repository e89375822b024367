import {randomUUID} from 'node:crypto';
import test from 'ava';
import {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import type {Change} from '../../domain/broker/messages.ts';
import type {Content} from '../../domain/broker/messages.ts';
import {dueAtMsOf} from '../../domain/broker/publisher.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {Broker, Message} from '../../domain/ports/broker.ts';
import {TOKENS} from '../../config/tokens.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';

const MINUTE_MS = 60_000;

/** Counts how often each message was begun and how often it was done. */
class Work {
	readonly begun: string[] = [];
	readonly done: string[] = [];
	readonly #harness: DispatchHarness;

	constructor(harness: DispatchHarness) {
		this.#harness = harness;
	}

	/** Needs the store. */
	readonly handle = async ({id}: Message): Promise<Disposition> => {
		this.begun.push(id);
		await this.#harness.storeFaults.stores.userStore.find(id);
		this.done.push(id);
		return ACK;
	};

	/** Needs to publish. */
	readonly forward = async ({id, headers, body}: Message): Promise<Disposition> => {
		this.begun.push(id);
		const {queues} = this.#harness.topology;
		await this.#harness.container.resolve(TOKENS.publisher).direct(queues.unresolved, {id, headers, body});
		this.done.push(id);
		return ACK;
	};
}

function content(id: string): Content {
	return {id, headers: {}, body: Buffer.from(id)};
}

async function publish(harness: DispatchHarness, count: number): Promise<readonly string[]> {
	const ids = Array.from({length: count}, (_, index) => `message ${String(index).padStart(3, '0')}`);
	for (const id of ids) {
		await harness.publisher.direct(harness.topology.queues.outcomes, {id, headers: {}, body: Buffer.from(id)});
	}
	return ids;
}

test('while the store is away nothing is taken, repeated or counted; afterwards each message is done once', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	harness.storeFaults.mode = 'away';
	const ids = await publish(harness, 30);
	await harness.startDispatcher({queue, prefetch: 10, handle: work.handle});
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(9 * MINUTE_MS);
	t.is(work.begun.length, 10, 'what is in hand was tried once, and nothing else was taken');
	t.deepEqual(
		harness.queued(queue),
		ids.map((id, index) => ({id, deliveries: index < 10 ? 1 : 0})),
	);

	harness.storeFaults.mode = 'working';
	await harness.wind(11_000);
	t.deepEqual(work.done, ids, 'in order, and each once');
	t.is(harness.queued(queue).length + harness.waiting, 0);
	t.is(harness.log.of('dispatcher.hold').length, 1);
	t.is(harness.log.of('dispatcher.resume').length, 1);
});

test('after ten minutes of hold what is in hand goes back to the broker, and comes again', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	harness.storeFaults.mode = 'away';
	const ids = await publish(harness, 15);
	await harness.startDispatcher({queue, prefetch: 10, handle: work.handle});
	await harness.wind(9 * MINUTE_MS + 59_000);
	t.is(harness.waiting, 0);
	await harness.wind(5000);
	t.is(harness.waiting, 10);
	t.deepEqual(
		harness.queued(queue),
		ids.slice(10).map((id) => ({id, deliveries: 0})),
		'what was not in hand stays where it is',
	);

	await harness.wind(30 * MINUTE_MS);
	t.is(work.done.length, 0);
	harness.storeFaults.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	t.deepEqual([...work.done].sort(), ids);
	t.is(work.done.length, ids.length);
	t.is(harness.queued(queue).length + harness.waiting, 0);
});

test('what was put off, by its handler or by a hold, still says when it was due, and that it was in hand', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const dueAtMs = harness.clock.now() + 20_000;
	await harness.publisher.direct(queue, content('at once'));
	await harness.publisher.later(queue, content('later'), dueAtMs);
	const taken: (readonly [string, number, boolean])[] = [];
	const answers: Disposition[] = [
		{kind: 'retry', delayMs: 1000},
		{kind: 'retry', delayMs: 1000},
		ACK,
		{kind: 'retry', delayMs: 1000},
		{kind: 'hold', dependency: 'store'},
	];
	harness.storeFaults.mode = 'away';
	await harness.startDispatcher({
		queue,
		prefetch: 5,
		handle: (message) => {
			taken.push([message.id, dueAtMsOf(message), message.redelivered]);
			return Promise.resolve(answers.shift() ?? ACK);
		},
	});
	await harness.wind(11 * MINUTE_MS);
	t.is(answers.length, 0);
	harness.storeFaults.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	t.deepEqual(taken, [
		['at once', 0, false],
		['at once', 0, true],
		['at once', 0, true],
		['later', dueAtMs, false],
		['later', dueAtMs, true],
		['later', dueAtMs, true],
	]);
	t.is(harness.queued(queue).length + harness.waiting, 0);
});

test('what an outage interrupted says so when it is handled again; what only waited for its end is new', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const taken: (readonly [string, boolean])[] = [];
	await publish(harness, 1);
	harness.storeFaults.mode = 'away';
	await harness.startDispatcher({
		queue,
		prefetch: 5,
		handle: async ({id, redelivered}) => {
			taken.push([id, redelivered]);
			await harness.storeFaults.stores.userStore.find(id);
			return ACK;
		},
	});
	await harness.until(() => taken.length === 1);
	await harness.publisher.direct(queue, content('new'));
	harness.storeFaults.mode = 'working';
	await harness.until(() => taken.length === 3);
	t.deepEqual(taken, [
		['message 000', false],
		['message 000', true],
		['new', false],
	]);
});

test('a message that meets an outage on its way is handed back to come when it is due, not before', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const {clock, log, broker, container} = harness;
	const handled = new Map<string, number>();
	// What was on its way while the subscription was paused.
	const deaf: Broker = {
		publish: (message) => broker.publish(message),
		request: (message, timeoutMs) => broker.request(message, timeoutMs),
		reply: (request, body) => broker.reply(request, body),
		consume: async (...parameters) => {
			const consumer = await broker.consume(...parameters);
			return {pause: () => Promise.resolve(), resume: () => consumer.resume(), close: () => consumer.close()};
		},
		[Symbol.asyncDispose]: () => Promise.resolve(),
	};
	const context = {
		...{broker: deaf, clock, log},
		...{publisher: container.resolve(TOKENS.publisher), healthChecks: container.resolve(TOKENS.healthChecks)},
	};
	const dispatcher = new Dispatcher(context, {
		queue,
		prefetch: 5,
		handle: async ({id}) => {
			await harness.storeFaults.stores.userStore.find(id);
			handled.set(id, clock.now());
			return ACK;
		},
	});
	await dispatcher.start();
	// Its first hop takes half an hour.
	const dueAtMs = clock.now() + 45 * MINUTE_MS;
	await harness.publisher.later(queue, content('waiting'), dueAtMs);
	await harness.wind(30 * MINUTE_MS - 1000);
	harness.storeFaults.mode = 'away';
	await harness.publisher.direct(queue, content('due'));
	await harness.wind(10 * MINUTE_MS + 10_000);
	t.is(harness.waiting, 2, 'both were handed back');
	harness.storeFaults.mode = 'working';
	await harness.wind(4 * MINUTE_MS);
	t.deepEqual([...handled.keys()], ['due']);
	await harness.wind(2 * MINUTE_MS);
	t.true((handled.get('waiting') ?? 0) >= dueAtMs - 500);
	await dispatcher.stop();
});

test('a store that answers probes and still fails is asked ever more rarely, and keeps messages in hand for ten minutes only', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	let calls = 0;
	const dispatcher = await harness.startDispatcher({
		queue,
		prefetch: 10,
		handle: () => {
			calls++;
			return Promise.reject(new StoreUnavailableError('no primary'));
		},
	});
	await publish(harness, 1);
	await harness.wind(9 * MINUTE_MS + 55_000);
	t.true(calls > 50 && calls < 70, `${calls} calls`);
	t.is(harness.waiting, 0);
	await harness.wind(15_000);
	t.is(harness.waiting, 1);
	await dispatcher.stop();
});

test('while publishing fails the message is held, and its handler is asked again afterwards', async (t) => {
	await using harness = await DispatchHarness.create();
	const {outcomes: queue, unresolved} = harness.topology.queues;
	const work = new Work(harness);
	harness.broker.mode = 'away';
	const ids = await publish(harness, 12);
	await harness.startDispatcher({queue, prefetch: 5, handle: work.forward});
	await harness.wind(MINUTE_MS);
	t.is(work.begun.length, 5);
	t.is(harness.queued(queue).length, 12);
	harness.broker.mode = 'working';
	await harness.wind(3000);
	t.deepEqual(work.done, ids, 'soon: however long it was away, the broker is asked every two seconds');
	t.deepEqual(
		harness.queued(unresolved).map(({id}) => id),
		ids,
	);
	t.is(harness.queued(queue).length, 0);
});

test('a retry that cannot be published is neither lost nor acked: it is held', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	harness.broker.mode = 'away';
	await publish(harness, 1);
	await harness.startDispatcher({
		queue,
		prefetch: 5,
		handle: () => Promise.resolve({kind: 'retry', delayMs: 5 * MINUTE_MS}),
	});
	await harness.wind(MINUTE_MS);
	t.is(harness.queued(queue).length, 1);
	t.is(harness.log.of('message.publish.failed').length, 1);
	harness.broker.mode = 'working';
	await harness.wind(11_000);
	t.is(harness.queued(queue).length, 0);
	t.is(harness.waiting, 1);
});

test('two dependencies away at once: work goes on when both are back, and each message is done once', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	const handle = (message: Message): Promise<Disposition> =>
		Number(message.id.slice(-1)) % 2 === 0 ? work.handle(message) : work.forward(message);
	harness.storeFaults.mode = 'away';
	harness.broker.mode = 'away';
	const ids = await publish(harness, 20);
	await harness.startDispatcher({queue, prefetch: 10, handle});
	await harness.wind(MINUTE_MS);
	t.deepEqual(
		harness.log
			.of('dispatcher.hold')
			.map(({fields}) => fields['dependency'])
			.sort(),
		['broker', 'store'],
	);

	harness.storeFaults.mode = 'working';
	await harness.wind(MINUTE_MS);
	t.is(harness.log.of('dispatcher.resume').length, 0);
	t.is(work.begun.length, 10, 'nobody is asked while anything is missing');
	harness.broker.mode = 'working';
	await harness.wind(11_000);
	t.deepEqual([...work.done].sort(), ids);
	t.is(work.done.length, ids.length);
	t.is(harness.log.of('dispatcher.resume').length, 1);
	t.is(harness.queued(queue).length, 0);
});

test('with store and broker away for long, messages that cannot be handed back stay in hand without a stir', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	harness.storeFaults.mode = 'away';
	harness.broker.mode = 'away';
	const ids = await publish(harness, 3);
	await harness.startDispatcher({queue, prefetch: 10, handle: work.handle});
	await harness.wind(35 * MINUTE_MS);
	t.is(harness.log.of('message.handBack.failed').length, 3 * 3, 'once each in ten minutes');
	t.is(work.begun.length, 3);
	harness.storeFaults.mode = 'working';
	harness.broker.mode = 'working';
	await harness.wind(11_000);
	t.deepEqual(work.done, ids);
});

test('stop does not wait for a probe: what is held stays with the broker, for the next dispatcher', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	harness.storeFaults.mode = 'away';
	const ids = await publish(harness, 8);
	const dispatcher = await harness.startDispatcher({queue, prefetch: 5, handle: work.handle});
	await harness.wind(MINUTE_MS);
	// The clock stands still: nothing but the call itself can end the hold.
	await dispatcher.stop();
	t.is(work.begun.length, 5, 'nothing is tried once more on the way out');
	t.deepEqual(
		harness.queued(queue).map(({id}) => id),
		ids,
	);

	harness.storeFaults.mode = 'working';
	const next = new Work(harness);
	await harness.startDispatcher({queue, prefetch: 5, handle: next.handle});
	await harness.until(() => next.done.length === ids.length);
	t.deepEqual(next.done, ids);
});

test('a message that fails for a missing store while stop waits for it is left to the broker', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const running = Promise.withResolvers<Disposition>();
	const dispatcher = await harness.startDispatcher({queue, prefetch: 5, handle: () => running.promise});
	const ids = await publish(harness, 1);
	await harness.until(() => harness.queued(queue)[0]?.deliveries === 1);
	const stopping = dispatcher.stop();
	running.reject(new StoreUnavailableError('away'));
	await stopping;
	t.deepEqual(
		harness.queued(queue).map(({id}) => id),
		ids,
	);
	t.is(harness.log.of('dispatcher.hold').length, 0);
});

test('a hold that begins before the subscription was answered stops consuming all the same', async (t) => {
	await using harness = await DispatchHarness.create();
	const queue = harness.topology.queues.outcomes;
	const work = new Work(harness);
	const {clock, log, broker, container} = harness;
	const slow: Broker = {
		publish: (message) => broker.publish(message),
		request: (message, timeoutMs) => broker.request(message, timeoutMs),
		reply: (request, body) => broker.reply(request, body),
		consume: async (...parameters) => {
			const consumer = await broker.consume(...parameters);
			await harness.until(() => log.of('dispatcher.hold').length > 0);
			return consumer;
		},
		[Symbol.asyncDispose]: () => Promise.resolve(),
	};
	harness.storeFaults.mode = 'away';
	const ids = await publish(harness, 1);
	const publisher = container.resolve(TOKENS.publisher);
	const healthChecks = container.resolve(TOKENS.healthChecks);
	const dispatcher = new Dispatcher(
		{broker: slow, publisher, clock, log, healthChecks},
		{queue, prefetch: 5, handle: work.handle},
	);
	await dispatcher.start();
	const late = randomUUID();
	await harness.publisher.direct(queue, {id: late, headers: {}, body: Buffer.alloc(0)});
	await harness.wind(MINUTE_MS);
	t.deepEqual(harness.queued(queue), [
		{id: ids[0] ?? '', deliveries: 1},
		{id: late, deliveries: 0},
	]);
	harness.storeFaults.mode = 'working';
	await harness.wind(11_000);
	t.deepEqual(work.done, [...ids, late]);
	await dispatcher.stop();
});

test('live frames wait for Redis in order, and what waited for too long is told as lost', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('websocket');
	const connection = await harness.createConnection();
	const frames: string[] = [];
	await harness.fanout.subscribe(connection.userId, ({body}) => {
		frames.push(body.toString());
	});
	const events = Array.from({length: 5}, () => harness.eventOf(connection));
	harness.fanout.away = true;
	for (const event of events.slice(0, 3)) await harness.publisher.event(event);
	await harness.wind(30_000);
	t.deepEqual(frames, []);
	harness.fanout.away = false;
	await harness.wind(11_000);
	t.deepEqual(
		frames,
		events.slice(0, 3).map(({body}) => body.toString()),
		'the very bytes',
	);

	const changes: Change[] = [];
	const onChange = (change: Change): void => void changes.push(change);
	harness.container.resolve(TOKENS.control).follow({onChange, onGap: () => undefined});
	harness.fanout.away = true;
	await Promise.all(events.slice(3).map((event) => harness.publisher.event(event)));
	await harness.wind(2 * MINUTE_MS);
	// The embedded queue looks at what it has when something comes.
	await harness.publisher.event(harness.eventOf(await harness.createConnection()));
	await harness.wind(1000);
	const {userId} = connection;
	t.true(changes.some((change) => change.kind === 'frames-lost' && change.userId === userId));
	harness.fanout.away = false;
	await harness.wind(MINUTE_MS);
	t.is(frames.length, 3);
	t.is(harness.waiting, 0);
});

test('what a process cannot hand on of a volatile queue another one gets at once', async (t) => {
	await using harness = await DispatchHarness.create();
	const {websocket: queue} = harness.topology.queues;
	const work = new Work(harness);
	harness.storeFaults.mode = 'away';
	const ids = ['1', '2', '3'];
	for (const id of ids) await harness.publisher.direct(queue, {id, headers: {}, body: Buffer.alloc(0)});
	await harness.startDispatcher({queue, prefetch: 2, handle: work.handle});
	await harness.until(() => work.begun.length === 2);
	await harness.wind(5000);
	t.is(work.begun.length, 2, 'it tries each once');
	const taken: string[] = [];
	await harness.startDispatcher({
		queue,
		prefetch: 2,
		handle: ({id}) => {
			taken.push(id);
			return Promise.resolve(ACK);
		},
	});
	await harness.wind(1000);
	t.deepEqual(taken, ids);
	harness.storeFaults.mode = 'working';
	await harness.wind(11_000);
	const later = randomUUID();
	for (let count = 0; count < 4; count++) {
		await harness.publisher.direct(queue, {id: `${later} ${count}`, headers: {}, body: Buffer.alloc(0)});
	}
	await harness.wind(1000);
	t.is(taken.length + work.done.length, 7);
	t.true(work.done.length > 0, 'it takes part again');
});
