import {randomUUID} from 'node:crypto';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {RedisRollCall} from '../../adapters/redis/redis-roll-call.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {rollCallContract} from '../contracts/roll-call.contract.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');
const systemClock = new SystemClock();
const log = new RecordingLogger();

const connect = (url = urls.redis): Promise<RedisConnection> => connectRedis({url, clock: systemClock, log});

function rollCall({commands, subscriber}: RedisConnection, prefix: string, clock: Clock = systemClock): RedisRollCall {
	return new RedisRollCall({commands, subscriber, clock, log, prefix});
}

rollCallContract(test, {
	start: async () => {
		const prefix = `test-${randomUUID()}`;
		const connections = await Promise.all([connect(), connect(), connect()]);
		return {
			processes: connections.map((connection) => rollCall(connection, prefix)),
			[Symbol.asyncDispose]: async () => {
				for (const connection of connections) await connection[Symbol.asyncDispose]();
			},
		};
	},
});

test('who hears and does not answer is waited for a second, and counted', async (t) => {
	const [prefix, clock] = [`test-${randomUUID()}`, new ManualClock()];
	await using mine = await connect();
	await using others = await connect();
	const asker = rollCall(mine, prefix, clock);
	let answered = 0;
	await asker.attend(() => `mine ${++answered}`);
	await others.subscriber.sSubscribe(`${prefix}:roll-call`, () => undefined);
	const asking = asker.ask('who?');
	await eventually(() => answered === 1 && clock.timers === 1);
	// Behind the answer, on its way to Redis and back.
	await mine.commands.ping();
	await mine.subscriber.ping();
	await clock.advance(1000);
	t.deepEqual(await asking, {answers: ['mine 1'], missing: 1});
});

test('after a loss of Redis everybody attends again', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using proxy = await TcpProxy.to(urls.redis);
	await using there = await connect();
	await using here = await connect(proxy.urlFor(urls.redis));
	const [asker, other] = [rollCall(there, prefix), rollCall(here, prefix)];
	await asker.attend(() => 'there');
	await other.attend(() => 'here');
	proxy.cut();
	await eventually(async () => (await asker.ask('who?')).answers.length === 2);
	t.pass();
});

test('while Redis is away nobody can be asked, which is said', async (t) => {
	const connection = await connect();
	const asker = rollCall(connection, `test-${randomUUID()}`);
	await connection[Symbol.asyncDispose]();
	await t.throwsAsync(asker.ask('who?'), {instanceOf: FanoutUnavailableError});
	await t.throwsAsync(
		asker.attend(() => ''),
		{instanceOf: FanoutUnavailableError},
	);
});
