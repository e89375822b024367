import type {Store} from 'express-rate-limit';
import {SqliteDatabase} from '../adapters/sqlite/database.ts';
import {SqliteBroker} from '../adapters/sqlite/sqlite-broker.ts';
import {BROKER_MIGRATIONS} from '../adapters/sqlite/broker-schema.ts';
import {SqliteHealthCheck} from '../adapters/sqlite/sqlite-health-check.ts';
import {SqliteRetention} from '../adapters/sqlite/sqlite-retention.ts';
import {createSqliteStores} from '../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../adapters/sqlite/store-schema.ts';
import {MemoryFanout} from '../adapters/system/memory-fanout.ts';
import {MemoryRecentIds} from '../adapters/system/memory-recent-ids.ts';
import type {Topology} from '../domain/broker/topology.ts';
import type {Broker} from '../domain/ports/broker.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {Fanout} from '../domain/ports/fanout.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';
import type {RecentIds} from '../domain/ports/recent-ids.ts';
import type {Retention} from '../domain/ports/retention.ts';
import type {Stores} from '../domain/ports/stores.ts';
import type {DataDirectory} from './data-dir.ts';
import type {Config} from './env.ts';

/** What the process stands on: opened before anything is wired, closed after everything else. */
export interface Infrastructure {
	readonly broker: Broker;
	readonly stores: Stores;
	readonly fanout: Fanout;
	readonly recentIds: RecentIds;
	/** Where requests are counted; undefined = each gateway counts for itself. */
	readonly rateLimitStore: Store | undefined;
	readonly healthChecks: readonly HealthCheck[];
	/** Deletes what is older than it is kept; undefined where the store does it by itself. */
	readonly retention: Retention | undefined;
}

interface Context {
	readonly config: Config;
	readonly topology: Topology;
	readonly dataDirectory: () => DataDirectory;
	readonly clock: Clock;
	readonly log: Logger;
	/** Whatever is opened here is closed with it, last in, first out. */
	readonly resources: AsyncDisposableStack;
}

type BrokerPart = Pick<Infrastructure, 'broker'> & {readonly check: HealthCheck};
type StorePart = Pick<Infrastructure, 'stores' | 'retention'> & {readonly check: HealthCheck};
type FanoutPart = Pick<Infrastructure, 'fanout' | 'recentIds' | 'rateLimitStore'> & {
	readonly checks: readonly HealthCheck[];
};

/** Opens what the configuration names, and the embedded twin of all else. @throws {SetupError} something cannot be opened */
export async function openInfrastructure(context: Context): Promise<Infrastructure> {
	const {config} = context;
	const [store, broker, fanout] = await Promise.all([
		config.mongodbUrl === undefined ? openSqliteStores(context) : openMongoStores(context, config.mongodbUrl),
		config.amqpUrl === undefined ? openSqliteBroker(context) : openRabbitMq(context, config.amqpUrl),
		config.redisUrl === undefined ? openMemoryFanout(context) : openRedis(context, config.redisUrl),
	]);
	return {
		broker: broker.broker,
		stores: store.stores,
		fanout: fanout.fanout,
		recentIds: fanout.recentIds,
		rateLimitStore: fanout.rateLimitStore,
		healthChecks: [broker.check, store.check, ...fanout.checks],
		retention: store.retention,
	};
}

function openSqliteStores({dataDirectory, resources}: Context): StorePart {
	const path = dataDirectory().file('store.db');
	const database = resources.use(new SqliteDatabase({path, migrations: STORE_MIGRATIONS}));
	const check = new SqliteHealthCheck({database});
	return {stores: createSqliteStores(database), check, retention: new SqliteRetention({database})};
}

function openSqliteBroker({dataDirectory, topology, clock, log, resources}: Context): BrokerPart {
	const path = dataDirectory().file('broker.db');
	const database = resources.use(new SqliteDatabase({path, migrations: BROKER_MIGRATIONS}));
	const broker = resources.use(new SqliteBroker({database, topology, clock, log}));
	return {broker, check: broker};
}

function openMemoryFanout({clock, log, resources}: Context): FanoutPart {
	const fanout = resources.use(new MemoryFanout({log}));
	return {fanout, recentIds: new MemoryRecentIds({clock}), rateLimitStore: undefined, checks: []};
}

// Drivers are loaded where they are used: a process does not pay for what it does not talk to.

async function openMongoStores({config, log, resources}: Context, url: string): Promise<StorePart> {
	const [{openMongo}, {createMongoStores}] = await Promise.all([
		import('../adapters/mongo/open-mongo.ts'),
		import('../adapters/mongo/mongo-stores.ts'),
	]);
	const database = resources.use(await openMongo({url, log}));
	const stores = createMongoStores(database, {retentionDays: config.retentionDays});
	return {stores, check: database, retention: undefined};
}

async function openRabbitMq({topology, clock, log, resources}: Context, url: string): Promise<BrokerPart> {
	const {connectRabbitMq} = await import('../adapters/rabbitmq/connect-rabbitmq.ts');
	const {broker, healthCheck} = await connectRabbitMq({url, topology, clock, log});
	resources.use(broker);
	return {broker, check: healthCheck};
}

async function openRedis({config, clock, log, resources}: Context, url: string): Promise<FanoutPart> {
	const [{connectRedis}, {RedisFanout}, {RedisRecentIds}, {RedisRateLimitStore}] = await Promise.all([
		import('../adapters/redis/connect-redis.ts'),
		import('../adapters/redis/redis-fanout.ts'),
		import('../adapters/redis/redis-recent-ids.ts'),
		import('../adapters/redis/redis-rate-limit-store.ts'),
	]);
	const connection = resources.use(await connectRedis({url, clock, log}));
	const {commands, subscriber} = connection;
	const prefix = config.namespace;
	const fanout = resources.use(new RedisFanout({commands, subscriber, log, prefix}));
	const recentIds = new RedisRecentIds({commands, clock, log, prefix});
	const rateLimitStore = new RedisRateLimitStore({commands, clock, log, prefix});
	resources.defer(() => {
		rateLimitStore.shutdown();
	});
	return {fanout, recentIds, rateLimitStore, checks: [connection]};
}
