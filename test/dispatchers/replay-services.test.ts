import {TOKENS} from '../../config/tokens.ts';
import {isOver} from '../../domain/jobs/job.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {sampleEvent, sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const HOUR_MS = 3_600_000;
const EVENTS = 1050;

const {test, urls} = await requireServices('rabbitmq', 'mongodb');

test('RabbitMQ and MongoDB: two processes, of which one stops in the middle, replay 1,050 events, each once', async (t) => {
	t.timeout(180_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq, mongodbUrl: urls.mongodb}));
	const {stores, container, publisher} = harness;
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const {userId, id: connectionId} = connection;
	const sealedSecret = container.resolve(TOKENS.secretBox).seal('secret');
	const webhook = sampleWebhook({userId, connectionId, url: sink.url, sealedSecret, concurrency: 100});
	await stores.webhookStore.insert(webhook);
	const startMs = Date.now() - 2 * HOUR_MS;
	const events = Array.from({length: EVENTS}, (_, index) =>
		sampleEvent({userId, connectionId, receivedAtMs: startMs + Math.floor(index / 450), timestampMs: startMs}),
	);
	for (let start = 0; start < EVENTS; start += 350) await stores.eventStore.append(events.slice(start, start + 350));
	await harness.startRoles('webhook', 'log');
	const first = await harness.startRoles('supervisor');
	await harness.startRoles('supervisor');

	const range = {from: new Date(startMs), to: new Date(startMs + HOUR_MS)};
	const {job} = await container.resolve(TOKENS.jobs).replay(webhook, range);
	for (let copy = 0; copy < 3; copy++) await publisher.job({jobId: job.id, turn: 1});
	await eventually(() => sink.deliveries.length >= 200, 60_000);
	await Promise.all(first.map((dispatcher) => dispatcher.stop()));
	const end = await eventually(async () => {
		const current = await stores.jobStore.find(job.id);
		return current !== undefined && isOver(current) && current;
	}, 120_000);
	t.like(end, {state: 'done', total: EVENTS, done: EVENTS, failed: 0});
	const received = sink.deliveries.map(({headers}) => headers['x-wahooks-event-id']);
	t.is(new Set(received).size, EVENTS);
	t.is(received.length, EVENTS);
});
