import {once} from 'node:events';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {SetupError} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');

const connect = (url: string, log = new RecordingLogger(), patienceMs = 0): Promise<RedisConnection> =>
	connectRedis({url, clock: new SystemClock(), log, patienceMs});

/** Something that is no (usable) Redis, on a port of its own. */
async function listen(onSocket: (socket: Socket) => void): Promise<AsyncDisposable & {url: string}> {
	const server = createServer(onSocket).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
		[Symbol.asyncDispose]: async () => {
			server.close();
			await once(server, 'close');
		},
	};
}

for (const url of ['127.0.0.1:6379', 'http://127.0.0.1:6379', 'redis://127.0.0.1:6379/first', '']) {
	test(`the malformed URL "${url}" is refused with a line that says what to do`, async (t) => {
		const error = await t.throwsAsync(connect(url), {instanceOf: SetupError});
		t.regex(error.message, /^REDIS_URL /);
	});
}

test('a port where nothing listens is refused at the first start', async (t) => {
	const server = await listen(() => undefined);
	await server[Symbol.asyncDispose]();
	const error = await t.throwsAsync(connect(server.url), {instanceOf: SetupError});
	t.regex(error.message, /^No Redis answers at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/);
});

test('a server that is still starting is waited for, and that is logged once', async (t) => {
	const log = new RecordingLogger();
	await using proxy = await TcpProxy.to(urls.redis);
	proxy.refuse();
	const connecting = connect(proxy.urlFor(urls.redis), log, 60_000);
	await eventually(() => proxy.attempts > 1);
	proxy.heal();
	await using connection = await connecting;
	await t.notThrowsAsync(connection.check(AbortSignal.timeout(5000)));
	t.is(log.of('redis.waiting').length, 1);
});

test('wrong credentials are refused at the first start, and are not repeated in the message', async (t) => {
	const url = urls.redis.replace('redis://', 'redis://nobody:hunter2@');
	const log = new RecordingLogger();
	const error = await t.throwsAsync(connect(url, log, 60_000), {instanceOf: SetupError});
	t.deepEqual(log.of('redis.waiting'), [], 'at once: no waiting mends it');
	t.regex(error.message, /refuses the credentials/);
	t.notRegex(error.message, /hunter2/);
});

test('a server that is no Redis is refused at the first start', async (t) => {
	await using server = await listen((socket) => {
		socket.on('error', () => undefined).resume();
		socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
	});
	await t.throwsAsync(connect(server.url), {instanceOf: SetupError, message: /^No Redis answers at/});
});

test('a Redis without sharded pub/sub is refused at the first start', async (t) => {
	await using server = await listen((socket) => {
		socket.on('error', () => undefined);
		socket.on('data', (chunk) => {
			for (const [, command] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
				socket.write(command === 'SPUBLISH' ? "-ERR unknown command 'SPUBLISH'\r\n" : '+OK\r\n');
			}
		});
	});
	await t.throwsAsync(connect(server.url), {instanceOf: SetupError, message: /Redis 7 or newer is needed/});
});

test('an outage is logged once when it begins and once when it ends', async (t) => {
	const log = new RecordingLogger();
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connect(proxy.urlFor(urls.redis), log);
	proxy.refuse();
	await eventually(() => log.of('redis.error').length > 6);
	t.is(log.of('redis.lost').length, 2);
	t.is(log.of('redis.restored').length, 0);
	proxy.heal();

	await eventually(() => connection.commands.isReady && connection.subscriber.isReady);
	t.is(log.of('redis.lost').length, 2);
	t.is(log.of('redis.restored').length, 2);
});

test('the health check passes, and fails while Redis is away', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connect(proxy.urlFor(urls.redis));
	t.is(connection.dependency, 'redis');
	await t.notThrowsAsync(connection.check(AbortSignal.timeout(5000)));
	proxy.refuse();
	await eventually(() => !connection.commands.isReady);
	await t.throwsAsync(connection.check(AbortSignal.timeout(5000)));
});

test('the health check fails at its deadline when Redis does not answer', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connect(proxy.urlFor(urls.redis));
	proxy.pause();
	await t.throwsAsync(connection.check(AbortSignal.timeout(100)), {message: 'Redis did not answer in time'});
	await t.throwsAsync(connection.check(AbortSignal.abort()));
});

test('a connection that is open and dead is replaced after two beats, and what was in hand fails', async (t) => {
	const clock = new ManualClock();
	const log = new RecordingLogger();
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connectRedis({url: proxy.urlFor(urls.redis), clock, log});
	await connection.subscriber.sSubscribe('test-dead', () => undefined);
	proxy.pause();
	const inHand = t.throwsAsync(connection.commands.get('test-dead'));
	await clock.advance(5000);
	t.is(log.of('redis.unresponsive').length, 0);
	await clock.advance(5000);
	t.is(log.of('redis.unresponsive').length, 2);
	await inHand;

	proxy.heal();
	await eventually(() => connection.commands.isReady && connection.subscriber.isReady);
	t.is(await connection.commands.get('test-dead'), null);
	t.deepEqual([...connection.subscriber.getPubSubListeners('SHARDED').keys()], ['test-dead']);
});

test('a connection that answers is left alone, beat after beat', async (t) => {
	const clock = new ManualClock();
	const log = new RecordingLogger();
	await using proxy = await TcpProxy.to(urls.redis);
	await using connection = await connectRedis({url: proxy.urlFor(urls.redis), clock, log});
	const {commands, subscriber} = connection;
	const epochs = [commands.socketEpoch, subscriber.socketEpoch];
	for (let beat = 0; beat < 5; beat++) {
		await clock.advance(5000);
		// The answers to the beat's own questions come before the one to this.
		await connection.check(AbortSignal.timeout(5000));
	}
	t.deepEqual([commands.socketEpoch, subscriber.socketEpoch], epochs);
	t.deepEqual(log.of('redis.unresponsive'), []);
});

test('disposal closes both connections; what is in hand and what comes later fails', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	const connection = await connect(proxy.urlFor(urls.redis));
	proxy.pause();
	const inHand = t.throwsAsync(connection.commands.ping());
	await connection[Symbol.asyncDispose]();
	await inHand;
	await t.throwsAsync(connection.commands.ping());
	proxy.heal();
	await eventually(() => proxy.connections === 0);
	t.false(connection.commands.isOpen);
	t.false(connection.subscriber.isOpen);
});

test('disposal while a new connection is being made leaves none behind', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	const connection = await connect(proxy.urlFor(urls.redis));
	const {commands} = connection;
	const next = (event: string): Promise<void> => new Promise((resolve) => commands.once(event, resolve));
	const reconnecting = next('reconnecting');
	proxy.cut();
	await reconnecting;
	const connected = next('connect');
	await connection[Symbol.asyncDispose]();
	await connected;
	await eventually(() => proxy.connections === 0, 5000);
	t.false(commands.isReady);
});
