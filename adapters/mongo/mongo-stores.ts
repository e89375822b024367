import type {Stores} from '../../domain/ports/stores.ts';
import {MongoBillingEventStore} from './mongo-billing-event-store.ts';
import {MongoCommandStore} from './mongo-command-store.ts';
import {MongoConnectionStore} from './mongo-connection-store.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {MongoDeadLetterStore} from './mongo-dead-letter-store.ts';
import {MongoDeliveryStore} from './mongo-delivery-store.ts';
import {MongoEngineStateStore} from './mongo-engine-state-store.ts';
import {MongoEntitlementStore} from './mongo-entitlement-store.ts';
import {MongoEventStore} from './mongo-event-store.ts';
import {MongoJobStore} from './mongo-job-store.ts';
import {MongoLeaseStore} from './mongo-lease-store.ts';
import {MongoMarkStore} from './mongo-mark-store.ts';
import {MongoSlotStore} from './mongo-slot-store.ts';
import {MongoTokenStore} from './mongo-token-store.ts';
import {MongoUsageStore} from './mongo-usage-store.ts';
import {MongoUserStore} from './mongo-user-store.ts';
import {MongoWebhookStore} from './mongo-webhook-store.ts';
import {MongoWorkerStore} from './mongo-worker-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * All stores over one MongoDB.
 * @param options.retentionDays how long events, deliveries, attempts, commands and dead letters are kept; 30 by default. MongoDB deletes them
 *   by itself; another value holds for what is written from then on.
 */
export function createMongoStores(
	database: MongoDatabase,
	{retentionDays = 30}: {retentionDays?: number} = {},
): Stores {
	const retentionMs = retentionDays * DAY_MS;
	return {
		userStore: new MongoUserStore({database}),
		tokenStore: new MongoTokenStore({database}),
		connectionStore: new MongoConnectionStore({database}),
		workerStore: new MongoWorkerStore({database}),
		webhookStore: new MongoWebhookStore({database}),
		eventStore: new MongoEventStore({database, retentionMs}),
		deliveryStore: new MongoDeliveryStore({database, retentionMs}),
		commandStore: new MongoCommandStore({database, retentionMs}),
		deadLetterStore: new MongoDeadLetterStore({database, retentionMs}),
		leaseStore: new MongoLeaseStore({database}),
		markStore: new MongoMarkStore({database}),
		jobStore: new MongoJobStore({database, retentionMs}),
		engineStateStore: new MongoEngineStateStore({database}),
		entitlementStore: new MongoEntitlementStore({database}),
		slotStore: new MongoSlotStore({database}),
		billingEventStore: new MongoBillingEventStore({database, retentionMs}),
		usageStore: new MongoUsageStore({database}),
	};
}
