import {randomBytes, randomUUID} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {ApiClient} from '../support/api-client.ts';
import {dropDatabase} from '../support/drop-database.ts';
import {FakeWaha} from '../support/fake-waha.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {linkConnection} from '../support/link-connection.ts';
import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {RedisServer} from '../support/redis-server.ts';
import {requireServices} from '../support/services.ts';
import {StreamCrowd} from './stream-crowd.ts';
import {Traffic} from './traffic.ts';
import {until} from './until.ts';

const TENANTS = 5;
const CLIENTS = 500;
/** Each goes to a fifth of the clients. */
const EVENTS_PER_SECOND = 20;
const CALM_MS = 2000;
const AWAY_MS = 3000;
const SETTLE_WITHIN_MS = 180_000;

const {test: serviceTest, urls} = await requireServices('mongodb');

// Of their own: they are stopped.
const hasServers = RabbitMqNode.isInstalled() && RedisServer.isInstalled();
if (!hasServers && process.env['CI'] !== undefined) throw new Error('missing in CI: rabbitmq-server or redis-server');
if (!hasServers) process.stderr.write('skipped: rabbitmq-server or redis-server not found\n');
const test = hasServers ? serviceTest : serviceTest.skip;

/** Two gateways, two websocket dispatchers and the rest, on a broker and a Redis that can be taken away. */
interface StreamDeployment {
	readonly gateways: readonly [GatewayProcess, GatewayProcess];
	readonly websockets: readonly [GatewayProcess, GatewayProcess];
	readonly node: RabbitMqNode;
	readonly redis: RedisServer;
	readonly waha: FakeWaha;
	/** One for each tenant. */
	readonly tokens: readonly string[];
	readonly sessions: readonly string[];
}

async function deploy(resources: AsyncDisposableStack): Promise<StreamDeployment> {
	const dataDir = await mkdtemp(join(tmpdir(), 'stream-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const database = `${urls.mongodb.replace(/\/$/, '')}/stream_${randomBytes(6).toString('hex')}`;
	resources.defer(() => dropDatabase(database));
	const waha = resources.use(await FakeWaha.start({engine: 'NOWEB'}));
	const identity = resources.use(await IdentityProvider.start());
	const node = resources.use(await RabbitMqNode.start());
	const redis = resources.use(await RedisServer.start());
	const env = {
		DATA_DIR: dataDir,
		MEDIA_DIR: join(dataDir, 'media'),
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
		INGESTION_SECRET: randomBytes(32).toString('hex'),
		JWKS_URL: identity.jwksUrl,
		JWT_ISSUER: identity.issuer,
		JWT_AUDIENCE: identity.audience,
		WAHA_WORKERS: `${waha.url.replace('http://', `http://w1:${waha.apiKey}@`)}?engine=NOWEB`,
		RATE_LIMIT_PER_MINUTE: '100000',
		STREAM_MAX_SOCKETS_PER_USER: String(CLIENTS),
		LOG_LEVEL: 'warn',
		AMQP_URL: node.url,
		MONGODB_URL: database,
		REDIS_URL: redis.url,
		NAMESPACE: `stream-${randomUUID().slice(0, 8)}`,
	};
	const first = resources.use(await GatewayProcess.start({env, roles: 'gateway'}));
	const start = async (roles: string): Promise<GatewayProcess> =>
		resources.use(await GatewayProcess.start({env: {...env, PUBLIC_URL: first.url}, roles}));
	const [second, ...websockets] = await Promise.all([start('gateway'), start('websocket'), start('websocket')]);
	await start('webhook,log,command,media,supervisor');
	const exp = Math.floor(Date.now() / 1000) + 3600;
	const tokens = await Promise.all(Array.from({length: TENANTS}, () => identity.sign({exp})));
	const sessions: string[] = [];
	for (const token of tokens) {
		sessions.push((await linkConnection(new ApiClient(first.url, token), waha)).sessionName);
	}
	return {gateways: [first, second], websockets, node, redis, waha, tokens, sessions};
}

test(`${CLIENTS} clients at two gateways miss nothing and see nothing of others while everything between them and the events breaks`, async (t) => {
	t.timeout(600_000);
	await using resources = new AsyncDisposableStack();
	const deployment = await deploy(resources);
	const {gateways, websockets, node, redis, waha, tokens, sessions} = deployment;
	using crowd = new StreamCrowd({gateways: gateways.map(({url}) => url), tokens, size: CLIENTS});
	const bounds = {timeoutMs: SETTLE_WITHIN_MS, signal: AbortSignal.timeout(590_000)};
	await until('all clients are in', () => crowd.inside === CLIENTS || undefined, bounds);
	using traffic = new Traffic({waha, sessions});
	traffic.start(EVENTS_PER_SECOND);

	const faults: readonly (() => Promise<unknown>)[] = [
		async () => {
			await gateways[1].kill();
			await gateways[1].start();
		},
		async () => {
			await websockets[0].kill();
			await websockets[0].start();
		},
		async () => {
			await redis.stop();
			await pause(AWAY_MS);
			await redis.start();
		},
		async () => {
			await websockets[1].kill();
			await gateways[0].kill();
			await Promise.all([websockets[1].start(), gateways[0].start()]);
		},
		async () => {
			await node.stopApp();
			await pause(AWAY_MS);
			await node.startApp();
		},
	];
	for (const strike of faults) {
		await pause(CALM_MS);
		await strike();
	}
	await pause(CALM_MS);
	await traffic.stop();

	const accepted = traffic.posts.filter(({acceptedAtMs}) => acceptedAtMs !== undefined);
	t.is(accepted.length, traffic.posts.length, 'WAHA repeats an event until it is taken');
	await until('every client has every event of its tenant', () => crowd.missing(accepted) === 0 || undefined, bounds);
	t.is(crowd.inside, CLIENTS);
	t.deepEqual(crowd.strangers, []);
	t.is(crowd.gaps, 0, 'the log has it all');
	t.log(`${accepted.length} events, ${CLIENTS} clients`);
});
