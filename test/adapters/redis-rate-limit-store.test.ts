import {randomUUID} from 'node:crypto';
import type {ExecutionContext} from 'ava';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {RedisRateLimitStore} from '../../adapters/redis/redis-rate-limit-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createApp} from '../../gateway/http/app.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, PUBLIC_URL, type GatewayHarness, type Tenant} from '../support/gateway-harness.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');
const clock = new SystemClock();
const log = new RecordingLogger();
const LIMIT = 10;

const connect = (url = urls.redis): Promise<RedisConnection> => connectRedis({url, clock, log});

/** A fresh prefix whose keys are removed behind the test. */
function freshPrefix(t: ExecutionContext, connection: RedisConnection): string {
	const prefix = `test-${randomUUID()}`;
	t.teardown(async () => {
		const keys = await connection.commands.keys(`${prefix}:*`);
		if (keys.length > 0) await connection.commands.del(keys);
		await connection[Symbol.asyncDispose]();
	});
	return prefix;
}

/** One more gateway process, as far as a client can tell: a server and a connection to Redis of its own, over the same stores. */
async function startGateway(
	{dependencies}: GatewayHarness,
	{url, prefix, patienceMs = 10_000}: {url: string; prefix: string; patienceMs?: number},
): Promise<AsyncDisposable & {readonly url: string}> {
	await using resources = new AsyncDisposableStack();
	const {commands} = resources.use(await connect(url));
	const rateLimitStore = new RedisRateLimitStore({commands, clock, log, prefix, patienceMs});
	resources.defer(() => {
		rateLimitStore.shutdown();
	});
	const rateLimits = {read: LIMIT, send: LIMIT, manage: 2 * LIMIT, unauthenticated: LIMIT};
	const settings = {...dependencies.settings, rateLimits};
	const listener = createApp({...dependencies, settings, rateLimitStore});
	const {port} = resources.use(await HttpServer.listen({listener, host: '127.0.0.1', port: 0, publicUrl: PUBLIC_URL}));
	const owned = resources.move();
	return {url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => owned.disposeAsync()};
}

const list = ({url}: {url: string}, {token}: Tenant, path = '/connections'): Promise<Response> =>
	fetch(`${url}/api${path}`, {headers: {authorization: `Bearer ${token}`}});

test('two gateways share one budget per token and route, by the class of the route', async (t) => {
	await using harness = await createGatewayHarness();
	const prefix = freshPrefix(t, await connect());
	await using first = await startGateway(harness, {url: urls.redis, prefix});
	await using second = await startGateway(harness, {url: urls.redis, prefix});
	const tenant = await harness.createTenant();
	// At the same time, so that counting must be atomic.
	const answers = await Promise.all(
		Array.from({length: 2 * LIMIT}, (_, index) => list(index % 2 === 0 ? first : second, tenant)),
	);
	t.is(answers.filter(({status}) => status === 200).length, LIMIT);
	t.is(answers.filter(({status}) => status === 429).length, LIMIT);
	const left = answers.map(({headers}) => Number(headers.get('x-ratelimit-remaining'))).sort((a, b) => b - a);
	t.deepEqual(
		left.slice(0, LIMIT),
		Array.from({length: LIMIT}, (_, index) => LIMIT - 1 - index),
	);
	const refused = await list(second, tenant);
	const retryAfter = Number(refused.headers.get('retry-after'));
	t.true(retryAfter > 50 && retryAfter <= 60, `${retryAfter} s`);
	const tokens = await list(first, tenant, '/tokens');
	t.is(tokens.headers.get('x-ratelimit-limit'), String(2 * LIMIT), 'another class');
	t.is(tokens.headers.get('x-ratelimit-remaining'), String(2 * LIMIT - 1), 'another route');
	t.is((await list(second, await harness.createTenant())).status, 200, 'another token');
});

test('failed authentications of one address are counted together too', async (t) => {
	await using harness = await createGatewayHarness();
	const prefix = freshPrefix(t, await connect());
	await using first = await startGateway(harness, {url: urls.redis, prefix});
	await using second = await startGateway(harness, {url: urls.redis, prefix});
	const statuses: number[] = [];
	for (let index = 0; index <= LIMIT; index++) {
		statuses.push((await fetch(`${(index % 2 === 0 ? first : second).url}/api/connections`)).status);
	}
	t.deepEqual(statuses, [...Array<number>(LIMIT).fill(401), 429]);
});

test('a window ends by itself, whoever counts', async (t) => {
	const connection = await connect();
	const prefix = freshPrefix(t, connection);
	const store = new RedisRateLimitStore({commands: connection.commands, clock, log, prefix, patienceMs: 10_000});
	t.teardown(() => {
		store.shutdown();
	});
	store.init({windowMs: 200} as Parameters<RedisRateLimitStore['init']>[0]);
	t.is((await store.increment('a')).totalHits, 1);
	const {totalHits, resetTime} = await store.increment('a');
	t.is(totalHits, 2);
	const leftMs = (resetTime?.getTime() ?? 0) - Date.now();
	t.true(leftMs > 0 && leftMs <= 200, `${leftMs} ms`);
	await eventually(async () => (await connection.commands.exists(`${prefix}:rate:a`)) === 0);
	t.is((await store.increment('a')).totalHits, 1);
	await store.resetKey('a');
	t.is((await store.increment('a')).totalHits, 1);
});

test('while Redis is away or silent, requests are answered at once and each gateway counts for itself', async (t) => {
	await using harness = await createGatewayHarness();
	await using proxy = await TcpProxy.to(urls.redis);
	const prefix = freshPrefix(t, await connect());
	await using gateway = await startGateway(harness, {url: proxy.urlFor(urls.redis), prefix, patienceMs: 500});
	const tenant = await harness.createTenant();
	t.is((await list(gateway, tenant)).status, 200);
	for (const fail of ['pause', 'refuse'] as const) {
		proxy[fail]();
		const caller = await harness.createTenant();
		const statuses: number[] = [];
		const startedAt = Date.now();
		for (let index = 0; index < 2 * LIMIT; index++) statuses.push((await list(gateway, caller)).status);
		const tookMs = Date.now() - startedAt;
		t.deepEqual(statuses, [...Array<number>(LIMIT).fill(200), ...Array<number>(LIMIT).fill(429)], fail);
		t.true(tookMs < LIMIT * 500, `${tookMs} ms: not every one of ${2 * LIMIT} requests waited`);
		proxy.heal();
		const healed = await harness.createTenant();
		await eventually(async () => {
			await list(gateway, healed);
			const direct = await connect();
			const keys = await direct.commands.keys(`${prefix}:rate:token ${healed.tokenId}*`);
			await direct[Symbol.asyncDispose]();
			return keys.length === 1;
		});
	}
	t.deepEqual(
		log.entries.filter(({level}) => level === 'error'),
		[],
	);
});
