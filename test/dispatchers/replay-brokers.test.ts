import type {ExecutionContext} from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {JobReviver} from '../../dispatchers/jobs/job-reviver.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {sampleEvent, sampleWebhook} from '../support/samples.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const HOUR_MS = 3_600_000;
const MISSED = 150;
/** A job that nobody went on with for five minutes has lost its message. */
const STALE_MS = 5 * 60_000 + 1000;

const onEachBroker = await findBrokers();

/** A webhook that missed events; who works on jobs is started by the test. */
class Scene {
	readonly harness: LiveDispatchHarness;
	readonly sink: WebhookSink;
	readonly webhook: Webhook;

	private constructor(harness: LiveDispatchHarness, sink: WebhookSink, webhook: Webhook) {
		this.harness = harness;
		this.sink = sink;
		this.webhook = webhook;
	}

	static async create(resources: AsyncDisposableStack, options: LiveDispatchOptions): Promise<Scene> {
		const harness = resources.use(await LiveDispatchHarness.create(options));
		const sink = resources.use(await WebhookSink.start());
		const {userId, id: connectionId} = await harness.createConnection();
		const sealedSecret = harness.container.resolve(TOKENS.secretBox).seal('secret');
		const webhook = sampleWebhook({userId, connectionId, url: sink.url, sealedSecret});
		await harness.stores.webhookStore.insert(webhook);
		const atMs = harness.clock.now() - 2 * HOUR_MS;
		const times = {timestampMs: atMs, receivedAtMs: atMs};
		const missed = Array.from({length: MISSED}, () => sampleEvent({userId, connectionId, ...times}));
		await harness.stores.eventStore.append(missed);
		await harness.startRoles('webhook', 'log');
		return new Scene(harness, sink, webhook);
	}

	async replay(): Promise<Job> {
		const now = this.harness.clock.now();
		const range = {from: new Date(now - 3 * HOUR_MS), to: new Date(now - HOUR_MS)};
		return (await this.harness.container.resolve(TOKENS.jobs).replay(this.webhook, range)).job;
	}

	/** The job once it has come to where `isThere` says. */
	async job({id}: Job, isThere: (job: Job) => boolean): Promise<Job> {
		return eventually(async () => {
			const job = await this.harness.stores.jobStore.find(id);
			return job !== undefined && isThere(job) && job;
		}, 60_000);
	}

	/** Takes the next message of a job off the broker, and nobody else gets it. */
	async loseMessage(): Promise<void> {
		const {container, topology} = this.harness;
		let isLost = false;
		const consumer = await container.resolve(TOKENS.broker).consume(topology.queues.jobs, {prefetch: 1}, () => {
			isLost = true;
			return Promise.resolve('ack');
		});
		await eventually(() => isLost);
		await consumer.close();
	}
}

async function endsWithItsWebhook(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const {harness, sink, webhook} = scene;
	let answered = 0;
	sink.answer = (_, response) => {
		// What is more has to wait until the webhook is off.
		if (++answered <= MISSED / 2) response.end('ok');
	};
	await harness.startRoles('supervisor');
	const job = await scene.replay();
	await scene.job(job, ({done}) => done >= 20);
	await harness.stores.webhookStore.disable(webhook.id, 'it is gone', new Date(harness.clock.now()));
	const failed = await scene.job(job, isOver);
	t.like(failed, {state: 'failed', reason: 'the webhook is disabled: it is gone', total: MISSED});
	t.true(failed.done >= 20 && failed.done <= MISSED / 2, `${failed.done} done`);
}

async function survivesTheLossOfItsMessage(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const {clock, log, publisher, stores} = scene.harness;
	const reviver = new JobReviver({jobs: stores.jobStore, publisher, clock, log});
	const job = await scene.replay();
	await scene.loseMessage();
	await scene.harness.startRoles('supervisor');
	await reviver.revive();
	t.is((await scene.job(job, () => true)).turn, 1, 'too early to tell');
	clock.aheadMs += STALE_MS;
	await reviver.revive();
	// The first one turns up after all.
	await publisher.job({jobId: job.id, turn: 1});
	t.like(await scene.job(job, isOver), {state: 'done', total: MISSED, done: MISSED, failed: 0});
	t.is(scene.sink.deliveries.length, MISSED);
}

async function copiesAreVoid(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const {harness, sink} = scene;
	const {publisher} = harness;
	for (let process = 0; process < 2; process++) await harness.startRoles('supervisor');
	const job = await scene.replay();
	for (let copy = 0; copy < 3; copy++) await publisher.job({jobId: job.id, turn: job.turn});
	const {turn} = await scene.job(job, ({done}) => done >= 20);
	for (let copy = 0; copy < 3; copy++) await publisher.job({jobId: job.id, turn});
	t.like(await scene.job(job, isOver), {state: 'done', total: MISSED, done: MISSED, failed: 0});
	t.is(sink.deliveries.length, MISSED);
	t.is(new Set(sink.deliveries.map(({headers}) => headers['x-wahooks-event-id'])).size, MISSED);
}

onEachBroker('a webhook that is switched off in the middle ends its replay, which says why', endsWithItsWebhook);
onEachBroker(
	'a message that got lost is replaced after some minutes, and void if it turns up after all',
	survivesTheLossOfItsMessage,
);
onEachBroker('its message many times over, and two processes: one goes on, nothing is sent twice', copiesAreVoid);
