import type {ExecutionContext} from 'ava';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {sampleWebhook} from '../support/samples.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const onEachBroker = await findBrokers();

const ALICE = '15550001111@c.us';
const BOB = '15550002222@c.us';

/** How long a delivery may hold its chat (docs/delivery.md). */
const HOLD_MS = 5 * 60_000;
const RETRY_MS = 2000;

/** One ordered webhook; who attempts and logs is started by the test. */
class Scene {
	readonly harness: LiveDispatchHarness;
	readonly sink: WebhookSink;
	/** Texts that are answered with 500. */
	readonly failing = new Set<string>();
	readonly #connection: Connection;
	readonly #webhook: Webhook;

	private constructor(harness: LiveDispatchHarness, sink: WebhookSink, connection: Connection, webhook: Webhook) {
		this.harness = harness;
		this.sink = sink;
		this.#connection = connection;
		this.#webhook = webhook;
		sink.answer = (_, response) => {
			response.writeHead(this.failing.has(this.arrivals.at(-1) ?? '') ? 500 : 200).end();
		};
	}

	static async create(resources: AsyncDisposableStack, options: LiveDispatchOptions): Promise<Scene> {
		const harness = resources.use(await LiveDispatchHarness.create(options));
		const sink = resources.use(await WebhookSink.start());
		const connection = await harness.createConnection();
		const webhook = sampleWebhook({
			userId: connection.userId,
			connectionId: connection.id,
			url: sink.url,
			events: ['*'],
			sealedSecret: harness.container.resolve(TOKENS.secretBox).seal('secret'),
			orderSwitchesMs: [harness.clock.now() - 60_000],
			retryScheduleMs: Array.from({length: 30}, () => RETRY_MS),
		});
		await harness.stores.webhookStore.insert(webhook);
		await harness.startRoles('log');
		return new Scene(harness, sink, connection, webhook);
	}

	/** Messages in a chat; their texts say which is which. */
	async publish(chat: string, ...texts: readonly string[]): Promise<readonly PreparedEvent[]> {
		const events = texts.map((text) =>
			this.harness.eventOf(this.#connection, {id: `false_${chat}_${text}`, body: text}),
		);
		for (const event of events) await this.harness.publisher.event(event);
		return events;
	}

	/** The texts that arrived, in this order, repeats included. */
	get arrivals(): readonly string[] {
		return this.sink.deliveries.map(({body}) => (JSON.parse(body) as {payload: {body: string}}).payload.body);
	}

	/** Attempts at delivering a text. */
	attemptsOf(text: string): readonly string[] {
		return this.sink.deliveries
			.filter((_, index) => this.arrivals[index] === text)
			.map(({headers}) => String(headers['x-wahooks-attempt']));
	}

	rowOf({id}: PreparedEvent): Promise<Delivery | undefined> {
		return this.harness.stores.deliveryStore.find(deliveryId(id, this.#webhook.id));
	}

	/** The row of a delivery that failed and is held, once it tells of every attempt. */
	async held(event: PreparedEvent, text: string): Promise<Delivery> {
		return eventually(async () => {
			const row = await this.rowOf(event);
			return row?.state === 'waiting' && row.attempts === this.attemptsOf(text).length && row;
		});
	}

	async delivered(events: readonly PreparedEvent[]): Promise<void> {
		await eventually(async () => {
			const rows = await Promise.all(events.map((event) => this.rowOf(event)));
			return rows.every((row) => row?.state === 'delivered');
		}, 60_000);
	}
}

async function holdsItsChat(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	await scene.harness.startRoles('webhook');
	scene.failing.add('a1');
	const ofAlice = await scene.publish(ALICE, 'a1', 'a2', 'a3');
	const ofBob = await scene.publish(BOB, 'b1', 'b2');
	await eventually(() => scene.arrivals.includes('b2'));
	const [first = t.fail()] = ofAlice;
	t.not((await scene.held(first, 'a1')).nextAttemptAt, null);
	t.false(scene.arrivals.includes('a2'));

	scene.failing.clear();
	await scene.delivered([...ofAlice, ...ofBob]);
	const attempts = scene.attemptsOf('a1').length;
	t.true(attempts >= 2);
	t.deepEqual(
		scene.arrivals.filter((text) => text.startsWith('a')),
		[...Array.from({length: attempts}, () => 'a1'), 'a2', 'a3'],
	);
	t.deepEqual(
		scene.arrivals.filter((text) => text.startsWith('b')),
		['b1', 'b2'],
	);
}

async function holdsNoLongerThanTheBound(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	await scene.harness.startRoles('webhook');
	scene.failing.add('a1');
	const events = await scene.publish(ALICE, 'a1', 'a2', 'a3');
	const [first = t.fail()] = events;
	await scene.held(first, 'a1');
	t.deepEqual(new Set(scene.arrivals), new Set(['a1']));
	// Its next attempt is the last one within the bound.
	scene.harness.clock.aheadMs += HOLD_MS - RETRY_MS / 2;
	await eventually(() => scene.arrivals.includes('a3'), 30_000);
	t.true((await scene.rowOf(first))?.state !== 'delivered');

	const before = scene.arrivals.indexOf('a2');
	t.true(before >= 2, 'it was held for some attempts');
	t.deepEqual(new Set(scene.arrivals.slice(0, before)), new Set(['a1']));
	t.deepEqual(
		scene.arrivals.filter((text) => text !== 'a1'),
		['a2', 'a3'],
	);
	scene.failing.clear();
	await scene.delivered(events);
	t.is(scene.arrivals.at(-1), 'a1', 'the late one arrives, too');
	t.deepEqual(
		scene.attemptsOf('a1'),
		scene.attemptsOf('a1').map((_, index) => String(index + 1)),
	);
}

async function handsOverWhatItHolds(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const first: readonly Dispatcher[] = await scene.harness.startRoles('webhook');
	scene.failing.add('a1');
	const events = await scene.publish(ALICE, 'a1', 'a2', 'a3');
	const [event = t.fail()] = events;
	await scene.held(event, 'a1');
	await Promise.all(first.map((dispatcher) => dispatcher.stop()));
	const made = scene.attemptsOf('a1').length;
	t.deepEqual(new Set(scene.arrivals), new Set(['a1']));

	scene.failing.clear();
	await scene.harness.startRoles('webhook');
	await scene.delivered(events);
	t.deepEqual(scene.arrivals.slice(made), ['a1', 'a2', 'a3']);
	t.deepEqual(
		scene.attemptsOf('a1'),
		Array.from({length: made + 1}, (_, index) => String(index + 1)),
		'the next process knows which attempts were made',
	);
}

onEachBroker('a failed delivery holds its chat and no other; all arrive in the order of the log', holdsItsChat);
onEachBroker(
	'a chat is not held for longer than the bound: later events go on, and the late one still arrives',
	holdsNoLongerThanTheBound,
);
onEachBroker('a process that ends gives back what it holds, and the next one goes on in order', handsOverWhatItHolds);
