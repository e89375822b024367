import {MemoryStore, type Store} from 'express-rate-limit';
import {SqliteDatabase} from '../adapters/sqlite/database.ts';
import {SqliteBroker} from '../adapters/sqlite/sqlite-broker.ts';
import {BROKER_MIGRATIONS} from '../adapters/sqlite/broker-schema.ts';
import {SqliteHealthCheck} from '../adapters/sqlite/sqlite-health-check.ts';
import {SqliteRetention} from '../adapters/sqlite/sqlite-retention.ts';
import {createSqliteStores} from '../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../adapters/sqlite/store-schema.ts';
import {MemoryFanout} from '../adapters/system/memory-fanout.ts';
import {MemoryRecentIds} from '../adapters/system/memory-recent-ids.ts';
import {MemoryRollCall} from '../adapters/system/memory-roll-call.ts';
import {MemoryTicketStore} from '../adapters/system/memory-ticket-store.ts';
import type {Topology} from '../domain/broker/topology.ts';
import type {BillingEventReader} from '../domain/ports/billing-event-reader.ts';
import type {BillingProvider} from '../domain/ports/billing-provider.ts';
import type {Broker} from '../domain/ports/broker.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {Fanout} from '../domain/ports/fanout.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';
import type {RecentIds} from '../domain/ports/recent-ids.ts';
import type {Retention} from '../domain/ports/retention.ts';
import type {RollCall} from '../domain/ports/roll-call.ts';
import type {Stores} from '../domain/ports/stores.ts';
import type {TicketStore} from '../domain/ports/ticket-store.ts';
import type {DataDirectory} from './data-dir.ts';
import type {Config} from './env.ts';

/** What the process stands on: opened before anything is wired, closed after everything else. */
export interface Infrastructure {
	readonly broker: Broker;
	readonly stores: Stores;
	readonly fanout: Fanout;
	readonly recentIds: RecentIds;
	readonly tickets: TicketStore;
	/** Of the gateways. */
	readonly rollCall: RollCall;
	/** Where requests are counted. */
	readonly rateLimitStore: Store;
	readonly healthChecks: readonly HealthCheck[];
	/** Deletes what is older than it is kept; undefined where the store does it by itself. */
	readonly retention: Retention | undefined;
	/** Who sells slots; undefined = nobody. */
	readonly billingProvider?: BillingProvider | undefined;
	/** Reads what the provider posts; undefined = nothing of it is listened to. */
	readonly billingEventReader?: BillingEventReader | undefined;
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
type FanoutPart = Pick<Infrastructure, 'fanout' | 'recentIds' | 'tickets' | 'rollCall' | 'rateLimitStore'> & {
	readonly checks: readonly HealthCheck[];
};

type BillingPart = Pick<Infrastructure, 'billingProvider' | 'billingEventReader'>;

/** Opens what the configuration names, and the embedded twin of all else. @throws {SetupError} something cannot be opened */
export async function openInfrastructure(context: Context): Promise<Infrastructure> {
	const {config} = context;
	const [store, broker, fanout, billing] = await Promise.all([
		config.mongodbUrl === undefined ? openSqliteStores(context) : openMongoStores(context, config.mongodbUrl),
		config.amqpUrl === undefined ? openSqliteBroker(context) : openRabbitMq(context, config.amqpUrl),
		config.redisUrl === undefined ? openMemoryFanout(context) : openRedis(context, config.redisUrl),
		openBilling(context),
	]);
	return {
		broker: broker.broker,
		stores: store.stores,
		fanout: fanout.fanout,
		recentIds: fanout.recentIds,
		tickets: fanout.tickets,
		rollCall: fanout.rollCall,
		rateLimitStore: fanout.rateLimitStore,
		healthChecks: [broker.check, store.check, ...fanout.checks],
		retention: store.retention,
		...billing,
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
	const rateLimitStore = new MemoryStore();
	resources.defer(() => {
		rateLimitStore.shutdown();
	});
	return {
		fanout,
		recentIds: new MemoryRecentIds({clock}),
		tickets: new MemoryTicketStore({clock}),
		rollCall: resources.use(new MemoryRollCall()),
		rateLimitStore,
		checks: [],
	};
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
	const [{connectRedis}, {RedisFanout}, {RedisRecentIds}, {RedisRateLimitStore}, {RedisTicketStore}, {RedisRollCall}] =
		await Promise.all([
			import('../adapters/redis/connect-redis.ts'),
			import('../adapters/redis/redis-fanout.ts'),
			import('../adapters/redis/redis-recent-ids.ts'),
			import('../adapters/redis/redis-rate-limit-store.ts'),
			import('../adapters/redis/redis-ticket-store.ts'),
			import('../adapters/redis/redis-roll-call.ts'),
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
	const tickets = new RedisTicketStore({commands, prefix});
	const rollCall = resources.use(new RedisRollCall({commands, subscriber, clock, log, prefix}));
	return {fanout, recentIds, tickets, rollCall, rateLimitStore, checks: [connection]};
}

/** Others do not pay for the library. */
async function openBilling({config, clock, log}: Context): Promise<BillingPart> {
	const {stripe: settings} = config.billing;
	if (settings === undefined || !(config.roles.includes('gateway') || config.roles.includes('supervisor'))) {
		return {};
	}
	const {secretKey, webhookSecret: secret, prices, apiUrl} = settings;
	const [{createStripeClient}, {StripeBillingProvider}, {StripeEventReader}] = await Promise.all([
		import('../adapters/stripe/stripe-client.ts'),
		import('../adapters/stripe/stripe-billing-provider.ts'),
		import('../adapters/stripe/stripe-event-reader.ts'),
	]);
	const stripe = createStripeClient({secretKey, apiUrl});
	if (secret === undefined) {
		log.warn({advice: 'set STRIPE_WEBHOOK_SECRET'}, 'billing.events.ignored');
	}
	return {
		billingProvider: new StripeBillingProvider({stripe, prices, clock}),
		billingEventReader:
			secret === undefined
				? undefined
				: new StripeEventReader({stripe, secret, priceIds: new Set(Object.values(prices)), clock}),
	};
}
