import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {Supervisor} from '../../dispatchers/session/supervisor.ts';
import {DeliverySweeper} from '../../dispatchers/webhook/delivery-sweeper.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Delivery, DeliveryState} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleEvent, sampleOutcome, sampleWebhook} from '../support/samples.ts';
import {WebhookSink, type Answer} from '../support/webhook-sink.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** It works, but refuses this: not a reason to leave it alone. */
const refuse: Answer = (_, response) => response.writeHead(404).end();
const accept: Answer = (_, response) => response.end('ok');

interface Endpoint {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
}

/** An endpoint whose failed attempts wait for an hour; webhook and log dispatchers run. */
async function createEndpoint(resources: AsyncDisposableStack, answer: Answer = refuse): Promise<Endpoint> {
	const harness = resources.use(await DispatchHarness.create());
	const sink = resources.use(await WebhookSink.start());
	sink.answer = answer;
	const connection = await harness.createConnection();
	const webhook = sampleWebhook({
		userId: connection.userId,
		connectionId: connection.id,
		url: sink.url,
		events: ['*'],
		sealedSecret: harness.container.resolve(TOKENS.secretBox).seal('secret'),
		retryScheduleMs: [HOUR_MS, HOUR_MS],
		concurrency: 100,
	});
	await harness.stores.webhookStore.insert(webhook);
	await harness.startRoles('webhook', 'log');
	return {harness, sink, connection, webhook};
}

async function publish({harness, connection}: Endpoint, count: number): Promise<void> {
	await Promise.all(Array.from({length: count}, () => harness.publisher.event(harness.eventOf(connection))));
}

/** The rows, once so many of them are in these states. */
function rowsIn(
	{harness, webhook}: Endpoint,
	states: readonly DeliveryState[],
	count = 1,
): Promise<readonly Delivery[]> {
	return harness.until(async () => {
		const rows = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 2000, states});
		return rows.length === count && rows;
	}, 60_000);
}

async function purgeWaiting({harness}: Endpoint): Promise<number> {
	const {waiting} = harness;
	for (const {queue} of harness.topology.waitLevels) await harness.purge(queue);
	return waiting;
}

/** Whose deliveries never arrive. */
class LosingPublisher extends Publisher {
	override delivery(): Promise<void> {
		return Promise.resolve();
	}
}

function createSweeper(
	{clock, log, topology, container, stores}: DispatchHarness,
	publisher = container.resolve(TOKENS.publisher),
): DeliverySweeper {
	return new DeliverySweeper({
		deliveries: stores.deliveryStore,
		events: stores.eventStore,
		publisher,
		queues: [topology.queues.webhook, topology.queues.outcomes],
		clock,
		log,
	});
}

/** Time goes on while it sweeps: dispatchers are asked how far they are. */
async function sweep(harness: DispatchHarness, sweeper: DeliverySweeper): Promise<void> {
	let isDone = false;
	const sweeping = sweeper.sweep().finally(() => {
		isDone = true;
	});
	await Promise.all([sweeping, harness.until(() => isDone)]);
}

test('a wait queue that lost 1,000 waiting deliveries: the supervisor’s leader has all of them made, once each', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources);
	const {harness, sink} = endpoint;
	await publish(endpoint, 1000);
	await rowsIn(endpoint, ['waiting'], 1000);
	t.is(await purgeWaiting(endpoint), 1000);
	sink.answer = accept;
	sink.deliveries.length = 0;

	const sweeper = createSweeper(harness);
	const {leaseStore, connectionStore} = harness.stores;
	const {clock, log, publisher} = harness;
	const supervisors = [1, 2].map(() => {
		const chores = [{name: 'sweep', run: () => sweeper.sweep()}];
		return new Supervisor({
			...{leases: leaseStore, connections: connectionStore, publisher, clock, log, chores},
			retentionDays: 30,
		});
	});
	for (const supervisor of supervisors) supervisor.start();
	// More than the hour with its jitter.
	await harness.clock.advance(67 * MINUTE_MS);
	await harness.wind(10 * MINUTE_MS, 5000);
	const rows = await rowsIn(endpoint, ['delivered'], 1000);
	t.true(rows.every(({attempts, run}) => attempts === 2 && run === 1));
	t.is(sink.deliveries.length, 1000);
	t.is(new Set(sink.deliveries.map(({headers}) => headers['x-wahooks-delivery'])).size, 1000);
	t.true(sink.deliveries.every(({headers}) => headers['x-wahooks-attempt'] === '2'));
	t.deepEqual(harness.log.of('supervisor.chore.failed'), []);
	for (const supervisor of supervisors) await supervisor.stop();
});

test('parked deliveries that were lost arrive, too', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources, (_, response) => response.writeHead(503).end());
	const {harness, sink, webhook} = endpoint;
	await harness.stores.webhookStore.update(webhook.id, {concurrency: 2}, new Date());
	await publish(endpoint, 40);
	const parked = await harness.until(async () => {
		const rows = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 100});
		return rows.length === 40 && rows.some(({state}) => state === 'parked') && rows;
	});
	t.true(parked.every(({nextAttemptAt}) => nextAttemptAt !== null));
	await purgeWaiting(endpoint);
	sink.answer = accept;
	const sweeper = createSweeper(harness);
	await harness.until(async () => {
		await harness.wind(5 * MINUTE_MS, 5000);
		await sweep(harness, sweeper);
		const rows = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 100, states: ['delivered']});
		return rows.length === 40;
	}, 60_000);
	t.is(harness.waiting, 0);
});

test('the row of a delivery that is parked again and again says when it is due', async (t) => {
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources, (_, response) => response.writeHead(503).end());
	const {harness, webhook} = endpoint;
	await harness.stores.webhookStore.update(webhook.id, {concurrency: 2}, new Date());
	await publish(endpoint, 60);
	await harness.until(async () => {
		const rows = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 100});
		return rows.length === 60;
	});
	for (let round = 0; round < 10; round++) {
		await harness.wind(MINUTE_MS);
		// One of them may be under way at this moment: time flies for everything but the network.
		const parked = await harness.until(async () => {
			const rows = await harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 200, states: ['parked']});
			const late = rows.filter(({nextAttemptAt}) => (nextAttemptAt?.getTime() ?? 0) < harness.clock.now() - 5000);
			return late.length === 0 && rows.length;
		}, 3000);
		t.true(parked > 0);
	}
});

test('while a queue is behind, what is late counts as late and not as lost', async (t) => {
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await DispatchHarness.create());
	const outcome = sampleOutcome({nextAttemptAtMs: harness.clock.now()});
	await harness.stores.deliveryStore.record([outcome]);
	await harness.stores.eventStore.append([sampleEvent({id: outcome.eventId, userId: outcome.userId})]);
	await harness.clock.advance(11 * MINUTE_MS);
	const sweeper = createSweeper(harness);
	const before = await harness.stores.deliveryStore.find(outcome.deliveryId);
	await sweep(harness, sweeper);
	await harness.startRoles('webhook');
	await sweep(harness, sweeper);
	const {webhook, outcomes} = harness.topology.queues;
	t.deepEqual(
		harness.log.of('deliveries.sweep.postponed').map(({fields}) => fields['queue']),
		[webhook.name, outcomes.name],
	);
	t.deepEqual(await harness.stores.deliveryStore.find(outcome.deliveryId), before);

	await harness.startRoles('log');
	await sweep(harness, sweeper);
	await harness.until(async () => (await harness.stores.deliveryStore.find(outcome.deliveryId))?.state === 'skipped');
});

test('a message that was only late does not follow what was queued in its place', async (t) => {
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources);
	const {harness, sink} = endpoint;
	await publish(endpoint, 1);
	const [waiting] = await rowsIn(endpoint, ['waiting']);
	const queue = harness.topology.waitLevels.find((level) => harness.queued(level.queue).length > 0)?.queue;
	const headers = queue && harness.headersIn(queue)[0];
	const dueAtMs = waiting?.nextAttemptAt?.getTime();
	if (waiting === undefined || dueAtMs === undefined || headers === undefined) return t.fail();
	await purgeWaiting(endpoint);
	sink.answer = accept;
	await harness.clock.advance(dueAtMs + 11 * MINUTE_MS - harness.clock.now());
	const sweeper = createSweeper(harness);
	await sweep(harness, sweeper);
	await rowsIn(endpoint, ['delivered']);
	// It comes now, to a process that knows nothing of it.
	const event = await harness.stores.eventStore.find(waiting.eventId);
	await harness.startRoles('webhook');
	for (let count = 0; count < 5; count++) {
		await harness.publisher.direct(harness.topology.queues.webhook, {
			id: 'late',
			headers,
			body: Buffer.from(event?.body ?? ''),
		});
	}
	await harness.until(() => harness.queued(harness.topology.queues.webhook).length === 0);
	t.is(sink.deliveries.length, 2);
});

test('a message that was handed back after an outage does not follow what was queued in its place meanwhile', async (t) => {
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources);
	const {harness, sink} = endpoint;
	await publish(endpoint, 1);
	const [waiting] = await rowsIn(endpoint, ['waiting']);
	const dueAtMs = waiting?.nextAttemptAt?.getTime();
	if (waiting === undefined || dueAtMs === undefined) return t.fail();
	await harness.wind(dueAtMs - harness.clock.now() - 5000, 30_000);
	harness.storeFaults.mode = 'away';
	await harness.wind(10 * MINUTE_MS + 10_000, 1000);
	const handedBack = harness.topology.waitLevels.flatMap(({queue}) => harness.headersIn(queue));
	t.is(handedBack.length, 1);
	t.is(sink.deliveries.length, 1);

	let answer: () => void = () => undefined;
	sink.answer = (_, response) => {
		answer = () => response.end('ok');
	};
	harness.storeFaults.mode = 'working';
	await harness.wind(20_000);
	await sweep(harness, createSweeper(harness));
	await harness.until(() => sink.deliveries.length === 2);
	// The one in the broker, and what another process would get: it knows nothing of the attempt that is under way.
	await harness.startRoles('webhook');
	const event = await harness.stores.eventStore.find(waiting.eventId);
	for (let count = 0; count < 5; count++) {
		await harness.publisher.direct(harness.topology.queues.webhook, {
			id: 'handed back',
			headers: {...handedBack[0], dueAt: harness.clock.now()},
			body: Buffer.from(event?.body ?? ''),
		});
	}
	const {webhook} = harness.topology.queues;
	await harness.until(() => harness.queued(webhook).length === 1 || sink.deliveries.length > 2);
	t.is(sink.deliveries.length, 2);
	answer();
	t.like((await rowsIn(endpoint, ['delivered']))[0], {attempts: 2});
	await harness.wind(MINUTE_MS);
	t.is(harness.waiting, 0);
	t.is(sink.deliveries.length, 2);
});

test('one sweep queues a delivery once, and the next one not before ten minutes have passed', async (t) => {
	await using resources = new AsyncDisposableStack();
	const endpoint = await createEndpoint(resources);
	const {harness, sink} = endpoint;
	await publish(endpoint, 1);
	const [waiting] = await rowsIn(endpoint, ['waiting']);
	await purgeWaiting(endpoint);
	await harness.clock.advance((waiting?.nextAttemptAt?.getTime() ?? 0) + 11 * MINUTE_MS - harness.clock.now());
	const sweeper = createSweeper(harness);
	await sweep(harness, createSweeper(harness, new LosingPublisher(harness)));
	t.is(harness.log.of('deliveries.swept').length, 1);
	await sweep(harness, sweeper);
	await harness.clock.advance(9 * MINUTE_MS);
	await sweep(harness, sweeper);
	t.is(harness.log.of('deliveries.swept').length, 1);
	sink.answer = accept;
	await harness.clock.advance(2 * MINUTE_MS);
	await sweep(harness, sweeper);
	t.like((await rowsIn(endpoint, ['delivered']))[0], {attempts: 2});
	t.is(sink.deliveries.length, 2);
});

test('a delivery whose event the log does not have is left alone for a day, then dead', async (t) => {
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await DispatchHarness.create());
	await harness.startRoles('webhook', 'log');
	const nowMs = harness.clock.now();
	const young = sampleOutcome({firstAtMs: nowMs, nextAttemptAtMs: nowMs});
	const old = sampleOutcome({firstAtMs: nowMs - 24 * HOUR_MS, nextAttemptAtMs: nowMs});
	await harness.stores.deliveryStore.record([young, old]);
	await harness.clock.advance(11 * MINUTE_MS);
	await sweep(harness, createSweeper(harness));
	t.like(await harness.stores.deliveryStore.find(young.deliveryId), {state: 'waiting'});
	t.like(await harness.stores.deliveryStore.find(old.deliveryId), {
		state: 'dead',
		reason: 'its event is not in the log any more',
		lastStatus: 503,
	});
});
