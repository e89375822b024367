import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {inspect} from 'node:util';
import {connect} from 'amqplib';
import test, {type ExecutionContext} from 'ava';
import {createConnection} from 'mongoose';
import {Webhook as StandardWebhook} from 'standardwebhooks';
import {TOKENS} from '../../config/tokens.ts';
import {allQueues, type Topology} from '../../domain/broker/topology.ts';
import {standardSecret} from '../../domain/webhooks/signing.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {requireServices} from '../support/services.ts';
import {WebhookSink, type ReceivedDelivery} from '../support/webhook-sink.ts';

const HEADER = 'Bearer planted-0123456789';
const HOUR_MS = 3_600_000;

const {test: servicesTest, urls} = await requireServices('rabbitmq', 'mongodb');

/** All bytes of a database of the embedded default, its write-ahead log included. */
function bytesOfFiles({folder}: LiveDispatchHarness, name: string): Buffer {
	const files = readdirSync(folder).filter((file) => file.startsWith(name));
	return Buffer.concat(files.map((file) => readFileSync(join(folder, file))));
}

/** All documents of a database, in clear and with what lies in them as bytes. */
async function bytesOfMongo(url: string): Promise<Buffer> {
	const connection = await createConnection(url).asPromise();
	try {
		const collections = await connection.listCollections();
		const documents = collections.map(({name}) => connection.collection(name).find().toArray());
		return Buffer.from(JSON.stringify(await Promise.all(documents)));
	} finally {
		await connection.destroy();
	}
}

/** All messages of all queues of a topology, with headers and properties. They stay where they are. */
async function bytesOfRabbitMq(
	topology: Topology,
): Promise<{readonly bytes: Buffer; readonly kinds: ReadonlySet<string>}> {
	const connection = await connect(urls.rabbitmq);
	const channel = await connection.createChannel();
	const parts: Buffer[] = [];
	const kinds = new Set<string>();
	// Broadcasts wait in queues that each process has for itself, and only for as long as it runs.
	for (const {name, kind} of allQueues(topology).filter((queue) => queue.kind !== 'broadcast')) {
		const {messageCount} = await channel.checkQueue(name);
		if (messageCount === 0) continue;
		kinds.add(kind);
		const all = Promise.withResolvers<undefined>();
		let seen = 0;
		// Not `get`, which queues with a single active consumer refuse.
		await channel.consume(name, (message) => {
			if (message === null) return;
			parts.push(message.content, Buffer.from(JSON.stringify([message.fields, message.properties])));
			if (++seen === messageCount) all.resolve(undefined);
		});
		await all.promise;
	}
	// Nothing was acknowledged: it all goes back.
	await connection.close();
	return {bytes: Buffer.concat(parts), kinds};
}

/** Every way in which a text might be written down. */
function formsOf(secret: string): readonly string[] {
	const bytes = Buffer.from(secret);
	return [
		secret,
		bytes.toString('base64').replace(/=+$/, ''),
		bytes.toString('base64url'),
		bytes.toString('hex'),
		JSON.stringify([...bytes]).slice(1, -1),
		...(/^[0-9a-f]+$/.test(secret) ? [Buffer.from(secret, 'hex').toString('latin1')] : []),
	];
}

function isIn(haystack: Buffer, needle: string): boolean {
	return haystack.includes(needle) || haystack.includes(Buffer.from(needle, 'latin1'));
}

async function keepsSecrets(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create(options));
	const {publisher, stores, topology} = harness;
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const owned = await webhooks.create(connection, {
		url: sink.url,
		events: ['*'],
		headers: {Authorization: HEADER},
		retryScheduleMs: [HOUR_MS],
	});
	const rotated = await webhooks.rotateSecret(owned.webhook, 24);
	const secrets = [owned.signingSecret, rotated.signingSecret, HEADER, 'planted-0123456789'];
	const dispatchers = [await harness.startRoles('webhook'), await harness.startRoles('log')];

	// One that succeeds, one that waits, one that ends dead, and a message that nobody can read.
	const states: (readonly [number, string])[] = [
		[200, 'delivered'],
		[503, 'waiting'],
		[410, 'dead'],
	];
	for (const [status, state] of states) {
		sink.answer = (_, response) => response.writeHead(status).end('an answer');
		const event = harness.eventOf(connection, {body: `planted-event ${state}`});
		await publisher.event(event);
		await eventually(async () => {
			const rows = await stores.deliveryStore.listByWebhook(owned.webhook.id, {limit: 10});
			return rows.some((row) => row.eventId === event.id && row.state === state);
		});
	}
	t.true(sink.deliveries.every(({headers}) => headers.authorization === HEADER));
	await eventually(async () => (await stores.webhookStore.find(owned.webhook.id))?.active === false);
	// From here on nobody takes what is published, so that it can be looked at: an event, outcomes, dead letters.
	await Promise.all(dispatchers[1]?.map((dispatcher) => dispatcher.stop()) ?? []);
	await publisher.direct(topology.queues.webhook, {id: 'poison', headers: {kind: 'nonsense'}, body: Buffer.from('{}')});
	await webhooks.test(rotated.webhook);
	await eventually(() => sink.deliveries.length === states.length + 1);
	await Promise.all(dispatchers[0]?.map((dispatcher) => dispatcher.stop()) ?? []);
	await publisher.event(harness.eventOf(connection, {body: 'planted-event queued'}));

	const rabbitMq = options.amqpUrl === undefined ? undefined : await bytesOfRabbitMq(topology);
	const broker = rabbitMq?.bytes ?? bytesOfFiles(harness, 'broker.db');
	const store =
		harness.mongodbUrl === undefined ? bytesOfFiles(harness, 'store.db') : await bytesOfMongo(harness.mongodbUrl);
	const lines = Buffer.from(inspect(harness.log.entries, {depth: 20, maxArrayLength: null, maxStringLength: null}));

	// Known things are found, so that secrets would be.
	for (const known of [sink.url, rotated.webhook.sealedSecret, 'planted-event waiting']) {
		t.true(isIn(store, known), `the store has ${known}`);
	}
	for (const known of [owned.webhook.id, 'planted-event waiting', 'planted-event queued', 'poison']) {
		t.true(isIn(broker, known), `the broker has ${known}`);
	}
	if (rabbitMq !== undefined) t.deepEqual([...rabbitMq.kinds].sort(), ['dead', 'volatile', 'wait', 'work']);
	t.true(isIn(lines, owned.webhook.id));
	for (const secret of secrets.flatMap(formsOf)) {
		t.false(isIn(store, secret), `the store has ${secret}`);
		t.false(isIn(broker, secret), `the broker has ${secret}`);
		t.false(isIn(lines, secret), `the log has ${secret}`);
	}
	t.false(isIn(broker, rotated.webhook.sealedSecret), 'not even sealed');
}

test('embedded: secrets lie nowhere in clear, while deliveries succeed, wait, fail and lie dead', async (t) => {
	await keepsSecrets(t, {});
});

servicesTest(
	'RabbitMQ and MongoDB: secrets lie nowhere in clear, while deliveries succeed, wait, fail and lie dead',
	async (t) => {
		await keepsSecrets(t, {amqpUrl: urls.rabbitmq, mongodbUrl: urls.mongodb});
	},
);

test('the public library takes every attempt with standardSecret, and during an overlap with the old one as well', async (t) => {
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create({}));
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const owned = await webhooks.create(connection, {url: sink.url, events: ['*']});
	await harness.startRoles('webhook', 'log');
	const next = async (): Promise<ReceivedDelivery> => {
		const seen = sink.deliveries.length;
		await harness.publisher.event(harness.eventOf(connection));
		await eventually(() => sink.deliveries.length > seen);
		return sink.deliveries[seen] ?? t.fail('nothing arrived');
	};
	const takes = ({headers, body}: ReceivedDelivery, secret: string): boolean => {
		try {
			new StandardWebhook(standardSecret(secret)).verify(body, headers as Record<string, string>);
			return true;
		} catch {
			return false;
		}
	};

	const before = await next();
	t.true(takes(before, owned.signingSecret));
	t.false(takes({...before, body: `${before.body} `}, owned.signingSecret));
	const overlapping = await webhooks.rotateSecret(owned.webhook, 1);
	const during = await next();
	t.true(takes(during, owned.signingSecret));
	t.true(takes(during, overlapping.signingSecret));
	const last = await webhooks.rotateSecret(overlapping.webhook, 0);
	const after = await next();
	t.deepEqual(
		[owned, overlapping, last].map(({signingSecret}) => takes(after, signingSecret)),
		[false, false, true],
	);
});
