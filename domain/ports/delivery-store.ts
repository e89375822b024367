import type {Delivery, Outcome} from '../webhooks/delivery.ts';
import type {ListPosition} from './page.ts';

/** What became of deliveries. @throws {StoreUnavailableError} */
export interface DeliveryStore {
	/**
	 * Records steps of deliveries: attempts are added once each, delivery rows move forward only (`progressOf`). Outcomes may
	 * come twice and in any order; resolves when all are durable.
	 */
	record(outcomes: readonly Outcome[]): Promise<void>;
	find(id: string): Promise<Delivery | undefined>;
	/** Newest first by (createdAt, id). */
	listByWebhook(
		webhookId: string,
		page: {readonly limit: number; readonly before?: ListPosition},
	): Promise<readonly Delivery[]>;
	/** All attempts of a delivery, oldest first. */
	listAttempts(deliveryId: string): Promise<readonly Outcome[]>;
}
