import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {WebhookSink, type Answer} from '../support/webhook-sink.ts';

interface Endpoint {
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
}

async function createEndpoint(
	harness: DispatchHarness,
	resources: AsyncDisposableStack,
	answer?: Answer,
): Promise<Endpoint> {
	const sink = resources.use(await WebhookSink.start());
	if (answer !== undefined) sink.answer = answer;
	const connection = await harness.createConnection();
	const {webhook} = await harness.container.resolve(TOKENS.webhooks).create(connection, {url: sink.url, events: ['*']});
	return {sink, connection, webhook};
}

async function publish(harness: DispatchHarness, {connection}: Endpoint, count: number): Promise<void> {
	await Promise.all(Array.from({length: count}, () => harness.publisher.event(harness.eventOf(connection))));
}

function rowsOf(harness: DispatchHarness, {webhook}: Endpoint): Promise<readonly Delivery[]> {
	return harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 5000});
}

/** The deliveries that a receiver got, each once. */
function distinct({sink}: Endpoint): number {
	return new Set(sink.deliveries.map(({headers}) => headers['x-wahooks-delivery'])).size;
}

test('more events than fit in hand for an endpoint that hangs: others notice nothing, and it gets all of them when it is back', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await DispatchHarness.create());
	const hanging = await createEndpoint(harness, resources, () => undefined);
	const healthy = await createEndpoint(harness, resources);
	await harness.startRoles('webhook', 'log');
	await publish(harness, hanging, 1500);
	await publish(harness, healthy, 50);

	await harness.until(() => healthy.sink.deliveries.length === 50);
	t.is(hanging.sink.deliveries.length, 10, 'ten at once, and none has come to its deadline yet');
	const parked = await harness.until(async () => {
		const rows = await rowsOf(harness, hanging);
		return rows.length >= 900 && rows;
	});
	t.deepEqual(new Set(parked.map(({state, attempts}) => `${state} ${attempts}`)), new Set(['parked 0']));

	hanging.sink.answer = (_, response) => response.end('ok');
	await harness.until(async () => {
		await harness.wind(5000);
		return distinct(hanging) === 1500;
	}, 90_000);
	t.is(healthy.sink.deliveries.length, 50);
});

test('an endpoint that only fails is left alone: its deliveries are parked without counting an attempt, and follow when it is back', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await DispatchHarness.create());
	const failing = await createEndpoint(harness, resources, (_, response) => response.writeHead(503).end());
	await harness.startRoles('webhook', 'log');
	await publish(harness, failing, 200);
	const rows = await harness.until(async () => {
		const all = await rowsOf(harness, failing);
		return all.length === 200 && all;
	});
	t.true(failing.sink.deliveries.length < 30, `${failing.sink.deliveries.length} attempts until it was spared`);
	t.is(
		rows.filter(({state, attempts}) => state === 'parked' && attempts === 0).length,
		200 - failing.sink.deliveries.length,
	);

	failing.sink.answer = (_, response) => response.end('ok');
	const delivered = await harness.until(async () => {
		await harness.wind(5000);
		const all = await rowsOf(harness, failing);
		return all.every(({state}) => state === 'delivered') && all;
	}, 90_000);
	t.true(delivered.every(({attempts}) => attempts <= 2));
});
