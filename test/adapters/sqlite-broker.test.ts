import test from 'ava';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {Broker} from '../../domain/ports/broker.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import {brokerContract, messageTo, publishMany, smallTopology} from '../contracts/broker.contract.ts';
import {eventRoutingContract} from '../contracts/event-routing.contract.ts';
import {INSTANT_DISK} from '../support/disks.ts';
import {eventually} from '../support/eventually.ts';
import {Inbox} from '../support/inbox.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {SqliteBrokerFixture, sqliteBrokerHarness} from '../support/sqlite-broker-fixture.ts';

const harness = sqliteBrokerHarness();

brokerContract(test, harness);
eventRoutingContract(test, harness);

function publishEvent(broker: Broker, topology: Topology, id: string, body = Buffer.from(id)): Promise<void> {
	return broker.publish({
		id,
		exchange: topology.exchanges.events.name,
		routingKey: '0.user.connection.message',
		headers: {},
		body,
	});
}

test('an event for several queues is stored once and forgotten with its last ack', async (t) => {
	const topology = smallTopology();
	await using fixture = await SqliteBrokerFixture.create(topology);
	const {broker, database} = fixture;
	const stored = (): unknown => database.prepare('SELECT count(*) AS rows FROM content').get()?.['rows'];
	const [webhook, log] = [new Inbox(), new Inbox()];
	await publishEvent(broker, topology, 'shared');
	t.is(stored(), 1);

	const consumer = await broker.consume(topology.queues.webhook, {prefetch: 1}, webhook.accept);
	await webhook.arrived(1);
	await consumer.close();
	t.is(stored(), 1);
	for (const queue of topology.queues.logs) await broker.consume(queue, {prefetch: 1}, log.accept);
	await log.arrived(1);
	await eventually(() => stored() === 0);
	t.is(database.prepare('SELECT count(*) AS rows FROM entry').get()?.['rows'], 0);
});

test('the error of an unroutable message names exchange and routing key', async (t) => {
	const topology = smallTopology();
	await using fixture = await SqliteBrokerFixture.create(topology);
	const message = {...messageTo(topology.queues.webhook, topology), routingKey: 'some.key'};
	const error = await t.throwsAsync(fixture.broker.publish(message), {instanceOf: BrokerUnavailableError});
	t.true(error.message.includes(message.exchange));
	t.true(error.message.includes('some.key'));
});

test('consumers of a queue share its messages', async (t) => {
	const topology = smallTopology();
	const queue = topology.queues.webhook;
	await using fixture = await SqliteBrokerFixture.create(topology);
	const {broker} = fixture;
	const [one, two] = [new Inbox(), new Inbox()];
	await broker.consume(queue, {prefetch: 3}, one.accept);
	await broker.consume(queue, {prefetch: 3}, two.accept);
	const published = await publishMany(broker, queue, topology, 100);
	await eventually(() => one.messages.length + two.messages.length === 100);
	t.deepEqual([...one.ids, ...two.ids].sort(), [...published].sort());
	t.true(one.messages.length >= 30, `${one.messages.length} of 100`);
	t.true(two.messages.length >= 30, `${two.messages.length} of 100`);
});

test('a returned message comes before those that were published after it', async (t) => {
	const topology = smallTopology();
	const queue = topology.queues.webhook;
	await using fixture = await SqliteBrokerFixture.create(topology);
	const {broker} = fixture;
	const inbox = new Inbox();
	await publishMany(broker, queue, topology, 3);
	await broker.consume(queue, {prefetch: 2}, inbox.hold);
	const [first, second] = await inbox.arrived(2);
	inbox.release('requeue');
	await inbox.arrived(3);
	t.is(inbox.messages[2]?.id, first?.id);
	t.not(second?.id, first?.id);
	inbox.release();
	inbox.release();
	await inbox.arrived(4);
	inbox.release();
});

test('a message that is always returned leaves the event loop free', async (t) => {
	const topology = smallTopology();
	const {dead, websocket} = topology.queues;
	await using fixture = await SqliteBrokerFixture.create(topology, {sync: INSTANT_DISK});
	const {broker} = fixture;
	const returned = {[dead.name]: 0, [websocket.name]: 0};
	for (const queue of [dead, websocket]) {
		await broker.consume(queue, {prefetch: 1}, () => {
			returned[queue.name] = (returned[queue.name] ?? 0) + 1;
			return Promise.resolve('requeue');
		});
	}
	await broker.publish({...messageTo(dead, topology), exchange: topology.exchanges.dead.name});
	await publishEvent(broker, topology, 'returned');
	// More than one return per turn would be a loop that nothing else can interrupt.
	for (let turn = 0; turn < 100; turn++) {
		await new Promise((resolve) => setImmediate(resolve));
	}
	for (const times of Object.values(returned)) {
		t.true(times >= 10 && times <= 150, `${times} times in 100 turns`);
	}
});

test('a message leaves its wait queue to the millisecond', async (t) => {
	const topology = smallTopology();
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	const {broker} = fixture;
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 10}, inbox.accept);
	const wait = (id: string): Promise<void> =>
		broker.publish({...messageTo(topology.queues.webhook, topology, id), exchange: entranceOf(topology)});
	await wait('first');
	await clock.advance(400);
	await wait('second');

	await clock.advance(599);
	t.deepEqual(inbox.ids, []);
	await clock.advance(1);
	await inbox.arrived(1);
	await clock.advance(399);
	t.deepEqual(inbox.ids, ['first']);
	await clock.advance(1);
	await inbox.arrived(2);
	t.deepEqual(inbox.ids, ['first', 'second']);
});

test('a thousand messages that are due at once arrive in order', async (t) => {
	const topology = smallTopology();
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	const {broker} = fixture;
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 10}, inbox.accept);
	const ids = Array.from({length: 1000}, (_, index) => String(index));
	const exchange = entranceOf(topology);
	await Promise.all(ids.map((id) => broker.publish({...messageTo(topology.queues.webhook, topology, id), exchange})));
	await clock.advance(1000);
	await eventually(async () => {
		await clock.advance(0);
		return inbox.messages.length === 1000;
	});
	t.deepEqual(inbox.ids, ids);
});

test('a file that cannot be written for a while loses nothing and repeats nothing', async (t) => {
	const topology = smallTopology();
	const {webhook, outcomes} = topology.queues;
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	const {broker, database, log} = fixture;
	const writable = (yes: boolean): unknown => database.prepare(`PRAGMA query_only=${yes ? 'OFF' : 'ON'}`).get();
	const [held, paused] = [new Inbox(), new Inbox()];
	await broker.consume(webhook, {prefetch: 1}, held.hold);
	const consumer = await broker.consume(outcomes, {prefetch: 1}, paused.accept);
	await consumer.pause();
	await broker.publish(messageTo(webhook, topology, 'acknowledged meanwhile'));
	await broker.publish(messageTo(outcomes, topology, 'to be handed out meanwhile'));
	await broker.publish({...messageTo(webhook, topology, 'due meanwhile'), exchange: entranceOf(topology)});
	await held.arrived(1);

	writable(false);
	held.release();
	await consumer.resume();
	await clock.advance(1000);
	await t.throwsAsync(broker.publish(messageTo(webhook, topology, 'refused')), {instanceOf: BrokerUnavailableError});
	await t.throwsAsync(broker.check(AbortSignal.timeout(5000)), {instanceOf: BrokerUnavailableError});
	t.deepEqual([held.messages.length, paused.messages.length], [1, 0]);
	t.true(log.of('broker.file.failed').length >= 2);
	t.true(log.of('broker.expiry.failed').length >= 1);

	writable(true);
	await t.notThrowsAsync(broker.check(AbortSignal.timeout(5000)));
	await clock.advance(1000);
	await held.arrived(2);
	await paused.arrived(1);
	held.release();
	t.deepEqual(held.ids, ['acknowledged meanwhile', 'due meanwhile']);
	t.deepEqual(paused.ids, ['to be handed out meanwhile']);
	t.false(paused.messages[0]?.redelivered);
	await eventually(() => database.prepare('SELECT count(*) AS rows FROM content').get()?.['rows'] === 0);
});

test('a waiting message whose queue is not declared any more stays until it is', async (t) => {
	const topology = smallTopology();
	const {webhook, outcomes} = topology.queues;
	const renamed = {...topology, queues: {...topology.queues, webhook: {...webhook, name: 'v2', bindings: []}}};
	const clock = new ManualClock();
	await using fixture = await SqliteBrokerFixture.create(topology, {clock, sync: INSTANT_DISK});
	for (const queue of [webhook, outcomes]) {
		await fixture.broker.publish({...messageTo(queue, topology, queue.name), exchange: entranceOf(topology)});
	}
	const inbox = new Inbox();
	const broker = await fixture.reopen(renamed);
	await broker.consume(outcomes, {prefetch: 1}, inbox.accept);
	await clock.advance(1000);
	await inbox.arrived(1);
	t.is(fixture.log.of('broker.waiting.unroutable').length, 1);

	const again = await fixture.reopen();
	await again.consume(webhook, {prefetch: 1}, inbox.accept);
	await clock.advance(0);
	await inbox.arrived(2);
	t.deepEqual(inbox.ids, [outcomes.name, webhook.name]);
});

test('a volatile queue that nobody consumes is bounded in bytes', async (t) => {
	const topology = smallTopology();
	await using fixture = await SqliteBrokerFixture.create(topology);
	const {broker} = fixture;
	const megabyte = 1024 * 1024;
	const exchange = topology.exchanges.events.name;
	for (let id = 0; id < 40; id++) {
		await publishEvent(broker, topology, String(id), Buffer.alloc(megabyte));
	}
	const inbox = new Inbox();
	await broker.consume(topology.queues.websocket, {prefetch: 100}, inbox.accept);
	await inbox.arrived(32);
	t.deepEqual(
		inbox.ids,
		Array.from({length: 32}, (_, index) => String(index + 8)),
	);
	t.is(inbox.messages[0]?.exchange, exchange);
});

test('a listener that falls far behind is told that it missed something', async (t) => {
	const topology = smallTopology();
	const {control} = topology.queues;
	await using fixture = await SqliteBrokerFixture.create(topology);
	const {broker} = fixture;
	let gaps = 0;
	const onRestored = (): void => {
		gaps++;
	};
	const inbox = new Inbox();
	const consumer = await broker.consume(control, {prefetch: 1, onRestored}, inbox.accept);
	await consumer.pause();
	const message = {...messageTo(control, topology), exchange: topology.exchanges.control.name};
	for (let count = 0; count < 10_000; count++) await broker.publish(message);
	t.is(gaps, 0);
	await broker.publish(message);
	t.is(gaps, 1);
});

/** The entrance of the shortest wait level: one second. */
function entranceOf({waitLevels: [level]}: Topology): string {
	return level?.exchange.name ?? '';
}
