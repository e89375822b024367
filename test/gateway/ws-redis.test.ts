import {randomUUID} from 'node:crypto';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import {RedisFanout} from '../../adapters/redis/redis-fanout.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {Rooms} from '../../gateway/ws/rooms.ts';
import {eventually} from '../support/eventually.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {RecordingMember} from '../support/recording-member.ts';
import {ScriptedEventStore} from '../support/scripted-event-store.ts';
import {requireServices} from '../support/services.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('redis');

test('clients that stay connected miss nothing while the connection to Redis breaks again and again', async (t) => {
	const [clock, log, events, prefix] = [
		new SystemClock(),
		new RecordingLogger(),
		new ScriptedEventStore(),
		`test-${randomUUID()}`,
	];
	await using proxy = await TcpProxy.to(urls.redis);
	await using there = await connectRedis({url: urls.redis, clock, log});
	await using here = await connectRedis({url: proxy.urlFor(urls.redis), clock, log});
	await using dispatcher = new RedisFanout({commands: there.commands, subscriber: there.subscriber, log, prefix});
	await using fanout = new RedisFanout({commands: here.commands, subscriber: here.subscriber, log, prefix});
	const deleted = {deletedAt: () => Promise.resolve(undefined)};
	await using rooms = new Rooms({fanout, events, deleted, clock, log, maxHeldBytes: 1024 * 1024});
	const [userId, stranger] = [randomUUID(), randomUUID()];
	const [member, other] = [new RecordingMember(), new RecordingMember()];
	await rooms.join(userId, member, undefined);
	await rooms.join(stranger, other, undefined);

	const ids: string[] = [];
	for (let index = 0; index < 500; index++) {
		const event = makeStreamEvent(userId, index);
		ids.push(event.id);
		await dispatcher.publish(userId, {
			eventId: event.id,
			event: event.event,
			connectionId: event.connectionId,
			body: Buffer.from(event.body),
		});
		await events.append([event]);
		if (index % 100 === 50) proxy.cut();
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
	await eventually(() => {
		const got = new Set(member.ids);
		const missing = ids.filter((id) => !got.has(id)).length;
		if (missing > 0) throw new Error(`${missing} events are missing`);
	});
	t.true(log.of('stream.gap.noticed').length > 0);
	t.deepEqual(member.gaps, []);
	t.deepEqual(other.frames, []);
});
