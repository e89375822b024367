import test, {type ExecutionContext} from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {deliveryId, type Delivery} from '../../domain/webhooks/delivery.ts';
import {newSigningSecret, type Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {sampleWebhook} from '../support/samples.ts';
import {isSigned, WebhookSink, type Answer} from '../support/webhook-sink.ts';

const HOUR_MS = 3_600_000;

/** A message that waits is handed out when less than this is left. */
const DUE_WITHIN_MS = 500;

const fail: Answer = (_, response) => response.writeHead(500).end('out of order');
const succeed: Answer = (_, response) => response.end('ok');

/** The first attempt is answered like this, once `work` is done; all others with success. */
function failFirst(answer: Answer = fail, work: () => Promise<unknown> = () => Promise.resolve()): Answer {
	return (request, response) => {
		if (request.headers['x-wahooks-attempt'] !== '1') {
			succeed(request, response);
			return;
		}
		void work().then(() => {
			answer(request, response);
		});
	};
}

const onEachBroker = await findBrokers();

/** One for each broker: its tests have users of their own. By the URL of the broker. */
const harnesses = new Map<string | undefined, Promise<LiveDispatchHarness>>();

test.after.always(async () => {
	for (const harness of harnesses.values()) await (await harness)[Symbol.asyncDispose]();
});

async function startHarness(options: LiveDispatchOptions): Promise<LiveDispatchHarness> {
	const harness = await LiveDispatchHarness.create(options);
	await harness.startRoles('webhook', 'log');
	return harness;
}

function harnessOn(options: LiveDispatchOptions): Promise<LiveDispatchHarness> {
	const harness = harnesses.get(options.amqpUrl) ?? startHarness(options);
	harnesses.set(options.amqpUrl, harness);
	return harness;
}

/** A user with a webhook. */
class Scene {
	readonly harness: LiveDispatchHarness;
	readonly sink: WebhookSink;
	readonly webhook: Webhook;
	readonly secret: string;
	readonly #connection: Connection;

	private constructor(
		{harness, sink, webhook, secret}: Pick<Scene, 'harness' | 'sink' | 'webhook' | 'secret'>,
		connection: Connection,
	) {
		this.harness = harness;
		this.sink = sink;
		this.webhook = webhook;
		this.secret = secret;
		this.#connection = connection;
	}

	/** @param changes of the webhook; it retries after a second unless they say otherwise */
	static async create(
		resources: AsyncDisposableStack,
		options: LiveDispatchOptions,
		{answer = fail, ...changes}: Partial<Webhook> & {answer?: Answer} = {},
	): Promise<Scene> {
		const harness = await harnessOn(options);
		const sink = resources.use(await WebhookSink.start());
		sink.answer = answer;
		const connection = await harness.createConnection();
		const secret = newSigningSecret();
		const webhook = sampleWebhook({
			userId: connection.userId,
			connectionId: connection.id,
			url: sink.url,
			events: ['*'],
			sealedSecret: harness.container.resolve(TOKENS.secretBox).seal(secret),
			retryScheduleMs: [1000],
			...changes,
		});
		await harness.stores.webhookStore.insert(webhook);
		return new Scene({harness, sink, webhook, secret}, connection);
	}

	event(): PreparedEvent {
		return this.harness.eventOf(this.#connection);
	}

	async publish(): Promise<PreparedEvent> {
		const event = this.event();
		await this.harness.publisher.event(event);
		return event;
	}

	/** The delivery's row, once it says this. */
	row(event: PreparedEvent, expected: Partial<Delivery>): Promise<Delivery> {
		return eventually(async () => {
			const row = await this.harness.stores.deliveryStore.find(deliveryId(event.id, this.webhook.id));
			if (row === undefined) return false;
			return Object.entries(expected).every(([key, value]) => row[key as keyof Delivery] === value) && row;
		}, 30_000);
	}
}

async function triesAgain(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options, {retryScheduleMs: [2000], answer: failFirst()});
	const event = await scene.publish();
	const delivered = await scene.row(event, {state: 'delivered', attempts: 2, lastStatus: 200, nextAttemptAt: null});
	const [first, second] = scene.sink.deliveries;
	if (first === undefined || second === undefined) return t.fail('two attempts are recorded');
	t.is(scene.sink.deliveries.length, 2);
	t.is(first.body, second.body);
	t.true(second.atMs - first.atMs >= 2000 - DUE_WITHIN_MS);
	for (const [index, received] of [first, second].entries()) {
		t.true(isSigned(received, scene.secret));
		t.like(received.headers, {
			'x-wahooks-delivery': delivered.id,
			'webhook-id': delivered.id,
			'x-wahooks-attempt': String(index + 1),
		});
	}
	t.not(first.headers['x-wahooks-timestamp'], second.headers['x-wahooks-timestamp'], 'signed anew');
	const attempts = await scene.harness.stores.deliveryStore.listAttempts(delivered.id);
	t.deepEqual(
		attempts.map(({attempt, state, result}) => [attempt, state, result?.status, result?.error]),
		[
			[1, 'waiting', 500, 'HTTP 500'],
			[2, 'delivered', 200, null],
		],
	);
	const waitMs = (attempts[0]?.nextAttemptAtMs ?? NaN) - (attempts[0]?.atMs ?? NaN);
	// Counted from the answer, which was judged a moment before.
	t.true(waitMs >= 2000 - DUE_WITHIN_MS && waitMs <= 2200, `${waitMs} ms`);
}

async function dies(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options, {retryScheduleMs: [1000, 1000]});
	const event = await scene.publish();
	const dead = await scene.row(event, {state: 'dead', attempts: 3, nextAttemptAt: null});
	t.is(dead.reason, 'all 3 attempts failed');
	t.is(scene.sink.deliveries.length, 3);
	t.is((await scene.harness.stores.deliveryStore.listAttempts(dead.id)).length, 3);

	// Kept, and made once more when somebody asks for it.
	scene.sink.answer = succeed;
	await scene.harness.container.resolve(TOKENS.deliveries).retry(dead);
	await scene.row(event, {state: 'delivered', run: 2, attempts: 1});
	t.is(scene.sink.deliveries.length, 4);
}

async function expires(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options, {answer: succeed});
	const {publisher, clock} = scene.harness;
	const event = scene.event();
	const task = {event, webhookId: scene.webhook.id, run: 1, attempt: 1, parked: 3};
	// Its schedule takes a second, and there is an hour of grace.
	await publisher.delivery({...task, firstAtMs: clock.now() - 2 * HOUR_MS}, clock.now());
	t.like(await scene.row(event, {state: 'dead'}), {reason: 'expired', attempts: 1});
	t.is(scene.sink.deliveries.length, 0);
}

async function isSkipped(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const [deleted, disabled, inactive] = await Promise.all([
		Scene.create(resources, options),
		Scene.create(resources, options),
		Scene.create(resources, options, {active: false}),
	]);
	const {container, stores} = deleted.harness;
	deleted.sink.answer = failFirst(fail, () => container.resolve(TOKENS.webhooks).remove(deleted.webhook));
	disabled.sink.answer = failFirst(fail, () =>
		stores.webhookStore.disable(disabled.webhook.id, 'failing for 5 days', new Date()),
	);
	const rows = await Promise.all(
		[deleted, disabled, inactive].map(async (scene) => scene.row(await scene.publish(), {state: 'skipped'})),
	);
	t.deepEqual(
		rows.map(({attempts, reason}) => [attempts, reason]),
		[
			[1, 'the webhook was deleted'],
			[1, 'the webhook is disabled: failing for 5 days'],
			[0, 'the webhook is inactive'],
		],
	);
	t.deepEqual(
		[deleted, disabled, inactive].map(({sink}) => sink.deliveries.length),
		[1, 1, 0],
	);
}

async function followsChanges(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const moved = resources.use(await WebhookSink.start());
	const webhooks = scene.harness.container.resolve(TOKENS.webhooks);
	scene.sink.answer = failFirst(fail, () => webhooks.update(scene.webhook, {url: moved.url}));
	await scene.row(await scene.publish(), {state: 'delivered', attempts: 2});
	t.is(scene.sink.deliveries.length, 1);
	const [received] = moved.deliveries;
	t.true(received !== undefined && isSigned(received, scene.secret));
}

async function honoursRetryAfter(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const overloaded: Answer = (_, response) => response.writeHead(503, {'retry-after': '3'}).end();
	const scene = await Scene.create(resources, options, {answer: failFirst(overloaded)});
	await scene.row(await scene.publish(), {state: 'delivered', attempts: 2});
	const [first, second] = scene.sink.deliveries;
	t.true((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 3000 - DUE_WITHIN_MS, 'three seconds instead of one');
}

onEachBroker('500, then 200: two attempts of one delivery, numbered, signed anew', triesAgain);
onEachBroker('a delivery is dead, and kept, when its schedule is used up; a retry is a run of its own', dies);
onEachBroker('a delivery that is older than its schedule allows is dead, and says that it expired', expires);
onEachBroker(
	'a webhook that is deleted, disabled or inactive gets nothing more: its deliveries are skipped, with why',
	isSkipped,
);
onEachBroker('the next attempt goes to the URL as it is then', followsChanges);
onEachBroker('the receiver may ask for more time than the schedule gives', honoursRetryAfter);
