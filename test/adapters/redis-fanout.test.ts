import {randomUUID} from 'node:crypto';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import {RedisFanout} from '../../adapters/redis/redis-fanout.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {FanoutUnavailableError} from '../../domain/errors.ts';
import {fanoutContract, FrameInbox, frameOf} from '../contracts/fanout.contract.ts';
import {eventually} from '../support/eventually.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');

/** A fan-out with connections of its own, and what a test may want to look at. */
class Process implements AsyncDisposable {
	readonly connection: RedisConnection;
	readonly fanout: RedisFanout;
	readonly log: RecordingLogger;
	gaps = 0;

	private constructor(connection: RedisConnection, log: RecordingLogger, prefix: string) {
		this.connection = connection;
		this.log = log;
		const {commands, subscriber} = connection;
		this.fanout = new RedisFanout({commands, subscriber, log, prefix});
		this.fanout.onGap(() => this.gaps++);
	}

	static async start(url: string, prefix: string): Promise<Process> {
		const log = new RecordingLogger();
		return new Process(await connectRedis({url, clock: new SystemClock(), log}), log, prefix);
	}

	/** How many connections are subscribed to a room. */
	async countSubscriptions(prefix: string, room: string): Promise<number> {
		const channel = `${prefix}:room:${room}`;
		const counts = await this.connection.commands.pubSubShardNumSub([channel]);
		return counts[channel] ?? 0;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.fanout[Symbol.asyncDispose]();
		await this.connection[Symbol.asyncDispose]();
	}
}

fanoutContract(test, {
	start: async () => {
		const prefix = `test-${randomUUID()}`;
		const [mine, others] = await Promise.all([Process.start(urls.redis, prefix), Process.start(urls.redis, prefix)]);
		return {
			fanout: mine.fanout,
			other: others.fanout,
			[Symbol.asyncDispose]: async () => {
				await mine[Symbol.asyncDispose]();
				await others[Symbol.asyncDispose]();
			},
		};
	},
});

test('a process has one subscription per room however many handlers, and none when the last is gone', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using process = await Process.start(urls.redis, prefix);
	const subscriptions = [];
	for (let count = 0; count < 3; count++) {
		subscriptions.push(await process.fanout.subscribe('room', () => undefined));
	}
	t.is(await process.countSubscriptions(prefix, 'room'), 1);
	for (const subscription of subscriptions) {
		t.is(await process.countSubscriptions(prefix, 'room'), 1);
		await subscription[Symbol.asyncDispose]();
	}
	t.is(await process.countSubscriptions(prefix, 'room'), 0);
});

test('after a lost connection rooms are heard again, and a gap is told', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	await using process = await Process.start(proxy.urlFor(urls.redis), `test-${randomUUID()}`);
	const inbox = new FrameInbox();
	await process.fanout.subscribe('room', inbox.accept);
	t.is(process.gaps, 0);
	proxy.cut();

	await eventually(() => process.gaps === 1);
	await eventually(() => process.fanout.publish('room', frameOf('evt_1')));
	await inbox.arrived(1);
	t.deepEqual(inbox.ids, ['evt_1']);
});

test('a gap is told before whatever follows it on the new connection', async (t) => {
	await using process = await Process.start(urls.redis, `test-${randomUUID()}`);
	const heard: string[] = [];
	await process.fanout.subscribe('room', ({eventId}) => {
		heard.push(`${eventId} after ${process.gaps} gaps`);
	});
	// A connection that is not ready yet, though subscriptions stand again.
	process.connection.subscriber.emit('connect');
	for (const id of ['evt_1', 'evt_2']) await process.fanout.publish('room', frameOf(id));
	await eventually(() => heard.length === 2);
	t.deepEqual(heard, ['evt_1 after 1 gaps', 'evt_2 after 1 gaps']);
});

test('while Redis is away publishing and joining a new room fail at once, joining a known room does not', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	await using process = await Process.start(proxy.urlFor(urls.redis), `test-${randomUUID()}`);
	await process.fanout.subscribe('known', () => undefined);
	proxy.refuse();
	await eventually(() => !process.connection.subscriber.isReady && !process.connection.commands.isReady);

	const startedMs = performance.now();
	await t.throwsAsync(process.fanout.publish('known', frameOf()), {instanceOf: FanoutUnavailableError});
	await t.throwsAsync(
		process.fanout.subscribe('new', () => undefined),
		{instanceOf: FanoutUnavailableError},
	);
	t.true(performance.now() - startedMs < 1000);

	const inbox = new FrameInbox();
	await process.fanout.subscribe('known', inbox.accept);
	proxy.heal();
	await eventually(() => process.gaps === 1);
	await process.fanout.subscribe('new', inbox.accept);
	await eventually(() => process.fanout.publish('known', frameOf('evt_1')));
	await process.fanout.publish('new', frameOf('evt_2'));
	await inbox.arrived(2);
	t.deepEqual(inbox.ids, ['evt_1', 'evt_2']);
});

test('a room that was left during an outage is not joined again after it', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using proxy = await TcpProxy.to(urls.redis);
	await using process = await Process.start(proxy.urlFor(urls.redis), prefix);
	await using observer = await Process.start(urls.redis, prefix);
	const left = await process.fanout.subscribe('left', () => undefined);
	await process.fanout.subscribe('kept', () => undefined);
	proxy.refuse();
	await eventually(() => !process.connection.subscriber.isReady);
	await left[Symbol.asyncDispose]();
	proxy.heal();

	await eventually(async () => (await observer.countSubscriptions(prefix, 'kept')) === 1);
	await eventually(async () => (await observer.countSubscriptions(prefix, 'left')) === 0);
	t.is(process.gaps, 1);
});

test('a room whose leaving was cut off in the middle is not joined again', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using proxy = await TcpProxy.to(urls.redis);
	await using process = await Process.start(proxy.urlFor(urls.redis), prefix);
	await using observer = await Process.start(urls.redis, prefix);
	const left = await process.fanout.subscribe('left', () => undefined);
	proxy.pause();
	const leaving = left[Symbol.asyncDispose]();
	await new Promise((resolve) => setImmediate(resolve));
	proxy.cut();
	await leaving;
	proxy.heal();

	await eventually(() => process.gaps === 1);
	await eventually(async () => (await observer.countSubscriptions(prefix, 'left')) === 0);
	const inbox = new FrameInbox();
	await process.fanout.subscribe('left', inbox.accept);
	await observer.fanout.publish('left', frameOf('evt_1'));
	await inbox.arrived(1);
	t.is(await observer.countSubscriptions(prefix, 'left'), 1);
});

test('what is no frame is logged and told as a gap; the stream goes on', async (t) => {
	const prefix = `test-${randomUUID()}`;
	await using process = await Process.start(urls.redis, prefix);
	const inbox = new FrameInbox();
	await process.fanout.subscribe('room', inbox.accept);
	const garbage = ['', 'no header', '{"id":1}\nbody', '{"id":"evt_1","event":"message"}\nbody', 'null\n', '{'];
	for (const message of garbage) await process.connection.commands.sPublish(`${prefix}:room:room`, message);
	await process.fanout.publish('room', frameOf('evt_1'));

	await inbox.arrived(1);
	t.deepEqual(inbox.ids, ['evt_1']);
	t.is(process.gaps, garbage.length);
	t.is(process.log.of('fanout.frame.unreadable').length, garbage.length);
});

test('a gap handler that failed or was disposed keeps nothing from the others', async (t) => {
	await using proxy = await TcpProxy.to(urls.redis);
	await using process = await Process.start(proxy.urlFor(urls.redis), `test-${randomUUID()}`);
	const told: string[] = [];
	process.fanout.onGap(() => {
		throw new Error('handler failed');
	});
	const disposed = process.fanout.onGap(() => told.push('disposed'));
	process.fanout.onGap(() => told.push('last'));
	disposed[Symbol.dispose]();
	proxy.cut();

	await eventually(() => told.length > 0);
	t.deepEqual(told, ['last']);
	t.is(process.log.of('fanout.gap-handler.failed').length, 1);
});
