import {randomUUID} from 'node:crypto';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import {RedisRecentIds} from '../../adapters/redis/redis-recent-ids.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {recentIdsContract} from '../contracts/recent-ids.contract.ts';
import {eventually} from '../support/eventually.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');
const clock = new SystemClock();
const log = new RecordingLogger();
const DAY_MS = 24 * 60 * 60 * 1000;

const connect = (url = urls.redis): Promise<RedisConnection> => connectRedis({url, clock, log});

const recentIds = ({commands}: RedisConnection, prefix: string): RedisRecentIds =>
	new RedisRecentIds({commands, clock, log, prefix});

async function removeKeys({commands}: RedisConnection, prefix: string): Promise<void> {
	const keys = await commands.keys(`${prefix}:*`);
	if (keys.length > 0) await commands.del(keys);
}

recentIdsContract(test, {
	start: async () => {
		const prefix = `test-${randomUUID()}`;
		const [mine, others] = await Promise.all([connect(), connect()]);
		return {
			recent: recentIds(mine, prefix),
			other: recentIds(others, prefix),
			[Symbol.asyncDispose]: async () => {
				await removeKeys(mine, prefix);
				await mine[Symbol.asyncDispose]();
				await others[Symbol.asyncDispose]();
			},
		};
	},
});

test('Redis forgets an id after a day', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using connection = await connect();
	recentIds(connection, prefix).note('evt_1');
	const ttlMs = await connection.commands.pTTL(`${prefix}:recent:evt_1`);
	t.true(ttlMs > DAY_MS - 10_000 && ttlMs <= DAY_MS, `${ttlMs} ms`);
	await removeKeys(connection, prefix);
});

test('while Redis does not answer, has() answers within its 50 ms from memory', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connect(proxy.urlFor(urls.redis));
	await using direct = await connect();
	const recent = recentIds(connection, prefix);
	recentIds(direct, prefix).note('noted elsewhere');
	await eventually(() => recent.has('noted elsewhere'));
	proxy.pause();
	recent.note('noted here');

	const startedMs = performance.now();
	t.true(await recent.has('noted here'));
	t.false(await recent.has('noted elsewhere'));
	const tookMs = performance.now() - startedMs;
	t.true(tookMs >= 45 && tookMs < 500, `${tookMs} ms`);

	proxy.heal();
	await eventually(() => recent.has('noted elsewhere'));
	await eventually(() => recentIds(direct, prefix).has('noted here'));
	await removeKeys(direct, prefix);
});

test('while Redis is away, note() throws nothing and has() answers from memory', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connect(proxy.urlFor(urls.redis));
	const recent = recentIds(connection, prefix);
	proxy.refuse();
	await eventually(() => !connection.commands.isReady);

	for (let index = 0; index < 100; index++) recent.note(`evt_${index}`);
	t.true(await recent.has('evt_99'));
	t.false(await recent.has('evt_100'));

	proxy.heal();
	await eventually(() => connection.commands.isReady);
	recent.note('evt_100');
	await eventually(() => recentIds(connection, prefix).has('evt_100'));
	await removeKeys(connection, prefix);
});
