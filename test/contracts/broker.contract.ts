import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {createTopology} from '../../config/topology.ts';
import type {QueueDeclaration, Topology} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {Broker, Message, OutgoingMessage, Settlement} from '../../domain/ports/broker.ts';
import {eventually} from '../support/eventually.ts';
import {Inbox} from '../support/inbox.ts';

/** One broker with a topology of its own. Disposing it closes every broker that was opened and removes the topology. */
export interface BrokerFixture extends AsyncDisposable {
	readonly broker: Broker;
	/** Closes `broker` and opens another one on the same data. */
	reopen(): Promise<Broker>;
	/** Opens one more broker on the same data, as another process would. Called only where that is supported. */
	openAnother(): Promise<Broker>;
}

/** What the suite needs to know of an adapter. */
export interface BrokerHarness {
	/** False where one process owns the data. */
	readonly supportsSeveralProcesses: boolean;
	start(topology: Topology): Promise<BrokerFixture>;
}

/** Topics need no more than this to be told apart, and each queue costs a broker something. */
export function smallTopology(): Topology {
	const full = createTopology(`broker-contract-${randomUUID()}`);
	const {queues} = full;
	return {
		...full,
		queues: {...queues, logs: queues.logs.slice(0, 1), commands: queues.commands.slice(0, 1), ordered: []},
		waitLevels: full.waitLevels.slice(0, 1),
	};
}

/** A message with an id of its own, straight to one queue. */
export function messageTo(queue: QueueDeclaration, topology: Topology, id: string = randomUUID()): OutgoingMessage {
	return {id, exchange: topology.exchanges.due.name, routingKey: queue.name, headers: {}, body: Buffer.from(id)};
}

/** What every adapter of the `Broker` port promises. */
export function brokerContract(test: TestFn, harness: BrokerHarness): void {
	test('a published message arrives with its id, routing key, headers and body', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const sent: OutgoingMessage = {
			...messageTo(topology.queues.webhook, topology),
			headers: {text: 'Grüße 👋', empty: '', digits: '42', zero: 0, negative: -7, timestampMs: 1_774_612_800_123},
			body: Buffer.from(Array.from({length: 256}, (_, byte) => byte)),
		};
		const inbox = new Inbox();
		await broker.publish(sent);
		await broker.consume(topology.queues.webhook, {prefetch: 10}, inbox.accept);

		const message = firstOf(await inbox.arrived(1));
		t.is(message.id, sent.id);
		t.is(message.exchange, sent.exchange);
		t.is(message.routingKey, sent.routingKey);
		t.deepEqual(message.headers, sent.headers);
		t.deepEqual(message.body, sent.body);
		t.false(message.redelivered);
		t.is(message.replyTo, undefined);
		t.is(message.death, undefined);
	});

	test('empty and large bodies arrive whole', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const large = Buffer.alloc(1024 * 1024, 'wahooks');
		const inbox = new Inbox();
		await broker.publish({...messageTo(topology.queues.webhook, topology), body: Buffer.alloc(0)});
		await broker.publish({...messageTo(topology.queues.webhook, topology), body: large});
		await broker.consume(topology.queues.webhook, {prefetch: 10}, inbox.accept);

		const [first, second] = await inbox.arrived(2);
		t.is(first?.body.length, 0);
		t.true(second?.body.equals(large));
	});

	test('a topic exchange routes by pattern', async (t) => {
		const topology = smallTopology();
		const {webhook, session, logs} = topology.queues;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [all, statuses, partition] = [new Inbox(), new Inbox(), new Inbox()];
		await broker.consume(webhook, {prefetch: 10}, all.accept);
		await broker.consume(session, {prefetch: 10}, statuses.accept);
		await broker.consume(firstOf(logs), {prefetch: 10}, partition.accept);

		const publish = (id: string, routingKey: string): Promise<void> =>
			broker.publish({id, exchange: topology.exchanges.events.name, routingKey, headers: {}, body: Buffer.from(id)});
		await publish('message of 1', '1.user.connection.message');
		await publish('status of 1', '1.user.connection.session.status');
		await publish('longer than the status pattern', '1.user.connection.session.status.more');
		await publish('shorter than the status pattern', '1.user.session.status');
		await publish('message of 0', '0.user.connection.message.any');
		await publish('status of 0', '0.user.-.session.status');
		await publish('nothing but the partition', '0');
		await publish('a partition that starts alike', '01.user.connection.message');

		await all.arrived(8);
		await statuses.arrived(2);
		await partition.arrived(3);
		await settle(broker, topology);
		t.is(all.messages.length, 8);
		t.deepEqual(statuses.ids, ['status of 1', 'status of 0']);
		t.deepEqual(partition.ids, ['message of 0', 'status of 0', 'nothing but the partition']);
	});

	test('a direct exchange routes by the exact key', async (t) => {
		const topology = smallTopology();
		const {webhook, session} = topology.queues;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [one, other] = [new Inbox(), new Inbox()];
		await broker.consume(webhook, {prefetch: 10}, one.accept);
		await broker.consume(session, {prefetch: 10}, other.accept);
		await broker.publish(messageTo(webhook, topology, 'for webhook'));
		await broker.publish(messageTo(session, topology, 'for session'));

		await one.arrived(1);
		await other.arrived(1);
		await settle(broker, topology);
		t.deepEqual(one.ids, ['for webhook']);
		t.deepEqual(other.ids, ['for session']);
	});

	test('a fanout exchange ignores the routing key', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await broker.consume(topology.queues.dead, {prefetch: 10}, inbox.accept);
		const message = messageTo(topology.queues.dead, topology);
		await broker.publish({...message, exchange: topology.exchanges.dead.name, routingKey: 'any.thing'});
		await broker.publish({...message, exchange: topology.exchanges.dead.name, routingKey: ''});

		const arrived = await inbox.arrived(2);
		t.deepEqual(
			arrived.map(({routingKey}) => routingKey),
			['any.thing', ''],
		);
	});

	test('an unroutable message is rejected and others are not affected', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await broker.consume(topology.queues.webhook, {prefetch: 10}, inbox.accept);
		const lost = {...messageTo(topology.queues.webhook, topology), routingKey: 'nobody'};
		const results = await Promise.allSettled([
			broker.publish(messageTo(topology.queues.webhook, topology, 'before')),
			broker.publish(lost),
			broker.publish({...lost, exchange: `${topology.exchanges.due.name}.unknown`}),
			broker.publish(messageTo(topology.queues.webhook, topology, 'after')),
		]);

		t.deepEqual(
			results.map(({status}) => status),
			['fulfilled', 'rejected', 'rejected', 'fulfilled'],
		);
		for (const result of results) {
			if (result.status === 'rejected') t.true(result.reason instanceof BrokerUnavailableError);
		}
		await inbox.arrived(2);
		t.deepEqual(inbox.ids, ['before', 'after']);
	});

	test('no more than `prefetch` messages are in hand', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await publishMany(broker, topology.queues.webhook, topology, 10);
		await broker.consume(topology.queues.webhook, {prefetch: 3}, inbox.hold);
		for (let handled = 0; handled < 10; handled++) {
			await inbox.arrived(Math.min(handled + 3, 10));
			inbox.release();
		}
		t.is(inbox.peak, 3);
	});

	test('a message stays in hand while its handler is pending', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [slow, quick] = [new Inbox(), new Inbox()];
		await broker.consume(queue, {prefetch: 1}, slow.hold);
		await broker.publish(messageTo(queue, topology, 'held'));
		await slow.arrived(1);
		await broker.consume(queue, {prefetch: 10}, quick.accept);
		await publishMany(broker, queue, topology, 20);

		await quick.arrived(20);
		await settle(broker, topology);
		t.false(quick.ids.includes('held'));
		t.deepEqual(slow.ids, ['held']);
		slow.release();
	});

	test('a handler that throws returns its message', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const sent = {...messageTo(topology.queues.webhook, topology), headers: {attempt: 1}};
		const inbox = new Inbox();
		await broker.publish(sent);
		await broker.consume(topology.queues.webhook, {prefetch: 1}, (message) => {
			void inbox.accept(message);
			return inbox.messages.length === 1 ? Promise.reject(new Error('first time')) : Promise.resolve('ack');
		});

		const [first, second] = await inbox.arrived(2);
		t.false(first?.redelivered);
		t.true(second?.redelivered);
		t.is(second?.id, sent.id);
		t.deepEqual(second?.headers, sent.headers);
		await settle(broker, topology);
		t.is(inbox.messages.length, 2);
	});

	test('a requeued message is handled again until it is acknowledged', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await broker.consume(topology.queues.webhook, {prefetch: 1}, inbox.hold);
		await broker.publish(messageTo(topology.queues.webhook, topology, 'again'));
		await inbox.arrived(1);
		inbox.release('requeue');
		await inbox.arrived(2);
		inbox.release('requeue');
		await inbox.arrived(3);
		inbox.release('ack');
		await settle(broker, topology);

		t.deepEqual(inbox.ids, ['again', 'again', 'again']);
		t.deepEqual(
			inbox.messages.map(({redelivered}) => redelivered),
			[false, true, true],
		);
	});

	test('a message that is returned more often than the delivery limit becomes a dead letter', async (t) => {
		const small = smallTopology();
		const webhook = {...small.queues.webhook, deliveryLimit: 2};
		const topology = {...small, queues: {...small.queues, webhook}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const sent = {...messageTo(webhook, topology, 'poison'), headers: {kind: 'poison', size: 3}};
		let deliveries = 0;
		const dead = new Inbox();
		await broker.consume(topology.queues.dead, {prefetch: 1}, dead.accept);
		await broker.consume(webhook, {prefetch: 5}, (message) => {
			if (message.id === 'poison') deliveries++;
			return Promise.resolve<Settlement>(message.id === 'poison' ? 'requeue' : 'ack');
		});
		await broker.publish(sent);
		await broker.publish(messageTo(webhook, topology, 'harmless'));

		const message = firstOf(await dead.arrived(1));
		t.is(deliveries, 3);
		t.is(message.id, 'poison');
		t.deepEqual(message.headers, sent.headers);
		t.deepEqual(message.body, sent.body);
		t.deepEqual(message.death, {queue: webhook.name, reason: 'delivery_limit'});
		await settle(broker, topology);
		t.deepEqual(dead.ids, ['poison']);
	});

	test('a wait level holds a message for its delay, then hands it to the queue that the routing key names', async (t) => {
		const topology = smallTopology();
		const {webhook, session} = topology.queues;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [target, other] = [new Inbox(), new Inbox()];
		await broker.consume(webhook, {prefetch: 10}, target.accept);
		await broker.consume(session, {prefetch: 10}, other.accept);
		const sent = {...messageTo(webhook, topology), exchange: levelOf(topology), headers: {dueAt: 1_774_612_800_123}};
		const startedAt = performance.now();
		await broker.publish(sent);

		const message = firstOf(await target.arrived(1));
		t.true(performance.now() - startedAt >= 900);
		t.is(message.id, sent.id);
		t.is(message.routingKey, webhook.name);
		t.deepEqual(message.headers, sent.headers);
		t.deepEqual(message.body, sent.body);
		t.false(message.redelivered);
		t.is(message.death, undefined, 'waiting is not dying');
		await settle(broker, topology);
		t.deepEqual(other.messages, []);
	});

	test('a message of any queue that is consumed can wait and comes back, dead letters and live events included', async (t) => {
		const topology = smallTopology();
		const {dead, websocket} = topology.queues;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		for (const queue of [dead, websocket]) {
			const inbox = new Inbox();
			await broker.consume(queue, {prefetch: 5}, inbox.accept);
			await broker.publish({...messageTo(queue, topology, 'waiting'), exchange: levelOf(topology)});
			await inbox.arrived(1);
			t.deepEqual(inbox.ids, ['waiting'], queue.name);
			t.is(inbox.messages[0]?.death, undefined, 'the end of a wait is no death');
		}
	});

	test('a message can wait again and again, and tells the queue that it died in after that', async (t) => {
		const small = smallTopology();
		const webhook = {...small.queues.webhook, deliveryLimit: 1};
		const topology = {...small, queues: {...small.queues, webhook}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [inbox, dead] = [new Inbox(), new Inbox()];
		await broker.consume(topology.queues.dead, {prefetch: 1}, dead.accept);
		await broker.consume(webhook, {prefetch: 1}, async (message) => {
			await inbox.accept(message);
			if (Number(message.headers['hop']) === 2) return 'requeue';
			await broker.publish({
				...message,
				exchange: levelOf(topology),
				headers: {hop: Number(message.headers['hop']) + 1},
			});
			return 'ack';
		});
		await broker.publish({...messageTo(webhook, topology), headers: {hop: 0}});

		const message = firstOf(await dead.arrived(1));
		t.deepEqual(
			inbox.messages.map(({headers}) => headers['hop']),
			[0, 1, 2, 2],
		);
		t.deepEqual(message.death, {queue: webhook.name, reason: 'delivery_limit'});
	});

	test('a volatile queue drops its oldest messages past its length', async (t) => {
		const small = smallTopology();
		const websocket = {...small.queues.websocket, maxLength: 3};
		const topology = {...small, queues: {...small.queues, websocket}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		for (const id of ['1', '2', '3', '4', '5']) {
			await broker.publish({...messageTo(websocket, topology, id), exchange: topology.exchanges.events.name});
		}
		const inbox = new Inbox();
		await broker.consume(websocket, {prefetch: 10}, inbox.accept);

		await inbox.arrived(3);
		await settle(broker, topology);
		t.deepEqual(inbox.ids, ['3', '4', '5']);
	});

	test('what a volatile queue drops, being too many, goes to its dead-letter exchange', async (t) => {
		const small = smallTopology();
		const websocket = {...small.queues.websocket, maxLength: 3};
		const topology = {...small, queues: {...small.queues, websocket}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const lost = new Inbox();
		await broker.consume(topology.queues.lost, {prefetch: 10}, lost.accept);
		for (const id of ['1', '2', '3', '4', '5']) {
			await broker.publish({...messageTo(websocket, topology, id), exchange: topology.exchanges.events.name});
		}
		await lost.arrived(2);
		await settle(broker, topology);
		t.deepEqual(lost.ids, ['1', '2']);
		t.deepEqual(lost.messages[0]?.headers, messageTo(websocket, topology, '1').headers);
	});

	test('what grows too old in a volatile queue goes to its dead-letter exchange', async (t) => {
		const small = smallTopology();
		const websocket = {...small.queues.websocket, ttlMs: 200};
		const topology = {...small, queues: {...small.queues, websocket}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [lost, alarm] = [new Inbox(), new Inbox()];
		await broker.consume(topology.queues.lost, {prefetch: 10}, lost.accept);
		await broker.consume(topology.queues.outcomes, {prefetch: 1}, alarm.accept);
		await broker.publish({...messageTo(websocket, topology, 'stale'), exchange: topology.exchanges.events.name});
		// The message that waits for a second tells when the other one has been stale for long.
		await broker.publish({...messageTo(topology.queues.outcomes, topology), exchange: levelOf(topology)});
		await alarm.arrived(1);
		await broker.publish({...messageTo(websocket, topology, 'fresh'), exchange: topology.exchanges.events.name});
		await lost.arrived(1);
		t.is(lost.ids[0], 'stale');
	});

	test('what is returned to a volatile queue keeps its place', async (t) => {
		const topology = smallTopology();
		const {websocket} = topology.queues;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		const consumer = await broker.consume(websocket, {prefetch: 3}, inbox.hold);
		for (const id of ['1', '2', '3', '4']) await broker.publish(messageTo(websocket, topology, id));
		await inbox.arrived(3);
		await consumer.pause();
		for (let count = 0; count < 3; count++) inbox.release('requeue');
		const other = new Inbox();
		await broker.consume(websocket, {prefetch: 1}, other.accept);
		await other.arrived(4);
		t.deepEqual(other.ids, ['1', '2', '3', '4']);
	});

	test('a volatile queue drops what is older than its time to live', async (t) => {
		const small = smallTopology();
		const websocket = {...small.queues.websocket, ttlMs: 200};
		const topology = {...small, queues: {...small.queues, websocket}};
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [inbox, alarm] = [new Inbox(), new Inbox()];
		await broker.consume(topology.queues.outcomes, {prefetch: 1}, alarm.accept);
		await broker.publish({...messageTo(websocket, topology, 'stale'), exchange: topology.exchanges.events.name});
		// The message that waits for a second tells when the other one has been stale for long.
		await broker.publish({...messageTo(topology.queues.outcomes, topology), exchange: levelOf(topology)});
		await alarm.arrived(1);
		await broker.consume(websocket, {prefetch: 10}, inbox.accept);
		await broker.publish({...messageTo(websocket, topology, 'fresh'), exchange: topology.exchanges.events.name});

		await inbox.arrived(1);
		t.deepEqual(inbox.ids, ['fresh']);
	});

	test('a single active consumer has the queue alone until it is gone', async (t) => {
		const topology = smallTopology();
		const queue = firstOf(topology.queues.logs);
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const [first, second] = [new Inbox(), new Inbox()];
		const active = await broker.consume(queue, {prefetch: 1}, first.hold);
		await broker.publish(messageTo(queue, topology, 'first'));
		await first.arrived(1);
		await broker.consume(queue, {prefetch: 10}, second.accept);
		await broker.publish(messageTo(queue, topology, 'second'));
		await settle(broker, topology);
		t.deepEqual(second.ids, []);

		const closed = active.close();
		first.release();
		await closed;
		await second.arrived(1);
		t.deepEqual(first.ids, ['first']);
		t.deepEqual(second.ids, ['second']);
	});

	test('a single active consumer gets messages in the order of publishing', async (t) => {
		const topology = smallTopology();
		const queue = firstOf(topology.queues.logs);
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await broker.consume(queue, {prefetch: 7}, async (message) => {
			const settlement = await inbox.accept(message);
			await new Promise((resolve) => setImmediate(resolve));
			return settlement;
		});
		const published = await publishMany(broker, queue, topology, 200);

		await inbox.arrived(200);
		t.deepEqual(inbox.ids, published);
	});

	test('every consumer of a broadcast queue gets its own copy', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.control;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const publish = (id: string): Promise<void> =>
			broker.publish({...messageTo(queue, topology, id), exchange: topology.exchanges.control.name, routingKey: ''});
		await t.notThrowsAsync(publish('before anybody listens'));
		const [one, two] = [new Inbox(), new Inbox()];
		const consumer = await broker.consume(queue, {prefetch: 10}, one.accept);
		await broker.consume(queue, {prefetch: 10}, two.accept);
		await publish('for both');
		await one.arrived(1);
		await consumer.close();
		await publish('for the other');

		await two.arrived(2);
		await settle(broker, topology);
		t.deepEqual(one.ids, ['for both']);
		t.deepEqual(two.ids, ['for both', 'for the other']);
	});

	test('a paused consumer gets nothing until it is resumed, and can settle what is in hand', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		const consumer = await broker.consume(queue, {prefetch: 5}, inbox.hold);
		await broker.publish(messageTo(queue, topology, 'in hand'));
		await inbox.arrived(1);
		await consumer.pause();
		await broker.publish(messageTo(queue, topology, 'later'));
		await settle(broker, topology);
		t.deepEqual(inbox.ids, ['in hand']);
		inbox.release();
		await settle(broker, topology);
		t.deepEqual(inbox.ids, ['in hand']);

		await consumer.resume();
		await inbox.arrived(2);
		t.deepEqual(inbox.ids, ['in hand', 'later']);
		t.false(inbox.messages[1]?.redelivered);
		inbox.release();
	});

	test('pausing and resuming twice is harmless', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		const consumer = await broker.consume(queue, {prefetch: 5}, inbox.accept);
		await Promise.all([consumer.pause(), consumer.pause()]);
		await Promise.all([consumer.resume(), consumer.resume()]);
		await publishMany(broker, queue, topology, 10);

		await inbox.arrived(10);
		await settle(broker, topology);
		t.is(inbox.messages.length, 10);
		await Promise.all([consumer.close(), consumer.close()]);
	});

	test('closing a consumer waits for what is in hand and takes nothing more', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		const consumer = await broker.consume(queue, {prefetch: 1}, inbox.hold);
		await publishMany(broker, queue, topology, 2);
		await inbox.arrived(1);
		let closed = false;
		const closing = consumer.close().then(() => {
			closed = true;
		});
		await settle(broker, topology);
		t.false(closed);
		inbox.release();
		await closing;
		t.is(inbox.messages.length, 1);

		const next = new Inbox();
		await broker.consume(queue, {prefetch: 5}, next.accept);
		await next.arrived(1);
		await settle(broker, topology);
		t.is(next.messages.length, 1, 'the first message is gone, the second was never in hand');
		t.false(next.messages[0]?.redelivered);
	});

	test('closing a broker waits for what is in hand', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		const inbox = new Inbox();
		await fixture.broker.consume(queue, {prefetch: 1}, inbox.hold);
		await fixture.broker.publish(messageTo(queue, topology, 'in hand'));
		await inbox.arrived(1);
		const reopening = fixture.reopen();
		setImmediate(() => {
			inbox.release();
		});
		const broker = await reopening;

		const next = new Inbox();
		await broker.publish(messageTo(queue, topology, 'afterwards'));
		await broker.consume(queue, {prefetch: 5}, next.accept);
		await next.arrived(1);
		t.deepEqual(next.ids, ['afterwards']);
	});

	test('a closed broker refuses to publish', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		await fixture.reopen();
		await t.throwsAsync(broker.publish(messageTo(topology.queues.webhook, topology)), {
			instanceOf: BrokerUnavailableError,
		});
	});

	test('what was published survives closing and reopening, waiting messages included', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.webhook;
		await using fixture = await harness.start(topology);
		await fixture.broker.publish(messageTo(queue, topology, 'queued'));
		await fixture.broker.publish({...messageTo(queue, topology, 'waiting'), exchange: levelOf(topology)});
		const broker = await fixture.reopen();
		const inbox = new Inbox();
		await broker.consume(queue, {prefetch: 5}, inbox.accept);

		await inbox.arrived(2);
		t.deepEqual(inbox.ids, ['queued', 'waiting']);
	});

	test('a request resolves to the reply of its handler', async (t) => {
		const topology = smallTopology();
		const queue = firstOf(topology.queues.commands);
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const pending: Message[] = [];
		await broker.consume(queue, {prefetch: 10}, async (message) => {
			pending.push(message);
			// Answered in the reverse order, so that a reply must find its own request.
			if (pending.length === 5) {
				for (const request of pending.reverse()) {
					await broker.reply(request, Buffer.from(`reply to ${request.id}`));
				}
			}
			return 'ack';
		});
		const ids = ['a', 'b', 'c', 'd', 'e'];
		const replies = await Promise.all(ids.map((id) => broker.request(messageTo(queue, topology, id), 10_000)));

		t.deepEqual(
			replies.map((reply) => reply?.toString()),
			ids.map((id) => `reply to ${id}`),
		);
	});

	test('a request that nobody answers in time resolves to undefined, and its message is still handled', async (t) => {
		const topology = smallTopology();
		const queue = firstOf(topology.queues.commands);
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const startedAt = performance.now();
		t.is(await broker.request(messageTo(queue, topology, 'slow'), 300), undefined);
		t.true(performance.now() - startedAt >= 290);

		const inbox = new Inbox();
		await broker.consume(queue, {prefetch: 10}, async (message) => {
			await broker.reply(message, Buffer.from('too late'));
			return inbox.accept(message);
		});
		const message = firstOf(await inbox.arrived(1));
		t.is(message.id, 'slow');
	});

	test('a request that reaches no queue is rejected', async (t) => {
		const topology = smallTopology();
		await using fixture = await harness.start(topology);
		const message = {...messageTo(topology.queues.webhook, topology), routingKey: 'nobody'};
		await t.throwsAsync(fixture.broker.request(message, 10_000), {instanceOf: BrokerUnavailableError});
	});

	test('2,000 messages published at once are all confirmed and all consumed', async (t) => {
		const topology = smallTopology();
		const queue = topology.queues.outcomes;
		await using fixture = await harness.start(topology);
		const {broker} = fixture;
		const inbox = new Inbox();
		await broker.consume(queue, {prefetch: 200}, inbox.accept);
		const published = await publishMany(broker, queue, topology, 2000);

		await eventually(() => new Set(inbox.ids).size === 2000);
		t.deepEqual(new Set(inbox.ids), new Set(published));
	});

	if (harness.supportsSeveralProcesses) {
		test('several processes share the work of a queue and answer each other', async (t) => {
			const topology = smallTopology();
			const queue = firstOf(topology.queues.commands);
			const {webhook} = topology.queues;
			await using fixture = await harness.start(topology);
			const {broker} = fixture;
			const another = await fixture.openAnother();
			const [one, two] = [new Inbox(), new Inbox()];
			await broker.consume(webhook, {prefetch: 1}, one.hold);
			await another.consume(webhook, {prefetch: 1}, two.hold);
			await publishMany(broker, webhook, topology, 2);
			await one.arrived(1);
			await two.arrived(1);
			t.notDeepEqual(one.ids, two.ids);
			one.release();
			two.release();

			await another.consume(queue, {prefetch: 1}, async (message) => {
				await another.reply(message, Buffer.from('from another process'));
				return 'ack';
			});
			const reply = await broker.request(messageTo(queue, topology), 10_000);
			t.is(reply?.toString(), 'from another process');
		});

		test('a single active consumer is replaced by one of another process', async (t) => {
			const topology = smallTopology();
			const queue = firstOf(topology.queues.logs);
			await using fixture = await harness.start(topology);
			const {broker} = fixture;
			const another = await fixture.openAnother();
			const [first, second] = [new Inbox(), new Inbox()];
			await broker.consume(queue, {prefetch: 5}, first.accept);
			await another.consume(queue, {prefetch: 5}, second.accept);
			await publishMany(another, queue, topology, 10);
			await first.arrived(10);
			t.deepEqual(second.ids, []);

			await broker[Symbol.asyncDispose]();
			const published = await publishMany(another, queue, topology, 10);
			await second.arrived(10);
			t.deepEqual(second.ids, published);
		});
	}
}

/** Publishes `count` messages at once; resolves to their ids, in order, when all are confirmed. */
export async function publishMany(
	broker: Broker,
	queue: QueueDeclaration,
	topology: Topology,
	count: number,
): Promise<readonly string[]> {
	const messages = Array.from({length: count}, () => messageTo(queue, topology));
	await Promise.all(messages.map((message) => broker.publish(message)));
	return messages.map(({id}) => id);
}

/** Lets the broker do what it would do on its own: some messages make the way through a queue that no test looks at. */
async function settle(broker: Broker, topology: Topology): Promise<void> {
	const inbox = new Inbox();
	const consumer = await broker.consume(topology.queues.unresolved, {prefetch: 1}, inbox.accept);
	for (let round = 1; round <= 3; round++) {
		await broker.publish(messageTo(topology.queues.unresolved, topology));
		await inbox.arrived(round);
	}
	await consumer.close();
}

function firstOf<T>(items: readonly T[]): T {
	const [first] = items;
	if (first === undefined) throw new Error('the topology lacks it');
	return first;
}

/** The entrance of the shortest wait level: one second. */
function levelOf(topology: Topology): string {
	return firstOf(topology.waitLevels).exchange.name;
}
