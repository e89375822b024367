import type {BillingEventStore} from './billing-event-store.ts';
import type {CommandStore} from './command-store.ts';
import type {ConnectionStore} from './connection-store.ts';
import type {DeadLetterStore} from './dead-letter-store.ts';
import type {DeliveryStore} from './delivery-store.ts';
import type {EngineStateStore} from './engine-state-store.ts';
import type {EntitlementStore} from './entitlement-store.ts';
import type {EventStore} from './event-store.ts';
import type {JobStore} from './job-store.ts';
import type {LeaseStore} from './lease-store.ts';
import type {MarkStore} from './mark-store.ts';
import type {SlotStore} from './slot-store.ts';
import type {TokenStore} from './token-store.ts';
import type {UsageStore} from './usage-store.ts';
import type {UserStore} from './user-store.ts';
import type {WebhookStore} from './webhook-store.ts';
import type {WorkerStore} from './worker-store.ts';

/** Every store port over one technology. */
export interface Stores {
	readonly userStore: UserStore;
	readonly tokenStore: TokenStore;
	readonly connectionStore: ConnectionStore;
	readonly workerStore: WorkerStore;
	readonly webhookStore: WebhookStore;
	readonly eventStore: EventStore;
	readonly deliveryStore: DeliveryStore;
	readonly commandStore: CommandStore;
	readonly deadLetterStore: DeadLetterStore;
	readonly leaseStore: LeaseStore;
	readonly markStore: MarkStore;
	readonly jobStore: JobStore;
	readonly engineStateStore: EngineStateStore;
	readonly entitlementStore: EntitlementStore;
	readonly slotStore: SlotStore;
	readonly billingEventStore: BillingEventStore;
	readonly usageStore: UsageStore;
}
