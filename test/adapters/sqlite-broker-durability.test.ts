import {randomUUID} from 'node:crypto';
import test from 'ava';
import {createTopology} from '../../config/topology.ts';
import {SetupError} from '../../domain/errors.ts';
import {messageTo, publishMany} from '../contracts/broker.contract.ts';
import {linesUntilKilled} from '../support/child-lines.ts';
import {INSTANT_DISK} from '../support/disks.ts';
import {eventually} from '../support/eventually.ts';
import {Inbox} from '../support/inbox.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {SqliteBrokerFixture} from '../support/sqlite-broker-fixture.ts';

const CHILD = new URL('../support/sqlite-broker-child.ts', import.meta.url);

const uniquePrefix = (): string => `test-${randomUUID()}`;

test('a backlog of 50,000 messages stays on disk and is worked off in order', async (t) => {
	const prefix = uniquePrefix();
	const topology = createTopology(prefix);
	await using fixture = await SqliteBrokerFixture.create(topology);
	await fixture.close();
	const isOver = (lines: readonly string[]): boolean => lines.at(-1)?.startsWith('grown') ?? false;
	const lines = await linesUntilKilled(CHILD, ['backlog', fixture.path, prefix], isOver);
	const grownBytes = Number(lines.at(-1)?.split(' ')[1]);
	t.true(grownBytes < 4 * 1024 * 1024, `50 MB were published, the process has grown by ${grownBytes} bytes`);

	const broker = await fixture.reopen();
	const handled: number[] = [];
	await broker.consume(topology.queues.webhook, {prefetch: 10}, ({id}) => {
		handled.push(Number(id));
		return Promise.resolve('ack');
	});
	await eventually(() => handled.length === 50_000, 60_000);
	t.true(handled.every((id, index) => id === index));
});

test('everything that was confirmed is there after kill -9', async (t) => {
	const prefix = uniquePrefix();
	const topology = createTopology(prefix);
	await using fixture = await SqliteBrokerFixture.create(topology);
	await fixture.close();
	const lines = await linesUntilKilled(CHILD, ['publish', fixture.path, prefix], ({length}) => length >= 2000);
	const confirmed = lines.map((line) => line.replace('confirmed ', ''));
	t.true(confirmed.length >= 2000);

	const broker = await fixture.reopen();
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 500}, inbox.accept);
	await eventually(() => confirmed.every((id) => new Set(inbox.ids).has(id)));
	t.is(new Set(inbox.ids).size, inbox.ids.length);
	t.false(inbox.messages.some(({redelivered}) => redelivered));
});

test('what was in hand at kill -9 comes again, in order; what was acknowledged does not', async (t) => {
	const prefix = uniquePrefix();
	const topology = createTopology(prefix);
	const queue = topology.queues.webhook;
	await using fixture = await SqliteBrokerFixture.create(topology);
	for (let id = 0; id < 30; id++) await fixture.broker.publish(messageTo(queue, topology, String(id)));
	await fixture.close();
	await linesUntilKilled(CHILD, ['consume', fixture.path, prefix], (lines) => lines.includes('handled 19'));

	const broker = await fixture.reopen();
	const inbox = new Inbox();
	await broker.consume(queue, {prefetch: 500}, inbox.accept);
	await inbox.arrived(20);
	const odd = Array.from({length: 10}, (_, index) => `${2 * index + 1} again`);
	const untouched = Array.from({length: 10}, (_, index) => `${20 + index}`);
	t.deepEqual(
		inbox.messages.map(({id, redelivered}) => (redelivered ? `${id} again` : id)),
		[...odd, ...untouched],
	);
});

test('a message that kills the process each time becomes a dead letter, and no other message with it', async (t) => {
	const prefix = uniquePrefix();
	const topology = createTopology(prefix);
	const queue = topology.queues.webhook;
	await using fixture = await SqliteBrokerFixture.create(topology);
	for (const id of ['a', 'b', 'poison', 'c', 'd']) await fixture.broker.publish(messageTo(queue, topology, id));
	await fixture.close();

	const seen: string[] = [];
	let lives = 0;
	for (; seen.length < 5 && lives < 20; lives++) {
		const lines = await linesUntilKilled(
			CHILD,
			['poisoned', fixture.path, prefix],
			({length}) => seen.length + length === 5,
		);
		seen.push(...lines);
	}
	// The limit of the child's queue is 4: it is handed out five times, and buried in the life after that.
	t.is(lives, 6);
	t.deepEqual(seen.slice(0, 2), ['handled a', 'handled b']);
	t.deepEqual(new Set(seen.slice(2)), new Set(['dead poison of delivery_limit', 'handled c', 'handled d']));
});

test('a waiting message survives a restart and leaves at its time', async (t) => {
	const topology = createTopology(uniquePrefix());
	const [, , fiveSeconds] = topology.waitLevels;
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	const message = messageTo(topology.queues.webhook, topology, 'waiting');
	await fixture.broker.publish({...message, exchange: fiveSeconds?.exchange.name ?? ''});
	await clock.advance(3000);

	const broker = await fixture.reopen();
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 1}, inbox.accept);
	await clock.advance(1999);
	t.deepEqual(inbox.ids, []);
	await clock.advance(1);
	await inbox.arrived(1);
	t.false(inbox.messages[0]?.redelivered);
});

test('messages that became due while the process was away leave at its start, in order', async (t) => {
	const topology = createTopology(uniquePrefix());
	const [entrance] = topology.waitLevels;
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	for (const id of ['first', 'second']) {
		const message = messageTo(topology.queues.webhook, topology, id);
		await fixture.broker.publish({...message, exchange: entrance?.exchange.name ?? ''});
	}
	await fixture.close();
	await clock.advance(60_000);

	const broker = await fixture.reopen();
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 1}, inbox.accept);
	await clock.advance(0);
	await inbox.arrived(2);
	t.deepEqual(inbox.ids, ['first', 'second']);
});

test('how often a message was returned is known after a restart', async (t) => {
	const small = createTopology(uniquePrefix());
	const webhook = {...small.queues.webhook, deliveryLimit: 3};
	const topology = {...small, queues: {...small.queues, webhook}};
	await using fixture = await SqliteBrokerFixture.create(topology);
	const inbox = new Inbox();
	const first = await fixture.broker.consume(webhook, {prefetch: 1}, inbox.hold);
	await publishMany(fixture.broker, webhook, topology, 1);
	await inbox.arrived(1);
	inbox.release('requeue');
	await inbox.arrived(2);
	await first.pause();
	inbox.release('requeue');

	const broker = await fixture.reopen();
	const dead = new Inbox();
	await broker.consume(topology.queues.dead, {prefetch: 1}, dead.accept);
	await broker.consume(webhook, {prefetch: 1}, inbox.hold);
	for (const deliveries of [3, 4]) {
		await inbox.arrived(deliveries);
		inbox.release('requeue');
	}
	await dead.arrived(1);
	t.is(inbox.messages.length, 4);
	t.deepEqual(
		inbox.messages.map(({redelivered}) => redelivered),
		[false, true, true, true],
	);
});

test('a file that another process has open is refused with what to do', async (t) => {
	const prefix = uniquePrefix();
	await using fixture = await SqliteBrokerFixture.create(createTopology(prefix));
	await fixture.close();
	const refused: unknown[] = [];
	await linesUntilKilled(CHILD, ['publish', fixture.path, prefix], () => {
		if (refused.length === 0) refused.push(t.throws(() => fixture.openDatabase(), {instanceOf: SetupError}));
		return true;
	});
	t.regex(String(refused[0]), /in use by another process/);
});
