import {createHmac} from 'node:crypto';
import type {ExecutionContext} from 'ava';
import {eventually} from '../support/eventually.ts';
import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';
import {openWorldStores} from '../support/world-stores.ts';
import {createWorld, type World} from '../support/world.ts';

const {test: serviceTest, urls} = await requireServices('rabbitmq', 'mongodb', 'redis');

// A node of its own: a test stops it.
const hasServer = RabbitMqNode.isInstalled();
if (!hasServer && process.env['CI'] !== undefined) throw new Error('missing in CI: rabbitmq-server');
// One after the other: each starts a whole deployment.
const test = hasServer ? serviceTest.serial : serviceTest.skip;

interface Health {
	readonly status: string;
	readonly checks: Readonly<Record<string, {readonly status: string}>>;
}

async function health({client}: World): Promise<Health & {readonly code: number}> {
	const response = await client.fetch('GET', '/health');
	return {...((await response.json()) as Health), code: response.status};
}

function envelope(n: number): Record<string, unknown> & {event: string} {
	return {id: `evt_outage_${n}`, timestamp: Date.now(), event: 'message', me: null, payload: {n}, engine: 'NOWEB'};
}

/** Posts one event the way WAHA does, but once. */
async function postOnce(world: World, n: number): Promise<Response> {
	const {config} = world.waha.session(world.connection.sessionName);
	const webhook = config?.webhooks?.[0];
	const body = JSON.stringify({...envelope(n), session: world.connection.sessionName});
	const hmac = createHmac('sha512', webhook?.hmac?.key ?? '')
		.update(body)
		.digest('hex');
	return fetch(webhook?.url ?? '', {
		method: 'POST',
		headers: {'content-type': 'application/json', 'x-webhook-hmac': hmac, 'x-webhook-hmac-algorithm': 'sha512'},
		body,
	});
}

function numbersAtSink({sink}: World): ReadonlySet<number> {
	return new Set(sink.deliveries.map(({body}) => (JSON.parse(body) as {payload: {n?: number}}).payload.n ?? -1));
}

test('broker away: ingestion and sends answer 503 in time, reads go on, and it heals by itself, consumers included', async (t: ExecutionContext) => {
	t.timeout(300_000);
	await using node = await RabbitMqNode.start();
	await using world = await createWorld({amqpUrl: node.url, mongodbUrl: urls.mongodb, redisUrl: urls.redis});
	const {client, connection} = world;
	await node.stop();

	const startedAt = performance.now();
	const refused = await postOnce(world, 1);
	t.is(refused.status, 503);
	t.true(Number(refused.headers.get('retry-after')) > 0);
	t.true(performance.now() - startedAt < 6000, 'within five seconds, and one for a busy machine');
	const send = await client.fetch('POST', `/connections/${connection.id}/send`, {chatId: '15550001111', text: 'x'});
	t.is(send.status, 503);
	t.is(((await send.json()) as {code: string}).code, 'BROKER_UNAVAILABLE');
	t.is((await client.fetch('GET', '/connections')).status, 200);
	const sick = await health(world);
	t.is(sick.code, 503);
	t.is(sick.checks['broker']?.status, 'error');
	t.is(sick.checks['database']?.status, 'ok');

	await node.start();
	await eventually(async () => (await health(world)).code === 200, 120_000);
	const results = await world.waha.emit(connection.sessionName, envelope(2));
	t.true(results.every(({delivered}) => delivered));
	await eventually(() => numbersAtSink(world).has(2), 120_000);
	const sent = await client.call<{id: string}>('POST', `/connections/${connection.id}/send`, {
		chatId: '15550001111',
		text: 'back',
		skipPresence: true,
	});
	t.regex(sent.id, /^true_15550001111@c\.us_/);
});

/** @param whileAway what the outage lasts as long as, once somebody holds */
async function storeAway(
	t: ExecutionContext,
	amqpUrl: string,
	whileAway: (world: World) => Promise<void>,
): Promise<void> {
	t.timeout(300_000);
	await using proxy = await TcpProxy.to(urls.mongodb);
	const mongodbUrl = proxy.urlFor(urls.mongodb).replace(/\/$/, '');
	await using world = await createWorld({amqpUrl, mongodbUrl, redisUrl: urls.redis});
	const {waha, connection} = world;
	await waha.emit(connection.sessionName, envelope(0));
	await eventually(() => numbersAtSink(world).has(0));

	proxy.refuse();
	for (let n = 1; n <= 50; n++) {
		const results = await waha.emit(connection.sessionName, envelope(n));
		t.true(
			results.every(({delivered}) => delivered),
			'ingestion needs no store',
		);
	}
	const sick = await health(world);
	t.is(sick.code, 503);
	t.is(sick.checks['database']?.status, 'error');
	t.is(sick.checks['broker']?.status, 'ok');
	await eventually(() => world.processes.get('log')?.output.includes('dispatcher.hold') ?? false);
	await whileAway(world);

	proxy.heal();
	await eventually(async () => (await health(world)).code === 200, 30_000);
	await eventually(() => Array.from({length: 51}, (_, n) => n).every((n) => numbersAtSink(world).has(n)), 120_000);
	await using resources = new AsyncDisposableStack();
	const {eventStore, deliveryStore, connectionStore, deadLetterStore} = await openWorldStores(world, resources);
	const {userId} = (await connectionStore.find(connection.id)) ?? {userId: ''};
	await eventually(async () => {
		const events = await eventStore.listAfter(userId, 0, 1000);
		const rows = await deliveryStore.listByWebhook(world.webhook.id, {limit: 1000});
		const logged = events.filter(({event}) => event === 'message').length;
		const delivered = rows.filter(({event, state}) => event === 'message' && state === 'delivered').length;
		return logged === 51 && delivered === 51;
	}, 120_000);
	t.deepEqual(await deadLetterStore.list(10), [], 'nothing was given up');
}

test('store away: ingestion goes on, health says so, log and session dispatchers hold and lose nothing', async (t: ExecutionContext) => {
	await storeAway(t, urls.rabbitmq, () => Promise.resolve());
});

test('store away for longer than the broker waits for acknowledgements: channels are built again, nothing is lost or given up', async (t: ExecutionContext) => {
	await using node = await RabbitMqNode.start({
		// Milliseconds; RabbitMQ looks for overdue ones at each tick of a channel.
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-rabbit consumer_timeout 3000 -rabbit channel_tick_interval 500',
	});
	await storeAway(t, node.url, async (world) => {
		const isOverdue = /acknowledgement on channel \d+ timed out/;
		await eventually(() => isOverdue.test(world.processes.get('log')?.output ?? ''), 120_000);
	});
});
