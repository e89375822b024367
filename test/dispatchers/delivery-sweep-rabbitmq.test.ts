import {randomBytes, randomUUID} from 'node:crypto';
import {join} from 'node:path';
import {connect} from 'amqplib';
import {connectRabbitMq} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {MemoryFanout} from '../../adapters/system/memory-fanout.ts';
import {MemoryRecentIds} from '../../adapters/system/memory-recent-ids.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createContainer} from '../../config/container.ts';
import {DataDirectory} from '../../config/data-dir.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import {loadConfig} from '../../config/env.ts';
import {TOKENS} from '../../config/tokens.ts';
import {createTopology} from '../../config/topology.ts';
import {DeliverySweeper} from '../../dispatchers/webhook/delivery-sweeper.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import {prepareEvent} from '../../domain/events/envelope.ts';
import {eventually} from '../support/eventually.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {sampleConnection, sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const HOUR_MS = 3_600_000;
const DELIVERIES = 1000;

const {test, urls} = await requireServices('rabbitmq');

/** The real time, and later when a test wants it to be. */
class LeapingClock extends SystemClock {
	aheadMs = 0;

	override now(): number {
		return super.now() + this.aheadMs;
	}
}

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
	const awake = setInterval(() => undefined, 1000);
	resources.defer(() => {
		clearInterval(awake);
	});
	const folder = resources.use(await createTemporaryFolder());
	const topology = createTopology(`sweep-${randomUUID().slice(0, 8)}`);
	resources.defer(() => removeTopology(urls.rabbitmq, topology));
	const clock = new LeapingClock();
	const log = new RecordingLogger();
	const path = join(folder.path, 'store.db');
	const stores = createSqliteStores(resources.use(new SqliteDatabase({path, migrations: STORE_MIGRATIONS})));
	const {broker, healthCheck} = await connectRabbitMq({url: urls.rabbitmq, topology, clock, log});
	resources.use(broker);
	const container = createContainer({
		config: loadConfig({
			INGESTION_SECRET: randomBytes(32).toString('hex'),
			ENCRYPTION_KEY: randomBytes(32).toString('hex'),
			WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
		}),
		version: '1.2.3',
		clock,
		log,
		topology,
		infrastructure: {
			broker,
			stores,
			fanout: resources.use(new MemoryFanout({log})),
			recentIds: new MemoryRecentIds({clock}),
			rateLimitStore: undefined,
			healthChecks: [healthCheck],
			retention: undefined,
		},
		dataDirectory: () => new DataDirectory(folder.path),
		resources,
	});
	const dispatchers = (['webhook', 'log'] as const).flatMap((role) => createDispatchers(role, container));
	for (const dispatcher of dispatchers) await dispatcher.start();
	resources.defer(async () => {
		await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
	});
	const sink = resources.use(await WebhookSink.start());
	sink.answer = (_, response) => response.writeHead(404).end();
	const connection = sampleConnection();
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
	const publisher = container.resolve(TOKENS.publisher);
	const owner = {userId: connection.userId, connectionId: connection.id};
	await Promise.all(
		Array.from({length: DELIVERIES}, (_, index) => {
			const upstream = {session: 's', event: 'message', id: `${index}`, timestampMs: clock.now(), payload: {index}};
			return publisher.event(prepareEvent(upstream, owner, 'https://gateway.example', clock.now()));
		}),
	);
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
