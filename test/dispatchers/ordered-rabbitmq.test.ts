import {randomInt} from 'node:crypto';
import {connectRabbitMq} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import type {Role} from '../../config/env.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {partitionOf} from '../../domain/hashing.ts';
import type {WebhookResponse} from '../../domain/ports/webhook-sender.ts';
import {WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const {test, urls} = await requireServices('rabbitmq');

const CHATS = Array.from({length: 8}, (_, index) => `1555010000${index}@c.us`);
const EVENTS_PER_CHAT = 12;

/** As another process would be: connections, cache and memory of its own. It can die, or lose the broker for a moment. */
class DispatchProcess implements AsyncDisposable {
	readonly #proxy: TcpProxy;
	readonly #resources: AsyncDisposableStack;
	readonly #death = Promise.withResolvers<WebhookResponse>();
	#isDead = false;

	private constructor(proxy: TcpProxy, resources: AsyncDisposableStack) {
		this.#proxy = proxy;
		this.#resources = resources;
	}

	static async start(harness: LiveDispatchHarness, role: Role): Promise<DispatchProcess> {
		await using resources = new AsyncDisposableStack();
		const {topology, clock, log, container} = harness;
		const proxy = resources.use(await TcpProxy.to(urls.rabbitmq));
		const {broker, healthCheck} = await connectRabbitMq({url: proxy.urlFor(urls.rabbitmq), topology, clock, log});
		resources.use(broker);
		const own = container.createChildContainer();
		const store = harness.stores.webhookStore;
		const secretBox = container.resolve(TOKENS.secretBox);
		const sender = container.resolve(TOKENS.webhookSender);
		own.register(TOKENS.broker, {useValue: broker});
		own.register(TOKENS.publisher, {useValue: new Publisher({broker, topology, clock})});
		own.register(TOKENS.healthChecks, {useValue: [healthCheck]});
		own.register(TOKENS.webhookDirectory, {useValue: new WebhookDirectory({store, secretBox, clock})});
		const dispatchers: Dispatcher[] = [];
		resources.defer(async () => {
			await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
		});
		const process = new DispatchProcess(proxy, resources.move());
		own.register(TOKENS.webhookSender, {
			useValue: {
				refusal: (url) => sender.refusal(url),
				send: (request) => (process.#isDead ? process.#death.promise : sender.send(request)),
			},
		});
		for (const dispatcher of createDispatchers(role, own)) {
			await dispatcher.start();
			dispatchers.push(dispatcher);
		}
		return process;
	}

	/** Nothing more is heard of it, at the broker as well as at endpoints. */
	kill(): void {
		this.#isDead = true;
		this.#proxy.refuse();
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
	const {length} = harness.topology.queues.ordered;
	const chatIn = (webhook: Webhook, partition: number): string => {
		for (let number = 15_550_100_000; ; number++) {
			const chat = `${number}@c.us`;
			if (partitionOf(`${webhook.id}/${chat}`, length) === partition) return chat;
		}
	};
	for (let processes = 0; processes < 2; processes++) resources.use(await DispatchProcess.start(harness, 'webhook'));
	resources.use(await DispatchProcess.start(harness, 'log'));

	const crowd = chatIn(hanging, 5);
	const events = Array.from({length: 500}, (_, index): PreparedEvent =>
		harness.eventOf(connection, {id: `false_${crowd}_${index}`, fromMe: false}),
	);
	await Promise.all(events.map((event) => harness.publisher.event(event)));
	const parked = async (): Promise<number> =>
		(await harness.stores.deliveryStore.listByWebhook(hanging.id, {limit: 1000, states: ['parked']})).length;
	await eventually(async () => (await parked()) === 300, 60_000);

	const chat = chatIn(other, 5);
	for (let index = 0; index < 5; index++) {
		await harness.publisher.event(harness.eventOf(connection, {id: `true_${chat}_${index}`, fromMe: true, index}));
	}
	await eventually(() => healthy.deliveries.length === 5);
	t.is(await deliveredCount(harness, hanging), 0);
	dead.answer = (_, response) => response.end();
});
