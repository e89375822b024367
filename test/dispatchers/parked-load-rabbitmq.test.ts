import {connect} from 'amqplib';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {requireServices} from '../support/services.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const {test, urls} = await requireServices('rabbitmq');

const PARKED = 100_000;
const HALF_AN_HOUR_MS = 30 * 60_000;

/** Those that come due in a second, of 100,000 that come back every half an hour: see parked-load.test.ts. */
const DUE_PER_SECOND = 56;

/** Messages on their way to the broker at once. */
const WINDOW = 2000;

const EVENTS = 1500;

/** Healthy endpoints, with room for all their events at once. */
const HEALTHY = 20;
const ROUNDS = 3;

/** Publishes this many events to the healthy endpoints. Resolves to how long it took until all had arrived, in milliseconds. */
async function deliver(
	harness: LiveDispatchHarness,
	connections: readonly Connection[],
	sink: WebhookSink,
): Promise<number> {
	sink.deliveries.length = 0;
	const rounds = Array.from({length: EVENTS / HEALTHY}, () => connections);
	const events = rounds.flat().map((connection) => harness.eventOf(connection));
	const startedAtMs = performance.now();
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	await eventually(() => sink.deliveries.length === EVENTS, 60_000);
	return performance.now() - startedAtMs;
}

/** The best of some rounds: what else the machine does is no news. */
async function bestOf(round: () => Promise<number>): Promise<number> {
	const times: number[] = [];
	for (let count = 0; count < ROUNDS; count++) times.push(await round());
	return Math.min(...times);
}

/** Lets deliveries of one webhook wait in the broker, as parked ones do, each until a moment of its own. */
async function park(
	harness: LiveDispatchHarness,
	connection: Connection,
	webhook: Webhook,
	dues: readonly number[],
): Promise<void> {
	const firstAtMs = harness.clock.now();
	for (let from = 0; from < dues.length; from += WINDOW) {
		await Promise.all(
			dues.slice(from, from + WINDOW).map((dueAtMs) => {
				const event = harness.eventOf(connection, 'x');
				const task = {event, webhookId: webhook.id, run: 1, attempt: 0, firstAtMs, parked: 6};
				return harness.publisher.delivery(task, dueAtMs);
			}),
		);
	}
}

async function messagesIn(queue: string): Promise<number> {
	const connection = await connect(urls.rabbitmq);
	try {
		const channel = await connection.createChannel();
		return (await channel.checkQueue(queue)).messageCount;
	} finally {
		await connection.close();
	}
}

test('RabbitMQ: beside 100,000 parked deliveries of a dead endpoint, healthy ones are delivered as fast as without', async (t) => {
	t.timeout(180_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq}));
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const sink = resources.use(await WebhookSink.start());
	const healthy = await Promise.all(Array.from({length: HEALTHY}, () => harness.createConnection()));
	for (const one of healthy) await webhooks.create(one, {url: sink.url, events: ['*'], concurrency: 100});
	const connection = await harness.createConnection();
	// Nothing listens there.
	const {webhook} = await webhooks.create(connection, {url: 'http://127.0.0.1:9/', events: ['*']});
	await harness.startRoles('webhook', 'log');
	await deliver(harness, healthy, sink);
	const aloneMs = await bestOf(() => deliver(harness, healthy, sink));

	const level = harness.topology.waitLevels.find(({delayMs}) => delayMs === HALF_AN_HOUR_MS);
	if (level === undefined) return t.fail('there is no level of half an hour');
	const dueAtMs = harness.clock.now() + HALF_AN_HOUR_MS;
	const parkedUntilThen = Array.from({length: PARKED}, (_, index) => dueAtMs + index);
	await park(harness, connection, webhook, parkedUntilThen);
	t.is(await messagesIn(level.queue.name), PARKED);
	// Those of them whose half hour ends now, for as long as the rounds may take: due at their even distances.
	const startMs = harness.clock.now() + 1000;
	const comingBack = Array.from({length: DUE_PER_SECOND * 20}, (_, index) => startMs + (index * 1000) / DUE_PER_SECOND);
	await park(harness, connection, webhook, comingBack);

	const besideMs = await bestOf(() => deliver(harness, healthy, sink));
	t.log(`${EVENTS} events: ${Math.round(aloneMs)} ms alone, ${Math.round(besideMs)} ms beside ${PARKED} parked`);
	t.true(besideMs <= aloneMs * 3, `${Math.round(aloneMs)} ms and ${Math.round(besideMs)} ms`);
	// All that came back waits again, each for half an hour, in one message; those that opened the breaker were attempts.
	const expected = PARKED + comingBack.length;
	await eventually(async () => (await messagesIn(level.queue.name)) >= expected - 40, 60_000);
	const attempts = harness.log.of('delivery.attempted').filter(({fields}) => fields['webhookId'] === webhook.id);
	t.true(attempts.length <= 40, `${attempts.length} attempts`);
});
