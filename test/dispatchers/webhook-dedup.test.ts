import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Settlement} from '../../domain/ports/broker.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

interface Scene {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
}

async function createScene(resources: AsyncDisposableStack): Promise<Scene> {
	const harness = resources.use(await DispatchHarness.create());
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const {webhook} = await harness.container.resolve(TOKENS.webhooks).create(connection, {url: sink.url, events: ['*']});
	return {harness, sink, connection, webhook};
}

/** A webhook process of its own, which knows nothing of what others did; it ends when all is done. */
async function workOff({harness}: Scene): Promise<void> {
	const {webhook} = harness.topology.queues;
	const dispatchers = await harness.startRoles('webhook');
	await harness.until(() => harness.queued(webhook).length === 0);
	await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
}

/** Hands the messages of a queue out to somebody who dies: from then on they come as redelivered ones. */
async function handOutInVain(harness: DispatchHarness, queue: QueueDeclaration, count: number): Promise<void> {
	const death = Promise.withResolvers<Settlement>();
	let inHand = 0;
	const consumer = await harness.broker.consume(queue, {prefetch: count}, () => {
		inHand++;
		return death.promise;
	});
	await harness.until(() => inHand === count);
	const closed = consumer.close();
	death.resolve('requeue');
	await harness.until(() => harness.queued(queue).every(({deliveries}) => deliveries > 0));
	await closed;
}

function rowOf({harness, webhook}: Scene, eventId: string): Promise<Delivery | undefined> {
	return harness.stores.deliveryStore.find(deliveryId(eventId, webhook.id));
}

test('an event that comes again to another process is not posted again once its outcome is recorded', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	await harness.startRoles('log');
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	await workOff(scene);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');

	await harness.publisher.event(event);
	await handOutInVain(harness, harness.topology.queues.webhook, 1);
	await workOff(scene);
	t.is(sink.deliveries.length, 1);
});

test('half of an event is done when its process dies: the other half follows, and only that', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	await harness.startRoles('log');
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	await workOff(scene);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');
	const late = resources.use(await WebhookSink.start());
	await harness.container.resolve(TOKENS.webhooks).create(connection, {url: late.url, events: ['*']});

	await harness.publisher.event(event);
	await handOutInVain(harness, harness.topology.queues.webhook, 1);
	await workOff(scene);
	t.is(sink.deliveries.length, 1);
	t.is(late.deliveries.length, 1);
});

test('an attempt that comes again to another process is not made again once its outcome is recorded', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	sink.answer = (_, response) => response.writeHead(500).end();
	await harness.startRoles('log');
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	await workOff(scene);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'waiting');
	const level = harness.topology.waitLevels.find(({queue}) => harness.queued(queue).length > 0);
	const headers = level && harness.headersIn(level.queue)[0];
	if (headers === undefined) return t.fail('nothing waits');
	sink.answer = (_, response) => response.end();
	const {webhook} = harness.topology.queues;
	await harness.clock.advance(7000);
	await harness.until(() => harness.queued(webhook).length === 1);
	await workOff(scene);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');

	await harness.publisher.direct(webhook, {id: 'again', headers, body: event.body});
	await workOff(scene);
	t.is(sink.deliveries.length, 2);
});

test('the window: until its outcome is recorded an attempt may be repeated, as the same delivery and with the same number', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	await workOff(scene);
	t.is(harness.queued(harness.topology.queues.outcomes).length, 1, 'nobody has recorded it yet');

	await harness.publisher.event(event);
	await handOutInVain(harness, harness.topology.queues.webhook, 1);
	await workOff(scene);
	t.is(sink.deliveries.length, 2);
	const ids = sink.deliveries.map(({headers}) => [headers['x-wahooks-delivery'], headers['x-wahooks-attempt']]);
	t.deepEqual(ids[0], ids[1]);
	await harness.startRoles('log');
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');
	t.is((await harness.stores.deliveryStore.listAttempts(deliveryId(event.id, scene.webhook.id))).length, 1);
});

test('the window takes two batches: 10 ms of the webhook dispatcher and 20 ms of the log dispatcher', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	let answeredAtMs = 0;
	sink.answer = (_, response) => {
		answeredAtMs = harness.clock.now();
		response.end();
	};
	await harness.startRoles('webhook', 'log');
	const windows: number[] = [];
	for (let count = 0; count < 5; count++) {
		const event = harness.eventOf(connection);
		const sent = sink.deliveries.length;
		await harness.publisher.event(event);
		await harness.until(() => sink.deliveries.length > sent);
		// From here on a millisecond at a time, with as many turns of the event loop as network and files need.
		for (;;) {
			const row = await rowOf(scene, event.id);
			if (row !== undefined) break;
			await harness.wind(1, 1);
			await new Promise((resolve) => setTimeout(resolve, 2));
		}
		windows.push(harness.clock.now() - answeredAtMs);
	}
	t.log(`answered to recorded: ${windows.join(', ')} ms`);
	t.true(
		windows.every((ms) => ms <= 60),
		windows.join(),
	);
});
