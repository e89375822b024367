import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {OwnedWebhook} from '../../domain/webhooks/webhooks.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

function createWebhook(
	harness: DispatchHarness,
	connection: Connection,
	url: string,
	events: readonly string[] = ['*'],
): Promise<OwnedWebhook> {
	return harness.container.resolve(TOKENS.webhooks).create(connection, {url, events});
}

/** The webhook's deliveries, once there are `count` that have left `queued`. */
function deliveriesOf(harness: DispatchHarness, {webhook}: OwnedWebhook, count = 1): Promise<readonly Delivery[]> {
	return harness.until(async () => {
		const deliveries = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 10});
		return deliveries.length >= count && deliveries.every(({state}) => state !== 'queued') && deliveries;
	});
}

test('an event goes to all webhooks that want it at once, signed, with the bytes that were published', async (t) => {
	await using harness = await DispatchHarness.create();
	await using slow = await WebhookSink.start();
	await using fast = await WebhookSink.start();
	await using other = await WebhookSink.start();
	const connection = await harness.createConnection();
	const {userId} = connection;
	const all = await createWebhook(harness, connection, slow.url);
	const some = await createWebhook(harness, connection, fast.url, ['session.status', 'message']);
	const ofUser = await createWebhook(harness, {...connection, id: null as unknown as string}, fast.url, ['message']);
	await createWebhook(harness, connection, other.url, ['message.any', 'messages']);
	await createWebhook(harness, await harness.createConnection({userId}), other.url);
	await createWebhook(harness, await harness.createConnection(), other.url);
	await createWebhook(harness, {...(await harness.createConnection()), id: null as unknown as string}, other.url);
	// The first answers only when the others have been asked.
	const asked = Promise.withResolvers<undefined>();
	slow.answer = (_, response) => void asked.promise.then(() => response.end());
	await harness.startRoles('webhook', 'log');
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	await harness.until(() => fast.deliveries.length === 2);
	asked.resolve(undefined);

	for (const owned of [all, some, ofUser]) {
		const {webhook, signingSecret} = owned;
		const [delivery] = await deliveriesOf(harness, owned);
		t.like(delivery, {id: deliveryId(event.id, webhook.id), state: 'delivered', attempts: 1, lastStatus: 200});
		const received = [...slow.deliveries, ...fast.deliveries].find(
			({headers}) => headers['x-wahooks-delivery'] === delivery?.id,
		);
		t.is(received?.body, event.body.toString());
		t.true(received !== undefined && isSigned(received, signingSecret));
		t.like(received?.headers, {
			'content-type': 'application/json',
			'x-wahooks-event': 'message',
			'x-wahooks-event-id': event.id,
			'x-wahooks-attempt': '1',
			'webhook-id': delivery?.id,
		});
	}
	t.is(slow.deliveries.length + fast.deliveries.length, 3);
	t.is(other.deliveries.length, 0);
});

test('a webhook that is off leaves a row that says why, and gets nothing', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const inactive = await createWebhook(harness, connection, sink.url);
	const disabled = await createWebhook(harness, connection, sink.url);
	await harness.container.resolve(TOKENS.webhooks).update(inactive.webhook, {active: false});
	await harness.stores.webhookStore.disable(disabled.webhook.id, 'failing for 5 days', new Date());
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	const skipped = {state: 'skipped', attempts: 0, lastStatus: null};
	t.like((await deliveriesOf(harness, inactive))[0], {...skipped, reason: 'the webhook is inactive'});
	t.like((await deliveriesOf(harness, disabled))[0], {
		...skipped,
		reason: 'the webhook is disabled: failing for 5 days',
	});
	t.is(sink.deliveries.length, 0);
});

test('410 switches the webhook off: this delivery is dead, the next event is skipped with the reason', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	sink.answer = (_, response) => response.writeHead(410).end('moved away');
	const connection = await harness.createConnection();
	const owned = await createWebhook(harness, connection, sink.url);
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	const [first] = await deliveriesOf(harness, owned);
	t.like(first, {state: 'dead', attempts: 1, lastStatus: 410, reason: 'the receiver answered 410 Gone'});
	t.like(await harness.stores.webhookStore.find(owned.webhook.id), {
		active: false,
		disabledReason: 'the receiver answered 410 Gone',
	});

	await harness.publisher.event(harness.eventOf(connection));
	const deliveries = await deliveriesOf(harness, owned, 2);
	t.like(
		deliveries.find(({id}) => id !== first?.id),
		{state: 'skipped', reason: 'the webhook is disabled: the receiver answered 410 Gone'},
	);
	t.is(sink.deliveries.length, 1);
	t.is(harness.waiting, 0);
});

test('a receiver that hangs holds up nobody else, and is given up after the deadline of the whole exchange', async (t) => {
	await using harness = await DispatchHarness.create();
	await using hanging = await WebhookSink.start();
	await using healthy = await WebhookSink.start();
	hanging.answer = (_, response) => response.writeHead(200).write('never ending');
	const connection = await harness.createConnection();
	const stuck = await createWebhook(harness, connection, hanging.url);
	const fine = await createWebhook(harness, await harness.createConnection({userId: connection.userId}), healthy.url);
	const neighbour = {...connection, id: fine.webhook.connectionId ?? ''};
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => hanging.deliveries.length === 1);
	const startMs = harness.clock.now();
	for (let count = 0; count < 5; count++) await harness.publisher.event(harness.eventOf(neighbour));
	t.is((await deliveriesOf(harness, fine, 5)).filter(({state}) => state === 'delivered').length, 5);
	t.true(harness.clock.now() - startMs < 5000);

	await harness.clock.advance(15_000);
	t.like((await deliveriesOf(harness, stuck))[0], {
		state: 'waiting',
		attempts: 1,
		lastStatus: null,
		lastError: 'No complete answer within 15000 ms',
	});
});

test('an event that comes twice is posted once', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const owned = await createWebhook(harness, connection, sink.url);
	await harness.startRoles('webhook', 'log');
	const event = harness.eventOf(connection);
	await Promise.all([harness.publisher.event(event), harness.publisher.event(event)]);
	await deliveriesOf(harness, owned);
	await harness.publisher.event(event);
	await harness.until(() => harness.queued(harness.topology.queues.webhook).length === 0);
	t.is(sink.deliveries.length, 1);
	t.is((await deliveriesOf(harness, owned)).length, 1);
});

test('outcomes and next attempts that could not be published cost no receiver a second POST', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	await using failing = await WebhookSink.start();
	// Both answers find the broker gone.
	sink.answer = (_, response) => {
		harness.broker.mode = 'away';
		response.end();
	};
	failing.answer = (_, response) => {
		harness.broker.mode = 'away';
		response.writeHead(500).end();
	};
	const connection = await harness.createConnection();
	const delivered = await createWebhook(harness, connection, sink.url);
	const waiting = await createWebhook(harness, connection, failing.url);
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	t.is(harness.queued(harness.topology.queues.webhook).length, 1, 'not acked');

	failing.answer = (_, response) => response.writeHead(500).end();
	harness.broker.mode = 'working';
	await harness.clock.advance(1000);
	t.like((await deliveriesOf(harness, delivered))[0], {state: 'delivered', attempts: 1});
	t.like((await deliveriesOf(harness, waiting))[0], {state: 'waiting', attempts: 1});
	t.is(sink.deliveries.length, 1);
	t.is(failing.deliveries.length, 1, 'the attempt was made, though its next one found no broker');
	t.is(harness.waiting, 1);
});

test('while the store is away an event waits for its webhooks, and is posted once when it is back', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const owned = await createWebhook(harness, connection, sink.url);
	harness.storeFaults.mode = 'away';
	await harness.startRoles('webhook');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.wind(5 * 60_000);
	t.is(harness.queued(harness.topology.queues.webhook).length, 1);
	harness.storeFaults.mode = 'working';
	await harness.startRoles('log');
	await harness.clock.advance(10_000);
	t.like((await deliveriesOf(harness, owned))[0], {state: 'delivered', attempts: 1});
	t.is(sink.deliveries.length, 1);
});

test('a change that nobody announced is followed within five seconds', async (t) => {
	await using harness = await DispatchHarness.create();
	await using before = await WebhookSink.start();
	await using afterwards = await WebhookSink.start();
	const connection = await harness.createConnection();
	const {webhook} = await createWebhook(harness, connection, before.url);
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => before.deliveries.length === 1);
	await harness.stores.webhookStore.update(webhook.id, {url: afterwards.url}, new Date());
	await harness.clock.advance(5000);
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => afterwards.deliveries.length === 1);
	t.is(before.deliveries.length, 1);
});

test('a test event goes to its own webhook, also to an inactive one, once, and is not tried again', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	await using other = await WebhookSink.start();
	sink.answer = (_, response) => response.writeHead(500).end();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const connection = await harness.createConnection();
	const owned = await createWebhook(harness, connection, sink.url, ['message']);
	await createWebhook(harness, connection, other.url);
	await webhooks.update(owned.webhook, {active: false});
	await harness.startRoles('webhook', 'log');
	const id = await webhooks.test(owned.webhook);
	const [delivery] = await deliveriesOf(harness, owned);
	t.like(delivery, {id, event: 'test', state: 'dead', attempts: 1, reason: 'a test event is sent once'});
	await harness.clock.advance(24 * 3_600_000);
	t.is(sink.deliveries.length, 1);
	t.true(sink.deliveries[0] !== undefined && isSigned(sink.deliveries[0], owned.signingSecret));
	t.is(other.deliveries.length, 0);
	t.is(harness.waiting, 0);
});

test('a test that could not be published leaves no row that would wait for ever', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const connection = await harness.createConnection();
	const {webhook} = await createWebhook(harness, connection, sink.url);
	harness.broker.mode = 'away';
	await t.throwsAsync(webhooks.test(webhook), {instanceOf: BrokerUnavailableError});
	t.deepEqual(await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 10}), []);
});

test('a test event whose webhook was deleted meanwhile leaves a row that says so', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const connection = await harness.createConnection();
	const owned = await createWebhook(harness, connection, sink.url);
	await webhooks.test(owned.webhook);
	await webhooks.remove(owned.webhook);
	await harness.startRoles('webhook', 'log');
	t.like((await deliveriesOf(harness, owned))[0], {state: 'skipped', reason: 'the webhook was deleted'});
	t.is(sink.deliveries.length, 0);
});

test('one webhook whose address is not allowed costs the others nothing', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const {userId, id: connectionId} = connection;
	const owned = await createWebhook(harness, connection, sink.url);
	const blocked = sampleWebhook({
		userId,
		connectionId,
		url: 'http://169.254.169.254/',
		sealedSecret: owned.webhook.sealedSecret,
		retryScheduleMs: [],
	});
	await harness.stores.webhookStore.insert(blocked);
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	t.like((await deliveriesOf(harness, owned))[0], {state: 'delivered'});
	t.like((await deliveriesOf(harness, {...owned, webhook: blocked}))[0], {
		state: 'dead',
		attempts: 1,
		reason: 'all 1 attempts failed',
		lastError: 'url must not point to a private or reserved address',
	});
});
