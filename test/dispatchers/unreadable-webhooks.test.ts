import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

/** As if it was sealed with another key. */
const SEALED = 'v1.c2VhbGVkIHdpdGggYW5vdGhlciBrZXksIGxvbmcgYWdv';
const REASON = /^the secret or the headers of the webhook cannot be read: rotate its secret/;

async function insert(
	{stores, container}: DispatchHarness,
	{userId, id: connectionId}: Connection,
	changes: Partial<Webhook>,
): Promise<Webhook> {
	const sealedSecret = container.resolve(TOKENS.secretBox).seal('secret');
	const webhook = sampleWebhook({userId, connectionId, events: ['*'], sealedSecret, ...changes});
	await stores.webhookStore.insert(webhook);
	return webhook;
}

function endOf(harness: DispatchHarness, id: string): Promise<Delivery> {
	return harness.until(async () => {
		const delivery = await harness.stores.deliveryStore.find(id);
		return delivery?.state === 'skipped' || delivery?.state === 'delivered' ? delivery : false;
	});
}

test('a webhook whose secret or headers cannot be opened gets nothing and a row that says why; the others get theirs', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const good = await insert(harness, connection, {url: sink.url});
	const until = new Date(harness.clock.now() + 3_600_000);
	const bad = [
		await insert(harness, connection, {url: sink.url, sealedSecret: SEALED}),
		await insert(harness, connection, {url: sink.url, sealedSecret: 'nonsense'}),
		await insert(harness, connection, {url: sink.url, sealedHeaders: SEALED}),
		await insert(harness, connection, {url: sink.url, previousSecret: {sealed: SEALED, until}}),
	];
	await harness.startRoles('webhook', 'log');
	for (const event of [harness.eventOf(connection), harness.eventOf(connection)]) {
		await harness.publisher.event(event);
		t.is((await endOf(harness, deliveryId(event.id, good.id))).state, 'delivered');
		for (const {id} of bad) {
			const {state, reason, attempts} = await endOf(harness, deliveryId(event.id, id));
			t.like({state, attempts}, {state: 'skipped', attempts: 0});
			t.regex(reason ?? '', REASON);
		}
	}
	t.is(sink.deliveries.length, 2);
	t.true(sink.deliveries.every((delivery) => isSigned(delivery, 'secret')));
	t.deepEqual(
		harness.log
			.of('webhook.unreadable')
			.map(({fields}) => (fields as {webhookId: string}).webhookId)
			.toSorted(),
		bad.map(({id}) => id).toSorted(),
		'one line for each',
	);
	t.deepEqual(await harness.deadLetters(), []);
});

test('not even a test event goes out unsigned; a new secret mends it', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const connection = await harness.createConnection();
	const webhook = await insert(harness, connection, {url: sink.url, sealedSecret: SEALED});
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	await harness.startRoles('webhook', 'log');
	t.like(await endOf(harness, await webhooks.test(webhook)), {state: 'skipped'});
	t.deepEqual(sink.deliveries, []);

	const owned = await webhooks.rotateSecret(webhook, 24);
	t.is(owned.previousSecretUntil, null, 'what cannot be opened does not sign any more');
	const event = harness.eventOf(connection);
	await harness.publisher.event(event);
	t.like(await endOf(harness, deliveryId(event.id, webhook.id)), {state: 'delivered'});
	t.true(sink.deliveries.every((delivery) => isSigned(delivery, owned.signingSecret)));
});

test('an ordered webhook that cannot be opened does not hold up its chat, its log or other tenants', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	const [connection, other] = [await harness.createConnection(), await harness.createConnection()];
	const orderSwitchesMs = [harness.clock.now() - SWITCH_DELAY_MS];
	const bad = await insert(harness, connection, {url: sink.url, orderSwitchesMs, sealedSecret: SEALED});
	const good = await insert(harness, other, {url: sink.url, orderSwitchesMs});
	await harness.startRoles('webhook', 'log');
	const events = [1, 2, 3].flatMap(() => [harness.eventOf(connection), harness.eventOf(other)]);
	const before = harness.storeFaults.calls('append');
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	for (const event of events) {
		const isBad = event.connectionId === connection.id;
		const delivery = await endOf(harness, deliveryId(event.id, isBad ? bad.id : good.id));
		t.is(delivery.state, isBad ? 'skipped' : 'delivered');
	}
	t.is((await harness.stores.eventStore.listAfter(connection.userId, 0, 10)).length, 3);
	t.true(harness.storeFaults.calls('append') - before < events.length, 'they are not written one by one');
	t.is(sink.deliveries.length, 3);
});
