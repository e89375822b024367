import type {Delivery, DeliveryState, Outcome} from '../webhooks/delivery.ts';
import type {ListPosition} from './page.ts';

/** Which deliveries of a webhook, and how many; absent = whatever it is. */
export interface DeliveryQuery {
	readonly limit: number;
	/** The list goes on behind this one. */
	readonly before?: ListPosition;
	readonly states?: readonly DeliveryState[];
	/** The event's name. */
	readonly event?: string;
	/** First due at this moment or later … */
	readonly from?: Date;
	/** … and before this one. */
	readonly to?: Date;
}

/** What became of deliveries. @throws {StoreUnavailableError} */
export interface DeliveryStore {
	/**
	 * Records steps of deliveries: attempts are added once each, delivery rows move forward only (`progressOf`). Outcomes may
	 * come twice and in any order; resolves when all are durable.
	 */
	record(outcomes: readonly Outcome[]): Promise<void>;
	/**
	 * Records the first step of a new run, unless the run before is not final or is not the last one any more; of run 1, unless the
	 * delivery is there already. True when it did.
	 */
	startRun(queued: Outcome): Promise<boolean>;
	find(id: string): Promise<Delivery | undefined>;
	/** As far as there are any. */
	findMany(ids: readonly string[]): Promise<readonly Delivery[]>;
	/** Newest first by (createdAt, id). */
	listByWebhook(webhookId: string, query: DeliveryQuery): Promise<readonly Delivery[]>;
	/** Deliveries of all tenants whose next attempt should have been made before `before`, the longest overdue first. */
	listOverdue(before: Date, limit: number): Promise<readonly Delivery[]>;
	/** All attempts of a delivery, oldest first. */
	listAttempts(deliveryId: string): Promise<readonly Outcome[]>;
}
