import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {HeldSink} from '../support/held-sink.ts';
import {sampleOutcome} from '../support/samples.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const MINUTE_MS = 60_000;

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

async function stop({harness}: Scene, dispatchers: readonly Dispatcher[]): Promise<void> {
	let isStopped = false;
	const stopping = Promise.all(dispatchers.map((dispatcher) => dispatcher.stop())).then(() => {
		isStopped = true;
	});
	await Promise.all([stopping, harness.until(() => isStopped)]);
}

/** A webhook process of its own, which knows nothing of what others did; it ends when all is done. */
async function workOff(scene: Scene): Promise<void> {
	const {webhook} = scene.harness.topology.queues;
	const dispatchers = await scene.harness.startRoles('webhook');
	await scene.harness.until(() => scene.harness.queued(webhook).length === 0);
	await stop(scene, dispatchers);
}

function rowOf({harness, webhook}: Scene, eventId: string): Promise<Delivery | undefined> {
	return harness.stores.deliveryStore.find(deliveryId(eventId, webhook.id));
}

test('an event that its engine tells again, since nobody answered it, is not posted again', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	await harness.startRoles('log');
	const told = {id: 'false_15550001111@c.us_3EB0', timestampMs: harness.clock.now()};
	const event = harness.eventOf(connection, told);
	await harness.publisher.event(event);
	await workOff(scene);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');

	// The gateway has forgotten what it had: it ended before it could answer.
	for (const waitMs of [4000, 60 * MINUTE_MS]) {
		await harness.wind(waitMs, 1000);
		const again = harness.eventOf(connection, told);
		t.is(again.id, event.id);
		await harness.publisher.event(again);
		await workOff(scene);
	}
	t.is(sink.deliveries.length, 1);
});

test('what lay in the broker for an hour is no repeat, and costs no look at rows', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	const events = Array.from({length: 30}, () => harness.eventOf(connection));
	for (const event of events) await harness.publisher.event(event);
	await harness.wind(60 * MINUTE_MS, MINUTE_MS);
	await workOff(scene);
	t.is(sink.deliveries.length, events.length);
	t.is(harness.storeFaults.calls('findMany'), 0);
});

test('an event that is handed back after an outage is not posted again where that was done and recorded', async (t) => {
	await using resources = new AsyncDisposableStack();
	const scene = await createScene(resources);
	const {harness, sink, connection} = scene;
	const slow = resources.use(await HeldSink.start());
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	await webhooks.create(connection, {url: slow.url, events: ['*'], concurrency: 1});
	await harness.startRoles('log');
	const first = await harness.startRoles('webhook');
	const [ahead, event] = [harness.eventOf(connection), harness.eventOf(connection)];
	await harness.publisher.event(ahead);
	await harness.until(() => slow.deliveries.length === 1);
	await harness.publisher.event(event);
	await harness.until(async () => (await rowOf(scene, event.id))?.state === 'delivered');
	await harness.wind(3000);
	harness.storeFaults.mode = 'away';
	slow.release();
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(10 * MINUTE_MS + 10_000, 5000);
	t.is(harness.queued(harness.topology.queues.webhook).length, 0, 'it was handed back');
	await stop(scene, first);

	harness.storeFaults.mode = 'working';
	await harness.startRoles('webhook');
	await harness.wind(2 * MINUTE_MS);
	await harness.until(() => slow.deliveries.length === 2);
	t.is(sink.deliveries.length, 2, 'each of the two events once');
});

for (const ordered of [false, 'chat'] as const) {
	test(`what another process delivered while it waited for its place here is not posted again (ordered: ${ordered})`, async (t) => {
		await using resources = new AsyncDisposableStack();
		const harness = resources.use(await DispatchHarness.create());
		const sink = resources.use(await HeldSink.start());
		const connection = await harness.createConnection();
		const webhooks = harness.container.resolve(TOKENS.webhooks);
		const {webhook} = await webhooks.create(connection, {url: sink.url, events: ['*'], concurrency: 1, ordered});
		await harness.clock.advance(SWITCH_DELAY_MS);
		await harness.startRoles('log', 'webhook');
		const [ahead, event] = [1, 2].map((chat) => harness.eventOf(connection, {payload: {id: `false_${chat}@c.us_A`}}));
		if (ahead === undefined || event === undefined) return t.fail('two events');
		await harness.publisher.event(ahead);
		await harness.until(() => sink.deliveries.length === 1);
		await harness.publisher.event(event);
		const rowId = deliveryId(event.id, webhook.id);
		await harness.until(async () => (await harness.stores.deliveryStore.find(rowId))?.state === 'queued');
		// It lost its broker for a moment, for all that anybody knows.
		const {userId, connectionId} = webhook;
		const of = {eventId: event.id, webhookId: webhook.id, userId, connectionId};
		await harness.stores.deliveryStore.record([sampleOutcome({...of, state: 'delivered'})]);
		sink.release();
		await harness.until(
			() =>
				[harness.topology.queues.webhook, ...harness.topology.queues.ordered].flatMap((queue) => harness.queued(queue))
					.length === 0,
		);
		t.is(sink.deliveries.length, 1);
	});
}
