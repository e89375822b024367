import type {ExecutionContext} from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {WebhookSink, type Answer} from '../support/webhook-sink.ts';

const HEALTHY = 100;
const EVENTS_PER_HEALTHY = 10;
const EVENTS_PER_BAD = 100;

/** Rounds of the healthy ones' events. The first is a warm-up; the slowest of the others is what the machine gives. */
const ROUNDS_ALONE = 4;
/**
 * Beside the others they take at most this × as long, and this much more: a process whose places are taken gets them back from an
 * endpoint that hangs when its attempts are a second old.
 */
const AT_MOST = {times: 3, plusMs: 2000};
/** A neighbour on the machine may spoil a round, but not each of so many. */
const MOST_ROUNDS_BESIDE = 3;

const TEN_MEGABYTES = Buffer.alloc(10 * 1024 * 1024, 'x');

// In turn: they are measured.
const onEachBroker = await findBrokers({inTurn: true});

const hang: Answer = () => undefined;

/** A byte a second, for ever. */
const drip: Answer = (_, response) => {
	response.writeHead(200);
	const dripping = setInterval(() => response.write('.'), 1000);
	response.on('close', () => {
		clearInterval(dripping);
	});
};

const reset: Answer = (request) => {
	request.socket.resetAndDestroy();
};

const flood: Answer = (_, response) => response.end(TEN_MEGABYTES);

interface Endpoint {
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
}

class Scene {
	readonly harness: LiveDispatchHarness;
	readonly #resources: AsyncDisposableStack;

	constructor(harness: LiveDispatchHarness, resources: AsyncDisposableStack) {
		this.harness = harness;
		this.#resources = resources;
	}

	async endpoint(answer: Answer | undefined, sink?: WebhookSink): Promise<Endpoint> {
		const receiver = sink ?? this.#resources.use(await WebhookSink.start());
		if (answer !== undefined) receiver.answer = answer;
		const connection = await this.harness.createConnection();
		const webhooks = this.harness.container.resolve(TOKENS.webhooks);
		// The longest deadline there is: none of them passes while the healthy ones are worked off.
		const {webhook} = await webhooks.create(connection, {url: receiver.url, events: ['*'], timeoutMs: 30_000});
		return {sink: receiver, connection, webhook};
	}

	/** So many events for each of them, in turns. */
	async publish(endpoints: readonly Endpoint[], each: number): Promise<void> {
		for (let count = 0; count < each; count++) {
			await Promise.all(
				endpoints.map(({connection}) => this.harness.publisher.event(this.harness.eventOf(connection))),
			);
		}
	}

	/** Events for healthy endpoints that share a sink. Resolves to how long it took until all had arrived, in milliseconds. */
	async round(healthy: readonly Endpoint[], sink: WebhookSink): Promise<number> {
		sink.deliveries.length = 0;
		const startedAtMs = performance.now();
		await this.publish(healthy, EVENTS_PER_HEALTHY);
		await eventually(() => sink.deliveries.length >= healthy.length * EVENTS_PER_HEALTHY, 60_000);
		return performance.now() - startedAtMs;
	}

	/** The attempts that ended, of all deliveries. */
	async attempts({webhook}: Endpoint): Promise<readonly Outcome[]> {
		const {deliveryStore} = this.harness.stores;
		const rows = await deliveryStore.listByWebhook(webhook.id, {limit: 1000});
		return (await Promise.all(rows.map(({id}) => deliveryStore.listAttempts(id)))).flat();
	}
}

async function isolates(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create(options));
	const scene = new Scene(harness, resources);
	const sink = resources.use(await WebhookSink.start());
	const healthy = await Promise.all(Array.from({length: HEALTHY}, () => scene.endpoint(undefined, sink)));
	const hanging = await scene.endpoint(hang);
	const dripping = await Promise.all(Array.from({length: 10}, () => scene.endpoint(drip)));
	const resetting = await scene.endpoint(reset);
	const flooding = await scene.endpoint(flood);
	await harness.startRoles('webhook', 'log');
	const alone: number[] = [];
	while (alone.length < ROUNDS_ALONE) alone.push(await scene.round(healthy, sink));
	const allowedMs = AT_MOST.times * Math.max(...alone.slice(1)) + AT_MOST.plusMs;

	// More for the bad ones than a process has in hand, and before the others.
	const silent = [hanging, ...dripping];
	await scene.publish([...silent, resetting, flooding], EVENTS_PER_BAD);
	const beside = [await scene.round(healthy, sink)];

	// The healthy ones have all of theirs, and waited for none of the attempts that hang or drip: not one of those has ended.
	t.is(sink.deliveries.length, HEALTHY * EVENTS_PER_HEALTHY);
	for (const endpoint of silent) {
		t.is(endpoint.sink.deliveries.length, 10, 'as many attempts under way as a lane has places');
		t.deepEqual(await scene.attempts(endpoint), []);
	}
	while (Math.min(...beside) > allowedMs && beside.length < MOST_ROUNDS_BESIDE) {
		await scene.publish([...silent, resetting, flooding], EVENTS_PER_BAD);
		beside.push(await scene.round(healthy, sink));
	}
	const times = `${alone.map(Math.round).join(', ')} ms alone, ${beside.map(Math.round).join(', ')} ms beside the others`;
	t.log(times);
	t.true(Math.min(...beside) <= allowedMs, times);

	const resets = await eventually(async () => {
		const attempts = await scene.attempts(resetting);
		return attempts.length > 0 && attempts;
	});
	t.true(resets.every(({result}) => result?.errorClass === 'reset'));
	const floods = await eventually(async () => {
		const attempts = await scene.attempts(flooding);
		return attempts.length > 0 && attempts;
	});
	t.true(floods.every(({state, result}) => state === 'delivered' && result?.answer?.length === 4096));
}

onEachBroker(
	'100 healthy endpoints notice neither one that hangs, nor ten that drip, nor resets, nor answers of 10 MB',
	isolates,
);
