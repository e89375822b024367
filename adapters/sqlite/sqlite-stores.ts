import type {Stores} from '../../domain/ports/stores.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteBillingEventStore} from './sqlite-billing-event-store.ts';
import {SqliteCommandStore} from './sqlite-command-store.ts';
import {SqliteConnectionStore} from './sqlite-connection-store.ts';
import {SqliteDeadLetterStore} from './sqlite-dead-letter-store.ts';
import {SqliteDeliveryStore} from './sqlite-delivery-store.ts';
import {SqliteEngineStateStore} from './sqlite-engine-state-store.ts';
import {SqliteEntitlementStore} from './sqlite-entitlement-store.ts';
import {SqliteEventStore} from './sqlite-event-store.ts';
import {SqliteJobStore} from './sqlite-job-store.ts';
import {SqliteLeaseStore} from './sqlite-lease-store.ts';
import {SqliteMarkStore} from './sqlite-mark-store.ts';
import {SqliteSlotStore} from './sqlite-slot-store.ts';
import {SqliteTokenStore} from './sqlite-token-store.ts';
import {SqliteUsageStore} from './sqlite-usage-store.ts';
import {SqliteUserStore} from './sqlite-user-store.ts';
import {SqliteWebhookStore} from './sqlite-webhook-store.ts';
import {SqliteWorkerStore} from './sqlite-worker-store.ts';

/** All stores over one embedded database, which was opened with `STORE_MIGRATIONS`. */
export function createSqliteStores(database: SqliteDatabase): Stores {
	return {
		userStore: new SqliteUserStore({database}),
		tokenStore: new SqliteTokenStore({database}),
		connectionStore: new SqliteConnectionStore({database}),
		workerStore: new SqliteWorkerStore({database}),
		webhookStore: new SqliteWebhookStore({database}),
		eventStore: new SqliteEventStore({database}),
		deliveryStore: new SqliteDeliveryStore({database}),
		commandStore: new SqliteCommandStore({database}),
		deadLetterStore: new SqliteDeadLetterStore({database}),
		leaseStore: new SqliteLeaseStore({database}),
		markStore: new SqliteMarkStore({database}),
		jobStore: new SqliteJobStore({database}),
		engineStateStore: new SqliteEngineStateStore({database}),
		entitlementStore: new SqliteEntitlementStore({database}),
		slotStore: new SqliteSlotStore({database}),
		billingEventStore: new SqliteBillingEventStore({database}),
		usageStore: new SqliteUsageStore({database}),
	};
}
