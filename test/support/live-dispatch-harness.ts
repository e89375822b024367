import {randomBytes, randomUUID} from 'node:crypto';
import type {DependencyContainer} from 'tsyringe';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createContainer} from '../../config/container.ts';
import {DataDirectory} from '../../config/data-dir.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import {loadConfig, type Role} from '../../config/env.ts';
import {openInfrastructure} from '../../config/infrastructure.ts';
import {TOKENS} from '../../config/tokens.ts';
import {createTopology} from '../../config/topology.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {prepareEvent, type PreparedEvent} from '../../domain/events/envelope.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {dropDatabase} from './drop-database.ts';
import {FaultyBroker} from './faulty-broker.ts';
import {RecordingLogger} from './recording-logger.ts';
import {removeTopology} from './remove-topology.ts';
import {sampleConnection} from './samples.ts';
import {createTemporaryFolder} from './temporary-folder.ts';

/** The real time, and later when a test wants it to be; timers run in real time. */
class LeapingClock extends SystemClock {
	aheadMs = 0;
	/** Timers that have fired. */
	wakeUps = 0;

	override now(): number {
		return super.now() + this.aheadMs;
	}

	override after(delayMs: number, callback: () => void): Disposable {
		return super.after(delayMs, () => {
			this.wakeUps++;
			callback();
		});
	}
}

export interface LiveDispatchOptions {
	/** Default: the embedded broker. */
	readonly amqpUrl?: string;
	/** Of a server; default: the embedded store. */
	readonly mongodbUrl?: string;
	readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Dispatchers as the program wires them, in real time, over real services under names of their own, or over the embedded broker
 * and store. Several `startRoles` are as many processes would be, but for what they share in memory.
 */
export class LiveDispatchHarness implements AsyncDisposable {
	readonly clock: LeapingClock;
	readonly log: RecordingLogger;
	readonly topology: Topology;
	readonly container: DependencyContainer;
	/** Where the files of the embedded broker and store lie. */
	readonly folder: string;
	/** The database; undefined for the embedded store. */
	readonly mongodbUrl: string | undefined;
	readonly #resources: AsyncDisposableStack;

	private constructor(
		{
			clock,
			log,
			topology,
			container,
			folder,
			mongodbUrl,
		}: Pick<LiveDispatchHarness, 'clock' | 'log' | 'topology' | 'container' | 'folder' | 'mongodbUrl'>,
		resources: AsyncDisposableStack,
	) {
		this.clock = clock;
		this.log = log;
		this.topology = topology;
		this.container = container;
		this.folder = folder;
		this.mongodbUrl = mongodbUrl;
		this.#resources = resources;
	}

	static async create({amqpUrl, mongodbUrl: server, environment}: LiveDispatchOptions): Promise<LiveDispatchHarness> {
		await using resources = new AsyncDisposableStack();
		// Batches in hand are flushed by timers that do not keep a process alive.
		const awake = setInterval(() => undefined, 1000);
		resources.defer(() => {
			clearInterval(awake);
		});
		const folder = resources.use(await createTemporaryFolder()).path;
		const topology = createTopology(`live-${randomUUID().slice(0, 8)}`);
		if (amqpUrl !== undefined) resources.defer(() => removeTopology(amqpUrl, topology));
		const mongodbUrl = server && `${server.replace(/\/$/, '')}/live_${randomBytes(6).toString('hex')}`;
		if (mongodbUrl !== undefined) resources.defer(() => dropDatabase(mongodbUrl));
		const config = loadConfig({
			DATA_DIR: folder,
			AMQP_URL: amqpUrl,
			MONGODB_URL: mongodbUrl,
			INGESTION_SECRET: randomBytes(32).toString('hex'),
			ENCRYPTION_KEY: randomBytes(32).toString('hex'),
			WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
			...environment,
		});
		const clock = new LeapingClock();
		const log = new RecordingLogger();
		const directory = new DataDirectory(folder);
		const dataDirectory = (): DataDirectory => directory;
		const infrastructure = await openInfrastructure({config, topology, dataDirectory, clock, log, resources});
		const owned = resources.move();
		const wiring = {config, version: '1.2.3', clock, log, topology, infrastructure, dataDirectory, resources: owned};
		const container = createContainer(wiring);
		const control = container.resolve(TOKENS.control);
		await control.start();
		owned.defer(() => control.stop());
		return new LiveDispatchHarness({clock, log, topology, container, folder, mongodbUrl}, owned);
	}

	get publisher(): Publisher {
		return this.container.resolve(TOKENS.publisher);
	}

	get stores(): Stores {
		return this.container.resolve(TOKENS.stores);
	}

	/** Starts all dispatchers of the roles; they are stopped with the harness. */
	async startRoles(...roles: readonly Role[]): Promise<readonly Dispatcher[]> {
		const dispatchers = roles.flatMap((role) => createDispatchers(role, this.container));
		for (const dispatcher of dispatchers) {
			await dispatcher.start();
			this.#resources.defer(() => dispatcher.stop());
		}
		return dispatchers;
	}

	/** As `startRoles`, behind a broker that remembers what they did with it; they are stopped with `resources`. */
	async startBehind(resources: AsyncDisposableStack, ...roles: readonly Role[]): Promise<FaultyBroker> {
		const {container, topology, clock} = this;
		const broker = new FaultyBroker(container.resolve(TOKENS.broker));
		const own = container.createChildContainer();
		own.register(TOKENS.broker, {useValue: broker});
		own.register(TOKENS.publisher, {useValue: new Publisher({broker, topology, clock})});
		for (const dispatcher of roles.flatMap((role) => createDispatchers(role, own))) {
			await dispatcher.start();
			resources.defer(() => dispatcher.stop());
		}
		return broker;
	}

	/** Stores a connection of a new user, or of the one in `changes`. */
	async createConnection(changes: Partial<Connection> = {}): Promise<Connection> {
		const connection = sampleConnection(changes);
		await this.stores.connectionStore.insert(connection);
		return connection;
	}

	/** An event of the connection, ready to be published. */
	eventOf({sessionName: session, userId, id}: Connection, payload: unknown = {body: 'Grüße 👋'}): PreparedEvent {
		const now = this.clock.now();
		const upstream = {session, event: 'message', id: randomUUID(), timestampMs: now, payload};
		return prepareEvent(upstream, {userId, connectionId: id}, 'https://gateway.example', now);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}
