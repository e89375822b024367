import test from 'ava';
import {createDispatchers} from '../../config/dispatchers.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {partitionOf} from '../../domain/hashing.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {SWITCH_DELAY_MS, switchOrder} from '../../domain/webhooks/ordering.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import type {NewWebhook} from '../../domain/webhooks/webhooks.ts';
import {WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import {chatIn, chatsIn} from '../support/chats-in.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const MINUTE = 60_000;

interface Scene {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
	/** Whoever works the webhook queues; a second call makes a second process of it. */
	readonly startWebhooks: () => Promise<readonly Dispatcher[]>;
}

/** Answers 500 to events with these texts. */
type Failing = Set<string>;

async function createScene(
	resources: AsyncDisposableStack,
	options: Partial<NewWebhook> = {},
): Promise<Scene & {readonly failing: Failing}> {
	const harness = resources.use(await DispatchHarness.create());
	const sink = resources.use(await WebhookSink.start());
	const failing: Failing = new Set();
	sink.answer = (_, response) => {
		const last = sink.deliveries.at(-1);
		response.writeHead(last !== undefined && failing.has(textOf(last.body)) ? 500 : 200).end();
	};
	const connection = await harness.createConnection();
	const {webhook} = await harness.container
		.resolve(TOKENS.webhooks)
		.create(connection, {url: sink.url, events: ['*'], ordered: 'chat', ...options});
	await harness.clock.advance(SWITCH_DELAY_MS);
	await harness.startRoles('log');
	return {harness, sink, connection, webhook, failing, startWebhooks: () => harness.startRoles('webhook')};
}

/** A message in a chat; its text says which one it is. */
function message(
	{harness, connection}: Pick<Scene, 'harness' | 'connection'>,
	chat: string,
	text: string,
): PreparedEvent {
	return harness.eventOf(connection, {payload: {id: `false_${chat}_${text}`, body: text}});
}

async function publish(
	scene: Pick<Scene, 'harness' | 'connection'>,
	chat: string,
	...texts: readonly string[]
): Promise<readonly PreparedEvent[]> {
	const events = texts.map((text) => message(scene, chat, text));
	for (const event of events) await scene.harness.publisher.event(event);
	return events;
}

function textOf(body: string): string {
	return (JSON.parse(body) as {payload: {body: string}}).payload.body;
}

/** What arrived, in this order, repeats included. */
function arrivals({sink}: Pick<Scene, 'sink'>): readonly string[] {
	return sink.deliveries.map(({body}) => textOf(body));
}

function rowOf(
	{harness, webhook}: Pick<Scene, 'harness' | 'webhook'>,
	{id}: PreparedEvent,
): Promise<Delivery | undefined> {
	return harness.stores.deliveryStore.find(deliveryId(id, webhook.id));
}

/** @param stepMs by how much more than usual the clock goes on while it waits */
async function delivered(
	scene: Pick<Scene, 'harness' | 'webhook'>,
	events: readonly PreparedEvent[],
	stepMs = 0,
): Promise<void> {
	await scene.harness.until(async () => {
		await scene.harness.clock.advance(stepMs);
		const rows = await Promise.all(events.map((event) => rowOf(scene, event)));
		return rows.every((row) => row?.state === 'delivered');
	}, 60_000);
}

/** How many deliveries were sent to the ordered queues. */
function orderedPublications({broker, topology}: DispatchHarness): number {
	const names = new Set(topology.queues.ordered.map(({name}) => name));
	return broker.published.filter(({routingKey}) => names.has(routingKey)).length;
}

const ALICE = '15550001111@c.us';
const BOB = '15550002222@c.us';

test('a failed delivery holds its chat and no other; all arrive in the order of the log', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [10_000]});
	const {harness, failing} = scene;
	await scene.startWebhooks();
	failing.add('a1');
	const events = [...(await publish(scene, ALICE, 'a1', 'a2', 'a3')), ...(await publish(scene, BOB, 'b1', 'b2'))];
	await harness.until(() => arrivals(scene).includes('b2'));
	t.false(arrivals(scene).includes('a2'));
	const [first] = events;
	const held = await harness.until(async () => (await rowOf(scene, first ?? t.fail())) ?? false);
	t.like(held, {state: 'waiting', attempts: 1});
	t.not(held.nextAttemptAt, null);
	t.is(harness.waiting, 0);

	failing.clear();
	await harness.clock.advance(11_000);
	await delivered(scene, events);
	t.deepEqual(
		arrivals(scene).filter((text) => text.startsWith('a')),
		['a1', 'a1', 'a2', 'a3'],
	);
	t.is(arrivals(scene).length, 6);
});

test('without an ordered webhook nothing goes to the ordered queues', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {ordered: false});
	const {harness} = scene;
	await scene.startWebhooks();
	await delivered(scene, await publish(scene, ALICE, 'a1', 'a2'));
	t.is(orderedPublications(harness), 0);
});

test('what is about no chat, and a test event, go the ordinary way', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection, webhook} = scene;
	await scene.startWebhooks();
	const event = harness.eventOf(connection, {event: 'session.status', payload: {status: 'WORKING'}});
	await harness.publisher.event(event);
	await harness.container.resolve(TOKENS.webhooks).test(webhook);
	await harness.until(() => sink.deliveries.length === 2);
	await delivered(scene, [event]);
	t.is(orderedPublications(harness), 0);
});

test('switched on and off while events come, and nobody told: every event is delivered, once', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {ordered: false});
	const {harness, connection, webhook} = scene;
	const {webhookStore} = harness.stores;
	// The webhook dispatcher's knowledge is as stale as it may be, and never as stale as the log dispatcher's.
	const secretBox = harness.container.resolve(TOKENS.secretBox);
	const directory = new WebhookDirectory({store: webhookStore, secretBox, clock: harness.clock, log: harness.log});
	const own = harness.container.createChildContainer();
	own.register(TOKENS.webhookDirectory, {useValue: directory});
	for (const dispatcher of createDispatchers('webhook', own)) {
		await dispatcher.start();
		resources.defer(() => dispatcher.stop());
	}
	await directory.listForEvent(connection.userId, connection.id);
	await harness.wind(2500);
	const events: PreparedEvent[] = [];
	for (let second = 0; second < 50; second++) {
		// Off after 15 s, then twice within ten seconds.
		if ([5, 20, 22, 24].includes(second)) {
			const {orderSwitchesMs} = (await webhookStore.find(webhook.id)) ?? t.fail('it is there');
			const ordered = second === 5 || second === 22 ? 'chat' : false;
			const changes = {orderSwitchesMs: switchOrder(orderSwitchesMs, ordered, harness.clock.now())};
			await webhookStore.update(webhook.id, changes, new Date(harness.clock.now()));
		}
		events.push(...(await publish({harness, connection}, ALICE, `a${second}`)));
		await harness.wind(1000, 250);
	}
	await delivered(scene, events);
	t.deepEqual([...arrivals(scene)].sort(), events.map((_, index) => `a${index}`).sort());
	t.is(orderedPublications(harness), 17);
});

test('a chat is not held for longer than the bound: later events go on, and the late one still arrives', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [MINUTE, MINUTE, MINUTE, 3 * MINUTE]});
	const {harness, failing} = scene;
	await scene.startWebhooks();
	failing.add('a1');
	const events = await publish(scene, ALICE, 'a1', 'a2');
	await harness.until(() => arrivals(scene).length === 1);
	for (let attempts = 2; attempts <= 4; attempts++) {
		t.is(harness.waiting, 0);
		await harness.wind(1.1 * MINUTE, 10_000);
		await harness.until(() => arrivals(scene).length >= attempts);
		if (attempts < 4) t.is(arrivals(scene).length, attempts);
	}
	// Three minutes more would be more than five in all.
	await harness.until(() => arrivals(scene).at(-1) === 'a2');
	t.is(harness.waiting, 1);
	failing.clear();
	await delivered(scene, events, 2000);
	t.deepEqual(arrivals(scene), ['a1', 'a1', 'a1', 'a1', 'a2', 'a1']);
});

test('an event that waited behind others for the whole bound gets its attempt in order, and does not hold the chat again', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [4.5 * MINUTE, 4.5 * MINUTE]});
	const {harness, failing} = scene;
	await scene.startWebhooks();
	for (const text of ['a1', 'a2', 'a3']) failing.add(text);
	const events = await publish(scene, ALICE, 'a1', 'a2', 'a3', 'a4');
	await harness.until(() => arrivals(scene).length === 1);
	await harness.wind(5 * MINUTE, 10_000);
	await harness.until(() => arrivals(scene).at(-1) === 'a4');
	t.deepEqual(arrivals(scene), ['a1', 'a1', 'a2', 'a3', 'a4']);
	failing.clear();
	await delivered(scene, events, 2000);
	t.deepEqual([...arrivals(scene).slice(5)].sort(), ['a1', 'a2', 'a3']);
});

test('a process that ends gives back what it holds, and the next one goes on at the next attempt, in order', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [MINUTE, MINUTE, MINUTE]});
	const {harness, sink, failing} = scene;
	const first = await scene.startWebhooks();
	failing.add('a1');
	const events = await publish(scene, ALICE, 'a1', 'a2', 'a3');
	const [event] = events;
	await harness.until(async () => (await rowOf(scene, event ?? t.fail()))?.attempts === 1);
	await harness.wind(1.1 * MINUTE, 10_000);
	await harness.until(async () => (await rowOf(scene, event ?? t.fail()))?.attempts === 2);
	let stopped = false;
	const stop = Promise.all(first.map((dispatcher) => dispatcher.stop())).then(() => {
		stopped = true;
	});
	await harness.until(() => stopped);
	await stop;
	t.is(sink.deliveries.length, 2);

	failing.clear();
	await scene.startWebhooks();
	await harness.wind(1000, 100);
	t.is(sink.deliveries.length, 2);
	await harness.wind(1.1 * MINUTE, 10_000);
	await delivered(scene, events);
	t.deepEqual(arrivals(scene), ['a1', 'a1', 'a1', 'a2', 'a3']);
	t.deepEqual(
		sink.deliveries.map(({headers}) => headers['x-wahooks-attempt']),
		['1', '2', '3', '1', '1'],
	);
});

test('two processes that hold one delivery for a while: the chat waits for the later of their next attempts', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [10_000, 10_000]});
	const {harness, failing} = scene;
	await scene.startWebhooks();
	failing.add('a1');
	const events = await publish(scene, ALICE, 'a1', 'a2');
	const [first = t.fail()] = events;
	await harness.until(async () => (await rowOf(scene, first))?.state === 'waiting');
	// What the other one, which made the same attempt, reports.
	const [attempt = t.fail()] = await harness.stores.deliveryStore.listAttempts(deliveryId(first.id, scene.webhook.id));
	const nextAttemptAtMs = harness.clock.now() + 30_000;
	await harness.stores.deliveryStore.record([{...attempt, nextAttemptAtMs}]);
	failing.clear();
	await harness.clock.advance(12_000);
	await harness.wind(2000, 100);
	t.deepEqual(arrivals(scene), ['a1']);
	await delivered(scene, events, 200);
	t.true(harness.clock.now() >= nextAttemptAtMs);
	t.deepEqual(arrivals(scene), ['a1', 'a1', 'a2']);
});

test('an event that the log starts twice is delivered once', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness} = scene;
	const first = await scene.startWebhooks();
	const [event] = await publish(scene, ALICE, 'a1');
	await delivered(scene, [event ?? t.fail()]);
	let stopped = false;
	void Promise.all(first.map((dispatcher) => dispatcher.stop())).then(() => {
		stopped = true;
	});
	await harness.until(() => stopped);
	await scene.startWebhooks();
	await harness.publisher.event(event ?? t.fail());
	await delivered(scene, await publish(scene, ALICE, 'a2'));
	t.deepEqual(arrivals(scene), ['a1', 'a2']);
});

test('the broker away in the middle: nothing is attempted twice, and nothing overtakes', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink} = scene;
	await scene.startWebhooks();
	sink.answer = (_, response) => {
		if (sink.deliveries.length === 1) harness.broker.mode = 'away';
		response.end();
	};
	const events = [message(scene, ALICE, 'a1'), message(scene, ALICE, 'a2'), message(scene, ALICE, 'a3')];
	for (const event of events) await harness.publisher.event(event);
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	t.deepEqual(arrivals(scene), ['a1']);
	harness.broker.mode = 'working';
	await delivered(scene, events);
	t.deepEqual(arrivals(scene), ['a1', 'a2', 'a3']);
});

test('the store away in the middle: events wait, in order', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink} = scene;
	await scene.startWebhooks();
	sink.answer = (_, response) => {
		if (sink.deliveries.length === 1) harness.storeFaults.mode = 'away';
		response.end();
	};
	const events = await publish(scene, ALICE, 'a1', 'a2', 'a3');
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	harness.storeFaults.mode = 'working';
	await delivered(scene, events);
	t.deepEqual(arrivals(scene), ['a1', 'a2', 'a3']);
});

test('an inactive or deleted webhook leaves rows that say so, and the chat does not wait', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, webhook} = scene;
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const current = (await harness.stores.webhookStore.find(webhook.id)) ?? t.fail();
	await webhooks.update(current, {active: false});
	await scene.startWebhooks();
	const [inactive] = await publish(scene, ALICE, 'a1');
	const row = await harness.until(async () => (await rowOf(scene, inactive ?? t.fail())) ?? false);
	t.like(row, {state: 'skipped', reason: 'the webhook is inactive'});
	await webhooks.update(current, {active: true});
	await delivered(scene, await publish(scene, ALICE, 'a2'));
	t.deepEqual(arrivals(scene), ['a2']);
});

test('a retry of a delivery is its own run and waits for nobody', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [2 * MINUTE]});
	const {harness, failing} = scene;
	await scene.startWebhooks();
	const [done] = await publish(scene, ALICE, 'a1');
	await delivered(scene, [done ?? t.fail()]);
	failing.add('a2');
	await publish(scene, ALICE, 'a2', 'a3');
	await harness.until(() => arrivals(scene).includes('a2'));
	const deliveries = harness.container.resolve(TOKENS.deliveries);
	await deliveries.retry((await rowOf(scene, done ?? t.fail())) ?? t.fail());
	await harness.until(() => arrivals(scene).length === 3);
	t.deepEqual(arrivals(scene), ['a1', 'a2', 'a1']);
});

test('a dead ordered webhook leaves room in its partition: another one of it hears of its events at once', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [2 * MINUTE]});
	const {harness, sink, connection, webhook} = scene;
	const {ordered} = harness.topology.queues;
	const healthy = resources.use(await WebhookSink.start());
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const other = await webhooks.create(connection, {url: healthy.url, events: ['poll.vote'], ordered: 'chat'});
	await harness.clock.advance(SWITCH_DELAY_MS);
	await scene.startWebhooks();
	sink.answer = (_, response) => response.writeHead(500).end();
	const partition = partitionOf(`${webhook.id}/${ALICE}`, ordered.length);
	const deadChats = chatsIn(harness.topology, webhook.id, partition, 30);
	const chat = chatIn(harness.topology, other.webhook.id, partition);
	const events = Array.from({length: 600}, (_, index) =>
		harness.eventOf(connection, {payload: {id: `false_${deadChats[index % 30] ?? ''}_${index}`, body: `d${index}`}}),
	);
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	const queue = ordered[partition] ?? t.fail();
	// Its share is in hand, the rest waits elsewhere.
	await harness.until(() => harness.waiting > 300 && harness.queued(queue).length <= 200, 60_000);
	const vote = harness.eventOf(connection, {event: 'poll.vote', payload: {vote: {id: `false_${chat}_V`}, body: 'v'}});
	await harness.publisher.event(vote);
	await harness.until(() => healthy.deliveries.length === 1);
	t.is(sink.deliveries.filter(({headers}) => headers['x-wahooks-attempt'] === '2').length, 0);
});

test('what found no room follows in the order of its chat, and every event is delivered', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources, {retryScheduleMs: [30_000], concurrency: 5});
	const {harness, sink, webhook, connection} = scene;
	const chats = chatsIn(harness.topology, webhook.id, 3, 3);
	let isDead = true;
	sink.answer = (_, response) => response.writeHead(isDead ? 500 : 200).end();
	await scene.startWebhooks();
	const events = Array.from({length: 270}, (_, index) =>
		harness.eventOf(connection, {payload: {id: `false_${chats[index % 3] ?? ''}_${index}`, body: String(index)}}),
	);
	for (const event of events) await harness.publisher.event(event);
	await harness.until(() => harness.waiting > 50, 60_000);
	isDead = false;
	const dead = sink.deliveries.length;
	await delivered(scene, events, 200);
	for (let chat = 0; chat < 3; chat++) {
		const texts = arrivals(scene)
			.slice(dead)
			.map(Number)
			.filter((index) => index % 3 === chat);
		t.deepEqual(
			texts,
			texts.toSorted((a, b) => a - b),
		);
		t.is(texts.length, 90);
	}
});
