import {copyFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from './eventually.ts';
import type {FaultyBroker} from './faulty-broker.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from './live-dispatch-harness.ts';
import {medianOf} from './median-of.ts';
import {messagesOnServer} from './messages-on-server.ts';
import {WebhookSink} from './webhook-sink.ts';

/** Healthy endpoints, with room for all their events at once. */
const HEALTHY = 20;
/** Of one round: so many one after the other … */
const SINGLE_EVENTS = 15;
/** … and so many at once: less than a process counts as much to have in hand. */
const EVENTS_AT_ONCE = 600;

/** Messages on their way to the broker at once. */
const WINDOW = 2000;

/** Looks in a row, 20 ms apart, that find nobody awake. */
const QUIET_LOOKS = 5;

/** Parked for so long last: what comes back waits for half an hour. */
const PARKED_BEFORE = 6;

/** What a round of healthy deliveries took, milliseconds. */
export interface Round {
	/** From publishing an event to its arrival: the median. */
	readonly latencyMs: number;
	/** Until all had arrived that were published at once. */
	readonly burstMs: number;
}

/** A broker with dispatchers, healthy endpoints and one that is dead. */
export class ParkedSite {
	readonly harness: LiveDispatchHarness;
	readonly dead: Webhook;
	readonly #amqpUrl: string | undefined;
	readonly #sink: WebhookSink;
	readonly #healthy: readonly Connection[];
	readonly #deadConnection: Connection;
	/** Counts what dispatchers publish. */
	readonly #broker: FaultyBroker;

	private constructor(
		{harness, dead}: Pick<ParkedSite, 'harness' | 'dead'>,
		options: {
			amqpUrl: string | undefined;
			sink: WebhookSink;
			healthy: readonly Connection[];
			deadConnection: Connection;
			broker: FaultyBroker;
		},
	) {
		this.harness = harness;
		this.dead = dead;
		this.#amqpUrl = options.amqpUrl;
		this.#sink = options.sink;
		this.#healthy = options.healthy;
		this.#deadConnection = options.deadConnection;
		this.#broker = options.broker;
	}

	static async create(options: LiveDispatchOptions, resources: AsyncDisposableStack): Promise<ParkedSite> {
		const harness = resources.use(await LiveDispatchHarness.create(options));
		const sink = resources.use(await WebhookSink.start());
		const webhooks = harness.container.resolve(TOKENS.webhooks);
		const healthy = await Promise.all(Array.from({length: HEALTHY}, () => harness.createConnection()));
		for (const one of healthy) await webhooks.create(one, {url: sink.url, events: ['*'], concurrency: 100});
		const deadConnection = await harness.createConnection();
		// Nothing listens there. What was attempted does not come again: whatever comes back was parked.
		const {webhook: dead} = await webhooks.create(deadConnection, {
			url: 'http://127.0.0.1:9/',
			events: ['*'],
			retryScheduleMs: [],
		});
		const broker = await harness.startBehind(resources, 'webhook', 'log');
		const {amqpUrl} = options;
		return new ParkedSite({harness, dead}, {amqpUrl, sink, healthy, deadConnection, broker});
	}

	/** Healthy deliveries, first one by one, then many at once. */
	async round(): Promise<Round> {
		const latencies: number[] = [];
		for (let count = 0; count < SINGLE_EVENTS; count++) latencies.push(await this.#deliver(1));
		return {latencyMs: medianOf(latencies), burstMs: await this.#deliver(EVENTS_AT_ONCE)};
	}

	/** Lets deliveries of the dead endpoint wait in the broker, as parked ones do, each until a moment of its own. */
	async park(dues: readonly number[]): Promise<void> {
		const {harness} = this;
		const firstAtMs = harness.clock.now();
		for (let from = 0; from < dues.length; from += WINDOW) {
			await Promise.all(
				dues.slice(from, from + WINDOW).map((dueAtMs) => {
					const event = harness.eventOf(this.#deadConnection, 'x');
					const task = {event, webhookId: this.dead.id, run: 1, attempt: 0, firstAtMs, parked: PARKED_BEFORE};
					return harness.publisher.delivery(task, dueAtMs);
				}),
			);
		}
	}

	/** Attempts at the dead endpoint so far. */
	get attempts(): number {
		return this.harness.log.of('delivery.attempted').filter(({fields}) => fields['webhookId'] === this.dead.id).length;
	}

	/** Messages with which deliveries that had come back were parked once more, by the exchange they were sent to. */
	get parkedAgain(): readonly string[] {
		return this.#broker.published
			.filter(({headers}) => headers['webhook'] === this.dead.id && headers['parked'] === PARKED_BEFORE + 1)
			.map(({exchange}) => exchange);
	}

	async messagesIn(queue: QueueDeclaration): Promise<number> {
		return this.#amqpUrl === undefined ? this.#rowsOf(queue) : messagesOnServer(this.#amqpUrl, queue);
	}

	/** Resolves when no timer of the broker or of a dispatcher has fired for a while. */
	async quiet(): Promise<void> {
		const {clock} = this.harness;
		let before = clock.wakeUps;
		let looks = 0;
		await eventually(() => {
			looks = clock.wakeUps === before ? looks + 1 : 0;
			before = clock.wakeUps;
			return looks === QUIET_LOOKS;
		}, 60_000);
	}

	/** When the embedded broker last wrote to its file, nanoseconds since the epoch. */
	async writtenAtNs(): Promise<bigint> {
		return (await stat(join(this.harness.folder, 'broker.db-wal'), {bigint: true})).mtimeNs;
	}

	async #deliver(count: number): Promise<number> {
		const {harness} = this;
		const events = Array.from({length: count}, (_, index) => {
			const connection = this.#healthy[index % HEALTHY];
			if (connection === undefined) throw new Error('there is no healthy connection');
			return harness.eventOf(connection);
		});
		const arrived = Promise.withResolvers<undefined>();
		let left = count;
		this.#sink.deliveries.length = 0;
		this.#sink.answer = (_, response) => {
			response.end('ok');
			if (--left === 0) arrived.resolve(undefined);
		};
		const startedAtMs = performance.now();
		await Promise.all(events.map((event) => harness.publisher.event(event)));
		await arrived.promise;
		return performance.now() - startedAtMs;
	}

	/** Of the embedded broker's file, which nobody else may open: of a copy. */
	async #rowsOf({name}: QueueDeclaration): Promise<number> {
		const path = join(this.harness.folder, 'broker.db');
		const copy = join(this.harness.folder, 'copy.db');
		for (const suffix of ['', '-wal']) await copyFile(path + suffix, copy + suffix);
		const database = new DatabaseSync(copy);
		try {
			const row = database.prepare('SELECT count(*) AS rows FROM entry WHERE queue = ?').get(name);
			return Number(row?.['rows']);
		} finally {
			database.close();
			for (const suffix of ['', '-wal', '-shm']) await rm(copy + suffix, {force: true});
		}
	}
}
