import {connect, type Channel} from 'amqplib';
import {connectRabbitMq, type RabbitMq, type RabbitMqOptions} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {allQueues, type Topology} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError, SetupError} from '../../domain/errors.ts';
import type {Broker, OutgoingMessage} from '../../domain/ports/broker.ts';
import {
	brokerContract,
	messageTo,
	publishMany,
	smallTopology,
	type BrokerHarness,
} from '../contracts/broker.contract.ts';
import {eventRoutingContract} from '../contracts/event-routing.contract.ts';
import {eventually} from '../support/eventually.ts';
import {Inbox} from '../support/inbox.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {Semaphore} from '../support/semaphore.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('rabbitmq');

/**
 * RabbitMQ 3.10 reserves three file handles per quorum queue, and with the 1,024 of a default installation it hangs, for good,
 * when they run out.
 */
const places = new Semaphore(4);

const harness: BrokerHarness = {
	supportsSeveralProcesses: true,
	async start(topology) {
		await using starting = await reserve(topology);
		const {broker} = starting.use(await connectTo(topology));
		const resources = starting.move();
		const openAnother = async (): Promise<Broker> => resources.use(await connectTo(topology)).broker;
		return {
			broker,
			openAnother,
			reopen: async () => {
				await broker[Symbol.asyncDispose]();
				return openAnother();
			},
			[Symbol.asyncDispose]: () => resources.disposeAsync(),
		};
	},
};

brokerContract(test, harness);
eventRoutingContract(test, harness);

test('nothing is lost and every consumer comes back when the connections are cut under load', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	let inHand = 0;
	let peak = 0;
	let restored = 0;
	await broker.consume(queue, {prefetch: 50, onRestored: () => restored++}, async (message) => {
		peak = Math.max(peak, ++inHand);
		await new Promise((resolve) => setTimeout(resolve, 5));
		inHand--;
		return inbox.accept(message);
	});
	const confirmed: string[] = [];
	const publishUntil = async (stopped: () => boolean): Promise<void> => {
		while (!stopped()) {
			const message = messageTo(queue, topology);
			await publishStubbornly(broker, message);
			confirmed.push(message.id);
		}
	};
	let done = false;
	const publishers = Array.from({length: 100}, () => publishUntil(() => done));
	for (let round = 1; round <= 4; round++) {
		await eventually(() => confirmed.length >= round * 500);
		proxy.cut();
		await eventually(() => restored >= round);
	}
	done = true;
	await Promise.all(publishers);

	await eventually(() => {
		const handled = new Set(inbox.ids);
		return confirmed.every((id) => handled.has(id));
	});
	t.true(confirmed.length >= 2000);
	t.true(peak <= 50, `${peak} in hand`);
	t.is(restored, 4);
});

test('messages in hand when the connection is lost come again, and settling the old delivery does no harm', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	await broker.consume(queue, {prefetch: 10}, inbox.hold);
	await publishMany(broker, queue, topology, 2);
	await inbox.arrived(2);
	proxy.cut();
	await inbox.arrived(4);
	t.deepEqual(
		inbox.messages.map(({redelivered}) => redelivered),
		[false, false, true, true],
	);
	for (let count = 0; count < 4; count++) inbox.release();
	await publishStubbornly(broker, messageTo(queue, topology, 'afterwards'));

	await inbox.arrived(5);
	t.is(inbox.messages.at(-1)?.id, 'afterwards');
	inbox.release();
	await eventually(async () => (await countMessages(topology)) === 0);
});

test('a consumer holds no more than its prefetch when messages come again while their old handlers still run', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	let restored = 0;
	await publishMany(broker, queue, topology, 3);
	await broker.consume(queue, {prefetch: 3, onRestored: () => restored++}, inbox.hold);
	await inbox.arrived(3);
	proxy.cut();
	await eventually(() => restored === 1);
	for (let count = 0; count < 3; count++) {
		inbox.release();
		await inbox.arrived(4 + count);
	}
	t.is(inbox.peak, 3);
	for (let count = 0; count < 3; count++) inbox.release();
	await eventually(async () => (await countMessages(topology)) === 0);
});

test('a connection that is dead without a sign is noticed and replaced', async (t) => {
	await using fixture = await behindProxy({publishTimeoutMs: 300}, '?heartbeat=1');
	const {broker, healthCheck, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	let restored = 0;
	await broker.consume(queue, {prefetch: 10, onRestored: () => restored++}, inbox.accept);
	proxy.pause();
	await t.throwsAsync(broker.publish(messageTo(queue, topology)), {instanceOf: BrokerUnavailableError});
	await t.throwsAsync(healthCheck.check(AbortSignal.timeout(200)), {instanceOf: BrokerUnavailableError});
	const {attempts} = proxy;
	await eventually(() => proxy.attempts >= attempts + 2);
	proxy.heal();
	await eventually(() => restored > 0);
	await publishStubbornly(broker, messageTo(queue, topology, 'afterwards'));
	await eventually(() => inbox.ids.includes('afterwards'));
	await healthCheck.check(AbortSignal.timeout(5000));
});

test('while the broker is away, publishing fails within its deadline, then at once, and works again afterwards', async (t) => {
	await using fixture = await behindProxy({publishTimeoutMs: 400});
	const {broker, healthCheck, proxy, topology} = fixture;
	const message = messageTo(topology.queues.webhook, topology);
	await healthCheck.check(AbortSignal.timeout(5000));
	proxy.refuse();
	const startedAt = performance.now();
	await t.throwsAsync(broker.publish(message), {instanceOf: BrokerUnavailableError});
	t.true(performance.now() - startedAt < 1000);

	await eventually(async () => {
		const before = performance.now();
		await t.throwsAsync(broker.publish(message), {instanceOf: BrokerUnavailableError});
		return performance.now() - before < 20;
	});
	await t.throwsAsync(healthCheck.check(AbortSignal.timeout(5000)), {instanceOf: BrokerUnavailableError});
	await t.throwsAsync(broker.request(message, 10_000), {instanceOf: BrokerUnavailableError});

	proxy.heal();
	await eventually(() => broker.publish(message));
	await eventually(() => healthCheck.check(AbortSignal.timeout(5000)));
});

test('no more than 500 messages are under way', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	proxy.mute();
	const published = publishMany(broker, topology.queues.webhook, topology, 600);
	await eventually(async () => (await countMessages(topology)) >= 500);
	t.is(await countMessages(topology), 500);
	proxy.heal();
	await published;
	t.is(await countMessages(topology), 600);
});

test('a consumer survives that its queue is deleted', async (t) => {
	await using fixture = await behindProxy();
	const {broker, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	let restored = 0;
	await broker.consume(queue, {prefetch: 10, onRestored: () => restored++}, inbox.hold);
	await broker.publish(messageTo(queue, topology, 'gone with the queue'));
	await inbox.arrived(1);
	await withChannel((channel) => channel.deleteQueue(queue.name));
	await eventually(() => restored === 1);
	inbox.release();
	await broker.publish(messageTo(queue, topology, 'for the new queue'));

	await inbox.arrived(2);
	t.deepEqual(inbox.ids, ['gone with the queue', 'for the new queue']);
	inbox.release();
});

test('exchanges and queues that nobody consumes are declared again when somebody deleted them', async (t) => {
	await using fixture = await behindProxy();
	const {broker, topology} = fixture;
	const toDead: OutgoingMessage = {
		...messageTo(topology.queues.dead, topology),
		exchange: topology.exchanges.dead.name,
	};
	await withChannel((channel) => channel.deleteQueue(topology.queues.dead.name));
	await t.throwsAsync(broker.publish(toDead), {instanceOf: BrokerUnavailableError});
	await eventually(() => broker.publish(toDead));

	await withChannel((channel) => channel.deleteExchange(topology.exchanges.dead.name));
	await t.throwsAsync(broker.publish(toDead), {instanceOf: BrokerUnavailableError});
	await eventually(() => broker.publish(toDead));
	t.is(await countMessages(topology), 2);
});

test('channels that the server closes alone are built again, with their consumers', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	let restored = 0;
	await broker.consume(queue, {prefetch: 10, onRestored: () => restored++}, inbox.accept);
	const connections = proxy.connections;
	// The first channel of both connections: the publisher's and the consumer's.
	proxy.inject('upstream', ackFrame({channel: 1, deliveryTag: 9999}));
	await eventually(() => restored === 1);
	await publishStubbornly(broker, messageTo(queue, topology, 'afterwards'));

	await inbox.arrived(1);
	t.deepEqual(inbox.ids, ['afterwards']);
	t.is(proxy.connections, connections, 'the connections stayed');
});

test('a lost broadcast subscription comes back and says that it may have missed something', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const queue = topology.queues.control;
	const inbox = new Inbox();
	let restored = 0;
	const consumer = await broker.consume(queue, {prefetch: 10, onRestored: () => restored++}, inbox.accept);
	t.is(restored, 0);
	proxy.cut();
	await eventually(() => restored === 1);
	await consumer.pause();
	await consumer.resume();
	t.is(restored, 2, 'the queue was gone while it was paused');
	await publishStubbornly(broker, {...messageTo(queue, topology, 'news'), exchange: topology.exchanges.control.name});

	await inbox.arrived(1);
	t.deepEqual(inbox.ids, ['news']);
});

test('a memory alarm refuses messages at once and by its name, and consuming goes on', async (t) => {
	await using fixture = await behindProxy();
	const {broker, healthCheck, proxy, topology} = fixture;
	const queue = topology.queues.webhook;
	const inbox = new Inbox();
	await broker.publish(messageTo(queue, topology, 'before'));
	proxy.inject('client', connectionFrame(60, Buffer.from('\rlow on memory')));
	const isHealthy = (): Promise<boolean> =>
		healthCheck.check(AbortSignal.timeout(5000)).then(
			() => true,
			() => false,
		);
	await eventually(async () => !(await isHealthy()));
	await t.throwsAsync(healthCheck.check(AbortSignal.timeout(5000)), {message: /low on memory/});
	const startedAt = performance.now();
	await t.throwsAsync(broker.publish(messageTo(queue, topology)), {
		instanceOf: BrokerUnavailableError,
		message: /low on memory/,
	});
	t.true(performance.now() - startedAt < 1000);
	await broker.consume(queue, {prefetch: 10}, inbox.accept);
	await inbox.arrived(1);

	proxy.inject('client', connectionFrame(61, Buffer.alloc(0)));
	await eventually(isHealthy);
	await broker.publish(messageTo(queue, topology, 'after'));
	await inbox.arrived(2);
	t.deepEqual(inbox.ids, ['before', 'after']);
});

test('a request whose answer cannot come any more resolves to undefined without waiting', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const [queue] = topology.queues.commands;
	if (queue === undefined) throw new Error('the topology lacks commands');
	const inbox = new Inbox();
	await broker.consume(queue, {prefetch: 10}, inbox.hold);
	const startedAt = performance.now();
	const asked = broker.request(messageTo(queue, topology), 60_000);
	await inbox.arrived(1);
	// Handled already, and so queued; its confirm is a moment behind at most.
	await broker.publish(messageTo(topology.queues.dead, topology, 'behind it')).catch(() => undefined);
	proxy.cut();

	t.is(await asked, undefined);
	t.true(performance.now() - startedAt < 10_000);
	await inbox.arrived(2);
	inbox.release();
	inbox.release();
});

test('a message that cannot be encoded is refused alone', async (t) => {
	await using fixture = await behindProxy();
	const {broker, topology} = fixture;
	const queue = topology.queues.webhook;
	const bulky = {...messageTo(queue, topology), headers: {media: 'x'.repeat(70_000)}};
	await t.throwsAsync(broker.publish(bulky), {instanceOf: RangeError});
	await t.notThrowsAsync(broker.publish(messageTo(queue, topology)));
});

test('a queue that is not in the topology cannot be consumed', async (t) => {
	await using fixture = await behindProxy();
	const queue = {...fixture.topology.queues.webhook, name: 'unknown'};
	const inbox = new Inbox();
	await t.throwsAsync(fixture.broker.consume(queue, {prefetch: 1}, inbox.accept), {instanceOf: TypeError});
});

test('a closed broker leaves no connection behind, even when the server has stopped to answer', async (t) => {
	await using fixture = await behindProxy();
	const {broker, proxy, topology} = fixture;
	const inbox = new Inbox();
	await broker.consume(topology.queues.webhook, {prefetch: 1}, inbox.accept);
	t.is(proxy.connections, 2);
	proxy.pause();
	const startedAt = performance.now();
	await broker[Symbol.asyncDispose]();
	t.true(performance.now() - startedAt < 10_000);
	proxy.heal();
	await eventually(() => proxy.connections === 0);
});

test('an answer that is given while the answering side is cut off reaches its asker once that side is back', async (t) => {
	await using fixture = await behindProxy();
	const {broker, healthCheck, proxy, topology} = fixture;
	const {broker: asker} = await connectTo(topology);
	await using _asker = asker;
	const queue = topology.queues.webhook;
	let handled = 0;
	await broker.consume(queue, {prefetch: 1}, async (message) => {
		if (++handled > 1) return 'ack';
		proxy.refuse();
		await eventually(() =>
			healthCheck.check(AbortSignal.timeout(1000)).then(
				() => false,
				() => true,
			),
		);
		const answered = broker.reply(message, Buffer.from('done'));
		proxy.heal();
		await answered;
		return 'ack';
	});
	const reply = await asker.request(messageTo(queue, topology), 30_000);
	t.is(reply?.toString(), 'done');
});

test('a server that starts late is waited for', async (t) => {
	const topology = smallTopology();
	await using _reservation = await reserve(topology);
	await using proxy = await TcpProxy.to(urls.rabbitmq);
	proxy.refuse();
	let connected = false;
	const log = new RecordingLogger();
	const connecting = connectTo(topology, {url: proxy.urlFor(urls.rabbitmq), log}).then((rabbitMq) => {
		connected = true;
		return rabbitMq;
	});
	await eventually(() => proxy.attempts >= 2);
	t.false(connected);
	proxy.heal();
	await using rabbitMq = await connecting;
	await t.notThrowsAsync(rabbitMq.broker.publish(messageTo(topology.queues.webhook, topology)));
	t.is(log.of('broker.waiting').length, 1, 'once, not with each try');
});

test('what only an operator can mend ends the start with one line that says how', async (t) => {
	const topology = smallTopology();
	const failure = async (options: Partial<RabbitMqOptions>): Promise<string> => {
		const error = await t.throwsAsync(connectTo(topology, {connectTimeoutMs: 0, ...options}));
		t.true(error instanceof SetupError, String(error));
		t.notRegex(error.message, /secret|\n/);
		return error.message;
	};
	const {host} = new URL(urls.rabbitmq);
	t.regex(await failure({url: `amqp://guest:secret@${host}`}), /refuses the user or password of AMQP_URL/);
	t.regex(await failure({url: `amqp://guest:guest@${host}/no-such-vhost`}), /add_vhost/);
	t.regex(
		await failure({url: 'amqp://guest:secret@127.0.0.1:1'}),
		/No RabbitMQ answers at 127\.0\.0\.1:1 .*ECONNREFUSED/,
	);
	t.regex(await failure({url: 'http://guest:secret@127.0.0.1'}), /AMQP_URL is not of the form/);
	t.regex(await failure({url: 'secret'}), /AMQP_URL is not of the form/);
	t.regex(await failure({url: `amqps://guest:secret@${host}`, connectTimeoutMs: 600_000}), /does not speak TLS at/);
});

test('a queue with other arguments ends the start and names the queue', async (t) => {
	const topology = smallTopology();
	await using _reservation = await reserve(topology);
	const {name} = topology.queues.webhook;
	await withChannel((channel) => channel.assertQueue(name, {arguments: {'x-queue-type': 'classic'}}));
	const error = await t.throwsAsync(connectTo(topology), {instanceOf: SetupError});
	t.regex(error.message, new RegExp(`queue ${name} with other arguments.*rabbitmqctl delete_queue ${name}`));
});

test('an exchange of another type ends the start and names the exchange', async (t) => {
	const topology = smallTopology();
	await using _reservation = await reserve(topology);
	const {name} = topology.exchanges.events;
	await withChannel((channel) => channel.assertExchange(name, 'fanout'));
	const error = await t.throwsAsync(connectTo(topology), {instanceOf: SetupError});
	t.regex(error.message, new RegExp(`exchange ${name} with other arguments`));
});

/** Room for one more topology on the shared broker, and its removal afterwards. */
async function reserve(topology: Topology): Promise<AsyncDisposableStack> {
	await using stack = new AsyncDisposableStack();
	stack.use(await places.acquire());
	stack.defer(() => removeTopology(urls.rabbitmq, topology));
	return stack.move();
}

/** Disposing it closes the broker. */
async function connectTo(
	topology: Topology,
	options: Partial<RabbitMqOptions> = {},
): Promise<RabbitMq & AsyncDisposable> {
	const log = new RecordingLogger();
	const rabbitMq = await connectRabbitMq({url: urls.rabbitmq, topology, clock: new SystemClock(), log, ...options});
	return {...rabbitMq, [Symbol.asyncDispose]: () => rabbitMq.broker[Symbol.asyncDispose]()};
}

/** A broker that can be taken away. */
async function behindProxy(
	options: Partial<RabbitMqOptions> = {},
	query = '',
): Promise<RabbitMq & AsyncDisposable & {proxy: TcpProxy; topology: Topology}> {
	const topology = smallTopology();
	await using starting = await reserve(topology);
	const proxy = starting.use(await TcpProxy.to(urls.rabbitmq));
	const url = proxy.urlFor(urls.rabbitmq) + query;
	const {broker, healthCheck} = starting.use(await connectTo(topology, {url, ...options}));
	const resources = starting.move();
	return {broker, healthCheck, proxy, topology, [Symbol.asyncDispose]: () => resources.disposeAsync()};
}

/** As callers do: the same message with the same id until it is confirmed. */
async function publishStubbornly(broker: Broker, message: OutgoingMessage): Promise<void> {
	await eventually(() => broker.publish(message));
}

/** Messages of all queues, in hand or not. */
async function countMessages(topology: Topology): Promise<number> {
	return withChannel(async (channel) => {
		let count = 0;
		for (const queue of allQueues(topology)) {
			if (queue.kind !== 'broadcast') count += (await channel.checkQueue(queue.name)).messageCount;
		}
		return count;
	});
}

async function withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
	const model = await connect(urls.rabbitmq);
	try {
		return await use(await model.createChannel());
	} finally {
		await model.close();
	}
}

/** `basic.ack` as it looks on the wire. */
function ackFrame({channel, deliveryTag}: {channel: number; deliveryTag: number}): Buffer {
	const tagAndFlags = Buffer.alloc(9);
	tagAndFlags.writeBigUInt64BE(BigInt(deliveryTag));
	return methodFrame(channel, 60, 80, tagAndFlags);
}

/** A method of class `connection`: 60 is `blocked`, 61 is `unblocked`. */
function connectionFrame(method: number, fields: Buffer): Buffer {
	return methodFrame(0, 10, method, fields);
}

function methodFrame(channel: number, classId: number, methodId: number, fields: Buffer): Buffer {
	const head = Buffer.alloc(11);
	head.writeUInt8(1);
	head.writeUInt16BE(channel, 1);
	head.writeUInt32BE(4 + fields.length, 3);
	head.writeUInt16BE(classId, 7);
	head.writeUInt16BE(methodId, 9);
	return Buffer.concat([head, fields, Buffer.from([0xce])]);
}
