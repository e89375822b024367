import {randomBytes, randomUUID} from 'node:crypto';
import {join} from 'node:path';
import {MemoryStore} from 'express-rate-limit';
import type {DependencyContainer} from 'tsyringe';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import {SqliteRetention} from '../../adapters/sqlite/sqlite-retention.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {MemoryFanout} from '../../adapters/system/memory-fanout.ts';
import {MemoryRecentIds} from '../../adapters/system/memory-recent-ids.ts';
import {MemoryRollCall} from '../../adapters/system/memory-roll-call.ts';
import {MemoryTicketStore} from '../../adapters/system/memory-ticket-store.ts';
import {createContainer} from '../../config/container.ts';
import {DataDirectory} from '../../config/data-dir.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import {ConfiguredEngines} from '../../config/engine-directory.ts';
import {loadConfig, type Role} from '../../config/env.ts';
import {TOKENS} from '../../config/tokens.ts';
import {createTopology} from '../../config/topology.ts';
import {Dispatcher, type DispatcherOptions} from '../../dispatchers/dispatcher.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {prepareEvent, type PreparedEvent} from '../../domain/events/envelope.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {MessageHeaders} from '../../domain/ports/broker.ts';
import type {DeadLetter} from '../../domain/ports/dead-letter-store.ts';
import type {Retention} from '../../domain/ports/retention.ts';
import type {WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {INSTANT_DISK} from './disks.ts';
import {eventually} from './eventually.ts';
import {FaultyBroker} from './faulty-broker.ts';
import {FaultyFanout} from './faulty-fanout.ts';
import {FaultyStores} from './faulty-stores.ts';
import {ManualClock} from './manual-clock.ts';
import {MemoryMediaStore} from './memory-media-store.ts';
import {RecordingLogger} from './recording-logger.ts';
import {sampleConnection} from './samples.ts';
import {ScriptedFileFetcher} from './scripted-file-fetcher.ts';
import {createTemporaryFolder} from './temporary-folder.ts';

/** As much as the clock goes on for each 20 ms of waiting: batches are written, nothing else that waits comes due early. */
const STEP_MS = 20;

/** Turns of the event loop that a message takes at most from a timer to its next wait: some commits one after the other. */
const TURNS = 20;

export const PUBLIC_URL = 'https://gateway.example';
export const INGESTION_SECRET = randomBytes(32).toString('hex');

/** Nobody listens there. */
export const CALLBACK_URL = 'http://127.0.0.1:9';

export interface DispatchHarnessOptions {
	/** Default: none. */
	readonly workers?: readonly {readonly worker: Worker; readonly engine: WhatsAppEngine}[];
}

/**
 * Dispatchers as the program wires them, over the embedded broker and stores on real files, which are never waited for: a commit is
 * told in the turn that it is made in. Broker, stores and fan-out can be taken away; time is wound by hand.
 */
export class DispatchHarness implements AsyncDisposable {
	readonly clock = new ManualClock();
	readonly log = new RecordingLogger();
	readonly topology = createTopology('test');
	readonly broker: FaultyBroker;
	readonly media = new MemoryMediaStore({clock: this.clock});
	/** What is to be had at URLs. */
	readonly web = new ScriptedFileFetcher();
	readonly fanout = new FaultyFanout(new MemoryFanout({log: this.log}));
	readonly storeFaults: FaultyStores;
	/** Not subject to faults. */
	readonly stores: Stores;
	/** Not subject to faults. */
	readonly publisher: Publisher;
	readonly retention: Retention;
	readonly container: DependencyContainer;
	/** Where the broker's and the stores' files lie. */
	readonly folder: string;
	readonly #brokerDatabase: SqliteDatabase;
	readonly #storeDatabase: SqliteDatabase;
	readonly #resources: AsyncDisposableStack;

	private constructor(folder: string, {workers = []}: DispatchHarnessOptions, resources: AsyncDisposableStack) {
		const {clock, log, topology, fanout} = this;
		this.#resources = resources;
		this.folder = folder;
		const open = (name: string, migrations: readonly string[]): SqliteDatabase =>
			resources.use(new SqliteDatabase({path: join(folder, name), migrations, sync: INSTANT_DISK}));
		this.#brokerDatabase = open('broker.db', BROKER_MIGRATIONS);
		this.#storeDatabase = open('store.db', STORE_MIGRATIONS);
		const sqliteBroker = resources.use(new SqliteBroker({database: this.#brokerDatabase, topology, clock, log}));
		this.broker = new FaultyBroker(sqliteBroker);
		this.publisher = new Publisher({broker: sqliteBroker, topology, clock});
		this.stores = createSqliteStores(this.#storeDatabase);
		this.storeFaults = new FaultyStores(this.stores);
		this.retention = new SqliteRetention({database: this.#storeDatabase});
		const recentIds = new MemoryRecentIds({clock});
		const broker = this.broker;
		const stores = this.storeFaults.stores;
		const healthChecks = [broker, this.storeFaults, fanout];
		this.container = createContainer({
			config: loadConfig({
				PUBLIC_URL,
				WAHA_CALLBACK_URL: CALLBACK_URL,
				INGESTION_SECRET,
				ENCRYPTION_KEY: randomBytes(32).toString('hex'),
				WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
			}),
			version: '1.2.3',
			clock,
			log,
			topology,
			infrastructure: {
				broker,
				stores,
				fanout,
				recentIds,
				tickets: new MemoryTicketStore({clock}),
				rollCall: new MemoryRollCall(),
				healthChecks,
				retention: undefined,
				rateLimitStore: new MemoryStore(),
			},
			dataDirectory: () => new DataDirectory(folder),
			resources,
		});
		this.container.register(TOKENS.engines, {useValue: new ConfiguredEngines(workers)});
		this.container.register(TOKENS.mediaStore, {useValue: this.media});
		this.container.register(TOKENS.fileFetcher, {useValue: this.web});
	}

	static async create(options: DispatchHarnessOptions = {}): Promise<DispatchHarness> {
		await using resources = new AsyncDisposableStack();
		const folder = resources.use(await createTemporaryFolder());
		const owned = resources.move();
		const harness = new DispatchHarness(folder.path, options, owned);
		const control = harness.container.resolve(TOKENS.control);
		await control.start();
		owned.defer(() => control.stop());
		return harness;
	}

	/** Starts all dispatchers of the roles; they are stopped with the harness. */
	async startRoles(...roles: readonly Role[]): Promise<readonly Dispatcher[]> {
		const dispatchers = roles.flatMap((role) => createDispatchers(role, this.container));
		for (const dispatcher of dispatchers) await this.#start(dispatcher);
		return dispatchers;
	}

	/** Starts one dispatcher with a handler of the test's own. */
	async startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
		const {clock, log, broker} = this;
		const publisher = this.container.resolve(TOKENS.publisher);
		const healthChecks = this.container.resolve(TOKENS.healthChecks);
		const dispatcher = new Dispatcher({broker, publisher, clock, log, healthChecks}, options);
		await this.#start(dispatcher);
		return dispatcher;
	}

	/** Stores a connection of a new user, or of the one in `changes`. */
	async createConnection(changes: Partial<Connection> = {}): Promise<Connection> {
		const connection = sampleConnection(changes);
		await this.stores.connectionStore.insert(connection);
		return connection;
	}

	/** An event of the connection, ready to be published. */
	eventOf(connection: Connection, changes: Partial<UpstreamEvent> = {}): PreparedEvent {
		const event: UpstreamEvent = {
			session: connection.sessionName,
			event: 'message',
			id: randomUUID(),
			timestampMs: this.clock.now(),
			payload: {id: 'false_15550001111@c.us_3EB0', body: 'Grüße 👋'},
			...changes,
		};
		const owner = {userId: connection.userId, connectionId: connection.id};
		return prepareEvent(event, owner, PUBLIC_URL, this.clock.now());
	}

	/** Waits for `check` while the clock goes on at about its real pace. */
	until<T>(check: () => T | Promise<T>, timeoutMs?: number): Promise<Exclude<T, false>> {
		return eventually(async () => {
			await this.clock.advance(STEP_MS);
			return check();
		}, timeoutMs);
	}

	/**
	 * Lets time pass, in steps after which the broker, which never waits for anything but its file, has done what was due. Not for
	 * what waits for a network.
	 */
	async wind(ms: number, stepMs = 500): Promise<void> {
		for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
			await this.clock.advance(Math.min(stepMs, ms - passedMs));
			for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
		}
	}

	/** The messages that lie in a queue: in hand, ready or waiting, with how often each was handed out. */
	queued(queue: QueueDeclaration): readonly {readonly id: string; readonly deliveries: number}[] {
		const sql = `SELECT message_id AS id, deliveries FROM entry JOIN content ON content.id = entry.content
			WHERE queue = ? ORDER BY position`;
		return this.#brokerDatabase.prepare(sql).all(queue.name) as {id: string; deliveries: number}[];
	}

	headersIn(queue: QueueDeclaration): readonly MessageHeaders[] {
		const sql =
			'SELECT headers FROM entry JOIN content ON content.id = entry.content WHERE queue = ? ORDER BY position';
		const rows = this.#brokerDatabase.prepare(sql).all(queue.name);
		return rows.map(({headers}) => JSON.parse(String(headers)) as MessageHeaders);
	}

	/** Loses what lies in a queue that nobody works, such as those of the wait levels. */
	async purge({name}: QueueDeclaration): Promise<void> {
		const statement = this.#brokerDatabase.prepare('DELETE FROM entry WHERE queue = ?');
		await this.#brokerDatabase.write(() => statement.run(name));
	}

	/** How many messages wait for a later time. */
	get waiting(): number {
		return this.topology.waitLevels.reduce((sum, {queue}) => sum + this.queued(queue).length, 0);
	}

	deadLetters(): Promise<readonly DeadLetter[]> {
		return this.stores.deadLetterStore.list(100);
	}

	/** Runs one statement on the stores' file, for what no port can do. */
	async alter(sql: string, ...parameters: readonly (string | number | null)[]): Promise<void> {
		await this.#storeDatabase.write(() => this.#storeDatabase.prepare(sql).run(...parameters));
	}

	/** Everything is back, and time goes on, so that what is in hand can be settled. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.broker.mode = 'working';
		this.storeFaults.mode = 'working';
		this.fanout.away = false;
		let isDisposed = false;
		const disposal = this.#resources.disposeAsync().finally(() => {
			isDisposed = true;
		});
		await Promise.all([disposal, this.until(() => isDisposed)]);
	}

	async #start(dispatcher: Dispatcher): Promise<void> {
		await dispatcher.start();
		this.#resources.defer(() => dispatcher.stop());
	}
}
