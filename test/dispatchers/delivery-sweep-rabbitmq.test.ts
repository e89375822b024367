import {connect} from 'amqplib';
import {TOKENS} from '../../config/tokens.ts';
import {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {DeliverySweeper} from '../../dispatchers/webhook/delivery-sweeper.ts';
import {ACK} from '../../domain/broker/disposition.ts';
import {dueAtMsOf} from '../../domain/broker/publisher.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const HOUR_MS = 3_600_000;
const DELIVERIES = 1000;

const {test, urls} = await requireServices('rabbitmq');

/** Empties all wait queues. Resolves to how many messages were in them. */
async function purgeWaiting(topology: Topology): Promise<number> {
	const connection = await connect(urls.rabbitmq);
	const channel = await connection.createChannel();
	let lost = 0;
	for (const {queue} of topology.waitLevels) lost += (await channel.purgeQueue(queue.name)).messageCount;
	await connection.close();
	return lost;
}

test('RabbitMQ: a wait queue that lost 1,000 waiting deliveries: all of them arrive, once each', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq}));
	const {clock, log, topology, stores, publisher, container} = harness;
	await harness.startRoles('webhook', 'log');
	const sink = resources.use(await WebhookSink.start());
	sink.answer = (_, response) => response.writeHead(404).end();
	const connection = await harness.createConnection();
	const webhook = sampleWebhook({
		userId: connection.userId,
		connectionId: connection.id,
		url: sink.url,
		events: ['*'],
		sealedSecret: container.resolve(TOKENS.secretBox).seal('secret'),
		retryScheduleMs: [HOUR_MS, HOUR_MS],
		concurrency: 100,
	});
	await stores.webhookStore.insert(webhook);
	const events = Array.from({length: DELIVERIES}, (_, index) => harness.eventOf(connection, {index}));
	await Promise.all(events.map((event) => publisher.event(event)));
	const count = async (state: 'waiting' | 'delivered'): Promise<number> =>
		(await stores.deliveryStore.listByWebhook(webhook.id, {limit: 2000, states: [state]})).length;
	await eventually(async () => (await count('waiting')) === DELIVERIES, 60_000);
	t.is(await purgeWaiting(topology), DELIVERIES);

	sink.answer = (_, response) => response.end('ok');
	sink.deliveries.length = 0;
	// The hour with its jitter, and the time after which they count as lost.
	clock.aheadMs = 1.3 * HOUR_MS;
	const sweeper = new DeliverySweeper({
		deliveries: stores.deliveryStore,
		events: stores.eventStore,
		publisher,
		queues: [topology.queues.webhook, topology.queues.outcomes],
		clock,
		log,
	});
	await eventually(async () => {
		await sweeper.sweep();
		return (await count('delivered')) === DELIVERIES;
	}, 60_000);
	t.is(sink.deliveries.length, DELIVERIES);
	t.true(sink.deliveries.every(({headers}) => headers['x-wahooks-attempt'] === '2'));
});

test('RabbitMQ: a message that was put off says when it was due before, by which it is told from what was queued in its place', async (t) => {
	await using harness = await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq});
	const {clock, log, topology, publisher, container} = harness;
	const queue = topology.queues.unresolved;
	const taken: (readonly [number, boolean])[] = [];
	const [broker, healthChecks] = [container.resolve(TOKENS.broker), container.resolve(TOKENS.healthChecks)];
	const dispatcher = new Dispatcher(
		{broker, publisher, clock, log, healthChecks},
		{
			queue,
			prefetch: 1,
			handle: (message) => {
				taken.push([dueAtMsOf(message), message.redelivered]);
				return Promise.resolve(taken.length < 3 ? {kind: 'retry', delayMs: 1000} : ACK);
			},
		},
	);
	await dispatcher.start();
	const dueAtMs = clock.now() + 1000;
	await publisher.later(queue, {id: 'late', headers: {}, body: Buffer.alloc(0)}, dueAtMs);
	await eventually(() => taken.length === 3);
	t.deepEqual(taken, [
		[dueAtMs, false],
		[dueAtMs, true],
		[dueAtMs, true],
	]);
	await dispatcher.stop();
});
