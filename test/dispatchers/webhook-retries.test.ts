import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import {newSigningSecret, type Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {isSigned, WebhookSink, type Answer} from '../support/webhook-sink.ts';

const fail: Answer = (_, response) => response.writeHead(500).end('out of order');
const succeed: Answer = (_, response) => response.end('ok');

const MINUTE_MS = 60_000;

/** More than the first delay of the schedule with its jitter. */
const FIRST_DELAY_MS = 7000;

interface Retrying {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
	readonly secret: string;
	/** The delivery's row, once it says this. */
	readonly delivery: (expected: Partial<Delivery>) => Promise<Delivery>;
}

/** A webhook whose first attempt has failed and whose second one waits. */
async function startRetrying(
	resources: AsyncDisposableStack,
	{changes = {}, answer = fail}: {changes?: Partial<Webhook>; answer?: Answer} = {},
): Promise<Retrying> {
	const harness = resources.use(await DispatchHarness.create());
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const secret = newSigningSecret();
	const webhook = sampleWebhook({
		userId: connection.userId,
		connectionId: connection.id,
		url: sink.url,
		events: ['*'],
		sealedSecret: harness.container.resolve(TOKENS.secretBox).seal(secret),
		...changes,
	});
	await harness.stores.webhookStore.insert(webhook);
	sink.answer = answer;
	await harness.startRoles('webhook', 'log');
	await harness.publisher.event(harness.eventOf(connection));
	const delivery = (expected: Partial<Delivery>): Promise<Delivery> =>
		harness.until(async () => {
			const [row] = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 10});
			if (row === undefined) return false;
			return Object.entries(expected).every(([key, value]) => row[key as keyof Delivery] === value) && row;
		});
	await delivery({state: 'waiting', attempts: 1});
	return {harness, sink, connection, webhook, secret, delivery};
}

test('500, then 200: two attempts of one delivery, numbered, each signed anew', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, secret, delivery} = await startRetrying(resources);
	const waiting = await delivery({state: 'waiting', lastStatus: 500, lastError: 'HTTP 500'});
	const inMs = (waiting.nextAttemptAt?.getTime() ?? 0) - harness.clock.now();
	t.true(inMs > 4000 && inMs <= 5500, `${inMs} ms`);
	t.is(harness.waiting, 1);

	sink.answer = succeed;
	await harness.clock.advance(FIRST_DELAY_MS);
	const delivered = await delivery({state: 'delivered', attempts: 2, lastStatus: 200, nextAttemptAt: null});
	t.is(sink.deliveries.length, 2);
	const [first, second] = sink.deliveries;
	t.is(first?.body, second?.body);
	for (const [index, received] of sink.deliveries.entries()) {
		t.true(isSigned(received, secret));
		t.like(received.headers, {
			'x-wahooks-delivery': delivered.id,
			'webhook-id': delivered.id,
			'x-wahooks-attempt': String(index + 1),
		});
	}
	t.not(first?.headers['x-wahooks-timestamp'], second?.headers['x-wahooks-timestamp']);
	const attempts = await harness.stores.deliveryStore.listAttempts(delivered.id);
	t.deepEqual(
		attempts.map(({attempt, state, result}) => [attempt, state, result?.status, result?.answer]),
		[
			[1, 'waiting', 500, 'out of order'],
			[2, 'delivered', 200, 'ok'],
		],
	);
});

test('a deleted webhook gets nothing more: its waiting attempt is skipped', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, webhook, delivery} = await startRetrying(resources);
	await harness.container.resolve(TOKENS.webhooks).remove(webhook);
	await harness.clock.advance(FIRST_DELAY_MS);
	await delivery({state: 'skipped', attempts: 1, reason: 'the webhook was deleted'});
	t.is(sink.deliveries.length, 1);
	t.is(harness.waiting, 0);
});

test('a webhook that was switched off meanwhile is skipped, with why', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, webhook, delivery} = await startRetrying(resources);
	await harness.stores.webhookStore.disable(webhook.id, 'failing for 5 days', new Date());
	await harness.clock.advance(FIRST_DELAY_MS);
	await delivery({state: 'skipped', attempts: 1, reason: 'the webhook is disabled: failing for 5 days'});
	t.is(sink.deliveries.length, 1);
});

test('the next attempt goes to the URL as it is then', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, webhook, secret, delivery} = await startRetrying(resources);
	const moved = resources.use(await WebhookSink.start());
	await harness.container.resolve(TOKENS.webhooks).update(webhook, {url: moved.url});
	await harness.clock.advance(FIRST_DELAY_MS);
	await delivery({state: 'delivered', attempts: 2});
	t.is(sink.deliveries.length, 1);
	t.is(moved.deliveries.length, 1);
	t.true(moved.deliveries[0] !== undefined && isSigned(moved.deliveries[0], secret));
});

test('the next attempt is signed with the secret as it is then', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, webhook, secret, delivery} = await startRetrying(resources);
	const changed = newSigningSecret();
	const sealed = harness.container.resolve(TOKENS.secretBox).seal(changed);
	await harness.alter('UPDATE webhooks SET sealedSecret = ? WHERE id = ?', sealed, webhook.id);
	sink.answer = succeed;
	await harness.clock.advance(FIRST_DELAY_MS);
	await delivery({state: 'delivered', attempts: 2});
	const [first, second] = sink.deliveries;
	t.true(first !== undefined && isSigned(first, secret) && !isSigned(first, changed));
	t.true(second !== undefined && isSigned(second, changed) && !isSigned(second, secret));
});

test('a delivery is dead, and kept, when its schedule is used up', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, delivery} = await startRetrying(resources, {changes: {retryScheduleMs: [2000, 10_000]}});
	await harness.clock.advance(3500);
	await delivery({state: 'waiting', attempts: 2});
	await harness.clock.advance(12_500);
	const dead = await delivery({state: 'dead', attempts: 3, reason: 'all 3 attempts failed', nextAttemptAt: null});
	t.is(sink.deliveries.length, 3);
	t.is(harness.waiting, 0);
	t.is((await harness.stores.deliveryStore.listAttempts(dead.id)).length, 3);
});

test('the receiver may ask for more time than the schedule gives', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, delivery} = await startRetrying(resources, {
		answer: (_, response) => response.writeHead(503, {'retry-after': '90'}).end(),
	});
	await harness.wind(85_000);
	t.is(sink.deliveries.length, 1);
	sink.answer = succeed;
	await harness.wind(10_000);
	await delivery({state: 'delivered', attempts: 2});
	t.is(sink.deliveries.length, 2);
});

test('a receiver that asks for more time than the delivery has gets what there is, and all attempts', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, delivery} = await startRetrying(resources, {
		changes: {retryScheduleMs: [5000, 60_000]},
		answer: (_, response) => response.writeHead(503, {'retry-after': '7200'}).end(),
	});
	await harness.wind(30 * MINUTE_MS, 5000);
	t.is(sink.deliveries.length, 1);
	await harness.wind(2 * MINUTE_MS, 1000);
	await delivery({state: 'waiting', attempts: 2, lastStatus: 503});
	sink.answer = succeed;
	await harness.wind(MINUTE_MS + 10_000, 1000);
	await delivery({state: 'delivered', attempts: 3});
	t.is(sink.deliveries.length, 3);
});

test('an attempt that comes due while the store is away is made once when it is back', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, delivery} = await startRetrying(resources);
	sink.answer = succeed;
	harness.storeFaults.mode = 'away';
	await harness.wind(5 * 60_000);
	t.is(sink.deliveries.length, 1);
	harness.storeFaults.mode = 'working';
	await harness.clock.advance(10_000);
	await delivery({state: 'delivered', attempts: 2});
	t.is(sink.deliveries.length, 2);
});

test('waiting attempts need no log dispatcher: what became of them is recorded when one comes', async (t) => {
	await using harness = await DispatchHarness.create();
	await using sink = await WebhookSink.start();
	sink.answer = fail;
	const connection = await harness.createConnection();
	const {webhook} = await harness.container.resolve(TOKENS.webhooks).create(connection, {url: sink.url, events: ['*']});
	await harness.startRoles('webhook');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => harness.queued(harness.topology.queues.outcomes).length === 1);
	sink.answer = succeed;
	await harness.clock.advance(FIRST_DELAY_MS);
	await harness.until(() => harness.queued(harness.topology.queues.outcomes).length === 2);
	await harness.startRoles('log');
	const row = await harness.until(async () => {
		const [delivery] = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 10});
		return delivery?.state === 'delivered' && delivery;
	});
	t.is(row.attempts, 2);
	t.is((await harness.stores.deliveryStore.listAttempts(row.id)).length, 2);
});
