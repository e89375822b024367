import {TOKENS} from '../../config/tokens.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from './eventually.ts';
import {FaultyStores} from './faulty-stores.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from './live-dispatch-harness.ts';
import {sampleEvent, sampleOutcome, sampleWebhook} from './samples.ts';
import {WebhookSink} from './webhook-sink.ts';

const HOUR_MS = 3_600_000;

/** A webhook with dead deliveries, and two webhook dispatchers that know nothing of each other; time is real. */
export class LiveReplaySite implements AsyncDisposable {
	readonly harness: LiveDispatchHarness;
	readonly storeFaults: FaultyStores;
	readonly sink: WebhookSink;
	readonly webhook: Webhook;
	readonly #resources: AsyncDisposableStack;

	private constructor(
		{harness, storeFaults, sink, webhook}: Pick<LiveReplaySite, 'harness' | 'storeFaults' | 'sink' | 'webhook'>,
		resources: AsyncDisposableStack,
	) {
		this.harness = harness;
		this.storeFaults = storeFaults;
		this.sink = sink;
		this.webhook = webhook;
		this.#resources = resources;
	}

	static async create(options: LiveDispatchOptions, deadDeliveries: number): Promise<LiveReplaySite> {
		await using resources = new AsyncDisposableStack();
		const harness = resources.use(await LiveDispatchHarness.create(options));
		const sink = resources.use(await WebhookSink.start());
		const storeFaults = new FaultyStores(harness.stores);
		harness.container.register(TOKENS.stores, {useValue: storeFaults.stores});
		const {userId, id: connectionId} = await harness.createConnection();
		const sealedSecret = harness.container.resolve(TOKENS.secretBox).seal('secret');
		const webhook = sampleWebhook({userId, connectionId, url: sink.url, sealedSecret, concurrency: 100});
		await harness.stores.webhookStore.insert(webhook);
		const site = new LiveReplaySite({harness, storeFaults, sink, webhook}, resources.move());
		await site.#fill(deadDeliveries);
		await harness.startRoles('webhook', 'webhook', 'log', 'supervisor');
		return site;
	}

	/** Of all that is dead. */
	async replay(): Promise<Job> {
		const now = this.harness.clock.now();
		const range = {from: new Date(now - 3 * HOUR_MS), to: new Date(now - HOUR_MS)};
		const jobs = this.harness.container.resolve(TOKENS.jobs);
		return (await jobs.replay(this.webhook, {...range, status: 'failed'})).job;
	}

	/** The job once it is at its end. */
	end({id}: Pick<Job, 'id'>): Promise<Job> {
		return eventually(async () => {
			const job = await this.harness.stores.jobStore.find(id);
			return job !== undefined && isOver(job) && job;
		}, 60_000);
	}

	rows(): Promise<readonly Delivery[]> {
		return this.harness.stores.deliveryStore.listByWebhook(this.webhook.id, {limit: 1000});
	}

	/** Lets something happen when a replay has saved which runs to start, and has started none of them. */
	uponDecision(work: (job: Job) => Promise<void>): void {
		this.storeFaults.beforeAnswer('save', async (saved) => {
			const job = saved as Job | undefined;
			if (job === undefined || job.work.starting.length === 0) return false;
			await work(job);
			return true;
		});
	}

	async #fill(count: number): Promise<void> {
		const {eventStore, deliveryStore} = this.harness.stores;
		const {id: webhookId, userId, connectionId} = this.webhook;
		const atMs = this.harness.clock.now() - 2 * HOUR_MS;
		const times = {timestampMs: atMs, receivedAtMs: atMs};
		const events = Array.from({length: count}, () => sampleEvent({userId, connectionId, ...times}));
		await eventStore.append(events);
		const outcomes = events.map(({id: eventId}) => {
			const {nextAttemptAtMs: _, ...outcome} = sampleOutcome({eventId, webhookId, userId, connectionId});
			return {...outcome, state: 'dead', atMs, firstAtMs: atMs, reason: 'all 1 attempts failed'} as const;
		});
		await deliveryStore.record(outcomes);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}
