import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import type {Jobs, ReplayRequest} from '../../domain/jobs/jobs.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {Delivery, Outcome} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from './dispatch-harness.ts';
import {sampleEvent, sampleOutcome, sampleWebhook} from './samples.ts';
import {WebhookSink} from './webhook-sink.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** An endpoint, its webhook and a log that was filled an hour ago; time is wound by hand. */
export class ReplayFixture implements AsyncDisposable {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly webhook: Webhook;
	readonly jobs: Jobs;
	/** Where the range of `request` begins. */
	readonly startMs: number;
	readonly #resources: AsyncDisposableStack;

	private constructor(
		harness: DispatchHarness,
		sink: WebhookSink,
		{connection, webhook}: {connection: Connection; webhook: Webhook},
		resources: AsyncDisposableStack,
	) {
		this.harness = harness;
		this.sink = sink;
		this.connection = connection;
		this.webhook = webhook;
		this.jobs = harness.container.resolve(TOKENS.jobs);
		this.startMs = harness.clock.now() - HOUR_MS;
		this.#resources = resources;
	}

	static async create(changes: Partial<Webhook> = {}): Promise<ReplayFixture> {
		await using resources = new AsyncDisposableStack();
		const harness = resources.use(await DispatchHarness.create());
		const sink = resources.use(await WebhookSink.start());
		const connection = await harness.createConnection();
		const webhook = sampleWebhook({
			userId: connection.userId,
			connectionId: connection.id,
			url: sink.url,
			sealedSecret: harness.container.resolve(TOKENS.secretBox).seal('secret'),
			...changes,
		});
		await harness.stores.webhookStore.insert(webhook);
		return new ReplayFixture(harness, sink, {connection, webhook}, resources.move());
	}

	/** Everything of the hour until a minute ago. */
	get request(): ReplayRequest {
		return {from: new Date(this.startMs), to: new Date(this.startMs + HOUR_MS - MINUTE_MS)};
	}

	/** An event of the connection that was received at the beginning of the range, unless `changes` say otherwise. */
	event(changes: Partial<NewLoggedEvent> & {readonly payload?: unknown} = {}): NewLoggedEvent {
		const {payload = {}, ...rest} = changes;
		const {userId, id: connectionId} = this.connection;
		const timestampMs = this.startMs;
		const event = sampleEvent({userId, connectionId, timestampMs, receivedAtMs: this.startMs, ...rest});
		return {...event, body: JSON.stringify({id: event.id, event: event.event, payload})};
	}

	/** Puts events into the log, each with the delivery that it had so far, if any. */
	async log(...entries: readonly (readonly [NewLoggedEvent, (Partial<Outcome> | undefined)?])[]): Promise<void> {
		const {eventStore, deliveryStore} = this.harness.stores;
		await eventStore.append(entries.map(([event]) => event));
		await deliveryStore.record(
			entries.flatMap(([event, changes]) => (changes === undefined ? [] : [this.outcome(event, changes)])),
		);
	}

	/** What became of an event so far. */
	outcome({id: eventId, event, userId, connectionId}: NewLoggedEvent, changes: Partial<Outcome>): Outcome {
		const {nextAttemptAtMs: _, ...outcome} = sampleOutcome({eventId, event, userId, connectionId});
		const {deliveryId} = sampleOutcome({eventId, webhookId: this.webhook.id});
		return {
			...outcome,
			webhookId: this.webhook.id,
			deliveryId,
			firstAtMs: this.startMs,
			atMs: this.startMs,
			...changes,
		};
	}

	async replay(changes: Partial<ReplayRequest> = {}): Promise<Job> {
		return (await this.jobs.replay(this.webhook, {...this.request, ...changes})).job;
	}

	async job({id}: Pick<Job, 'id'>): Promise<Job> {
		const job = await this.harness.stores.jobStore.find(id);
		if (job === undefined) throw new Error('the job is gone');
		return job;
	}

	/** The job once it is at its end. */
	end(job: Pick<Job, 'id'>, timeoutMs = 60_000): Promise<Job> {
		return this.harness.until(async () => {
			const current = await this.job(job);
			// Until it begins it waits for nothing but time.
			if (current.state === 'queued') await this.harness.wind(1000);
			return isOver(current) && current;
		}, timeoutMs);
	}

	/** The events that the endpoint got, in that order. */
	get received(): readonly string[] {
		return this.sink.deliveries.map(({headers}) => String(headers['x-wahooks-event-id']));
	}

	rows(): Promise<readonly Delivery[]> {
		return this.harness.stores.deliveryStore.listByWebhook(this.webhook.id, {limit: 10_000});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}
