import {randomInt} from 'node:crypto';
import {connectRabbitMq} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import type {Role} from '../../config/env.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {WebhookResponse} from '../../domain/ports/webhook-sender.ts';
import {WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {chatIn} from '../support/chats-in.ts';
import {eventually} from '../support/eventually.ts';
import {FaultyStores} from '../support/faulty-stores.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const {test, urls} = await requireServices('rabbitmq');

const CHATS = Array.from({length: 8}, (_, index) => `1555010000${index}@c.us`);
const EVENTS_PER_CHAT = 12;

/** As another process would be: connections, cache and memory of its own. It can die, end, or lose the broker or the store for a while. */
class DispatchProcess implements AsyncDisposable {
	readonly #proxy: TcpProxy;
	readonly #stores: FaultyStores;
	readonly #dispatchers: Dispatcher[] = [];
	readonly #resources: AsyncDisposableStack;
	readonly #death = Promise.withResolvers<WebhookResponse>();
	#isDead = false;

	private constructor(proxy: TcpProxy, stores: FaultyStores, resources: AsyncDisposableStack) {
		this.#proxy = proxy;
		this.#stores = stores;
		this.#resources = resources;
	}

	static async start(harness: LiveDispatchHarness, role: Role): Promise<DispatchProcess> {
		await using resources = new AsyncDisposableStack();
		const {topology, clock, log, container} = harness;
		const proxy = resources.use(await TcpProxy.to(urls.rabbitmq));
		const {broker, healthCheck} = await connectRabbitMq({url: proxy.urlFor(urls.rabbitmq), topology, clock, log});
		resources.use(broker);
		const own = container.createChildContainer();
		const faulty = new FaultyStores(harness.stores);
		const store = faulty.stores.webhookStore;
		const secretBox = container.resolve(TOKENS.secretBox);
		const sender = container.resolve(TOKENS.webhookSender);
		own.register(TOKENS.broker, {useValue: broker});
		own.register(TOKENS.publisher, {useValue: new Publisher({broker, topology, clock})});
		own.register(TOKENS.stores, {useValue: faulty.stores});
		own.register(TOKENS.healthChecks, {useValue: [healthCheck, faulty]});
		own.register(TOKENS.webhookDirectory, {useValue: new WebhookDirectory({store, secretBox, clock, log})});
		const process = new DispatchProcess(proxy, faulty, resources.move());
		process.#resources.defer(() => process.end());
		own.register(TOKENS.webhookSender, {
			useValue: {
				refusal: (url) => sender.refusal(url),
				send: (request) => (process.#isDead ? process.#death.promise : sender.send(request)),
			},
		});
		for (const dispatcher of createDispatchers(role, own)) {
			await dispatcher.start();
			process.#dispatchers.push(dispatcher);
		}
		return process;
	}

	/** Nothing more is heard of it, at the broker as well as at endpoints. */
	kill(): void {
		this.#isDead = true;
		this.#proxy.refuse();
	}

	/** As after a SIGTERM. */
	async end(): Promise<void> {
		await Promise.all(this.#dispatchers.splice(0).map((dispatcher) => dispatcher.stop()));
	}

	loseStore(): void {
		this.#stores.mode = 'away';
	}

	regainStore(): void {
		this.#stores.mode = 'working';
	}

	/** It goes on by itself, and so does whoever takes its place. */
	loseBroker(): void {
		this.#proxy.cut();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#proxy.heal();
		this.#death.resolve({kind: 'failure', errorClass: 'other', error: 'it died', durationMs: 0});
		await this.#resources.disposeAsync();
	}
}

/** A webhook that has been ordered for a minute. */
async function insertOrdered(
	{container, stores, clock}: LiveDispatchHarness,
	{userId, id: connectionId}: Connection,
	changes: Partial<Webhook>,
): Promise<Webhook> {
	const sealedSecret = container.resolve(TOKENS.secretBox).seal('secret');
	const orderSwitchesMs = [clock.now() - 60_000];
	const webhook = sampleWebhook({userId, connectionId, events: ['*'], sealedSecret, orderSwitchesMs, ...changes});
	await stores.webhookStore.insert(webhook);
	return webhook;
}

function chatOf(body: string): string {
	return (JSON.parse(body) as {payload: {id: string}}).payload.id.split('_')[1] ?? '';
}

async function deliveredCount({stores}: LiveDispatchHarness, {id}: Webhook): Promise<number> {
	return (await stores.deliveryStore.listByWebhook(id, {limit: 2000, states: ['delivered']})).length;
}

/** Their ids, in the order in which they are given. */
function ofChat(chat: string, events: readonly {readonly id: string; readonly body: string}[]): readonly string[] {
	return events.filter(({body}) => chatOf(body) === chat).map(({id}) => id);
}

for (const [name, interrupt] of [
	[
		'dies',
		(active: DispatchProcess) => {
			active.kill();
		},
	],
	[
		'loses the broker for a moment',
		(active: DispatchProcess) => {
			active.loseBroker();
		},
	],
] as const) {
	test(`RabbitMQ: an endpoint fails at random and the active process ${name}: each chat arrives in the order of the log`, async (t) => {
		t.timeout(120_000);
		await using resources = new AsyncDisposableStack();
		const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq}));
		const sink = resources.use(await WebhookSink.start());
		const connection = await harness.createConnection();
		const retryScheduleMs = Array.from({length: 20}, () => 1000);
		const webhook = await insertOrdered(harness, connection, {url: sink.url, retryScheduleMs});
		/** Answered with 200, in this order. */
		const succeeded: {readonly id: string; readonly body: string}[] = [];
		let isWell = false;
		sink.answer = (_, response) => {
			const body = sink.deliveries.at(-1)?.body ?? '';
			if (!isWell && randomInt(100) < 40) {
				response.writeHead(503).end();
				return;
			}
			succeeded.push({id: (JSON.parse(body) as {id: string}).id, body});
			response.end();
		};
		const active = resources.use(await DispatchProcess.start(harness, 'webhook'));
		for (let others = 0; others < 2; others++) resources.use(await DispatchProcess.start(harness, 'webhook'));
		for (let logs = 0; logs < 2; logs++) resources.use(await DispatchProcess.start(harness, 'log'));

		const total = CHATS.length * EVENTS_PER_CHAT;
		for (let index = 0; index < total; index++) {
			const chat = CHATS[index % CHATS.length] ?? '';
			await harness.publisher.event(harness.eventOf(connection, {id: `false_${chat}_${index}`, index}));
		}
		await eventually(() => succeeded.length > total / 3, 60_000);
		interrupt(active);
		await eventually(() => succeeded.length > total / 2, 60_000);
		isWell = true;
		await eventually(async () => (await deliveredCount(harness, webhook)) === total, 60_000);

		const logged = await harness.stores.eventStore.listAfter(connection.userId, 0, 2000);
		t.is(logged.length, total);
		const firsts = succeeded.filter(({id}, index) => succeeded.findIndex((other) => other.id === id) === index);
		for (const chat of CHATS) t.deepEqual(ofChat(chat, firsts), ofChat(chat, logged), chat);
	});
}

test('RabbitMQ: a dead ordered webhook and a healthy one in one partition: the healthy one hears of its events meanwhile', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq}));
	const dead = resources.use(await WebhookSink.start());
	const healthy = resources.use(await WebhookSink.start());
	dead.answer = () => undefined;
	const connection = await harness.createConnection();
	const hanging = await insertOrdered(harness, connection, {url: dead.url, timeoutMs: 3000});
	const other = await insertOrdered(harness, connection, {url: healthy.url, filter: {fromMe: true}});
	for (let processes = 0; processes < 2; processes++) resources.use(await DispatchProcess.start(harness, 'webhook'));
	resources.use(await DispatchProcess.start(harness, 'log'));

	const crowd = chatIn(harness.topology, hanging.id, 5);
	const events = Array.from({length: 500}, (_, index): PreparedEvent =>
		harness.eventOf(connection, {id: `false_${crowd}_${index}`, fromMe: false}),
	);
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	const parked = async (): Promise<number> =>
		(await harness.stores.deliveryStore.listByWebhook(hanging.id, {limit: 1000, states: ['parked']})).length;
	await eventually(async () => (await parked()) === 300, 60_000);

	const chat = chatIn(harness.topology, other.id, 5);
	for (let index = 0; index < 5; index++) {
		await harness.publisher.event(harness.eventOf(connection, {id: `true_${chat}_${index}`, fromMe: true, index}));
	}
	await eventually(() => healthy.deliveries.length === 5);
	t.is(await deliveredCount(harness, hanging), 0);
	dead.answer = (_, response) => response.end();
});

/** An ordered webhook, two processes that make attempts, of which the first has all partitions, and one that logs. */
async function createPair(resources: AsyncDisposableStack) {
	const harness = resources.use(await LiveDispatchHarness.create({amqpUrl: urls.rabbitmq}));
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const webhook = await insertOrdered(harness, connection, {url: sink.url});
	const active = resources.use(await DispatchProcess.start(harness, 'webhook'));
	const other = resources.use(await DispatchProcess.start(harness, 'webhook'));
	resources.use(await DispatchProcess.start(harness, 'log'));
	const publish = async (partition: number, ...numbers: readonly number[]): Promise<void> => {
		const chat = chatIn(harness.topology, webhook.id, partition);
		for (const n of numbers) {
			await harness.publisher.event(harness.eventOf(connection, {id: `false_${chat}_${n}`, n}));
		}
	};
	const arrived = (): readonly number[] =>
		sink.deliveries.map(({body}) => (JSON.parse(body) as {payload: {n: number}}).payload.n);
	return {harness, active, other, sink, publish, arrived};
}

test('RabbitMQ: the active process ends: nobody takes its partition before it has finished what it began', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const {active, sink, publish, arrived} = await createPair(resources);
	const answer = Promise.withResolvers<undefined>();
	sink.answer = (_, response) => {
		const isFirst = arrived().length === 1;
		void (isFirst ? answer.promise : Promise.resolve()).then(() => response.end());
	};
	await publish(5, 0, 1, 2);
	await eventually(() => arrived().length === 1);

	const ended = active.end();
	await publish(5, 3, 4);
	await publish(6, 100);
	await eventually(() => arrived().includes(100));
	t.deepEqual(arrived(), [0, 100], 'the other process has the partitions where nothing is under way');
	answer.resolve(undefined);
	await ended;
	await eventually(() => arrived().length === 6);
	t.deepEqual(arrived(), [0, 100, 1, 2, 3, 4]);
});

test('RabbitMQ: the active process loses the store: nobody else goes on where it waits', async (t) => {
	t.timeout(120_000);
	await using resources = new AsyncDisposableStack();
	const {harness, active, other, publish, arrived} = await createPair(resources);
	for (const process of [active, other]) process.loseStore();
	await publish(5, 0, 1, 2);
	const queue = harness.topology.queues.ordered[5]?.name;
	await eventually(() => harness.log.of('dispatcher.hold').some(({fields}) => fields['queue'] === queue));
	await publish(5, 3, 4);
	active.regainStore();
	await eventually(() => arrived().length === 5);
	t.deepEqual(arrived(), [0, 1, 2, 3, 4]);
});
