import type {Webhook} from '../webhooks/webhook.ts';

/** What can be changed of a webhook; absent = unchanged. */
export interface WebhookChanges {
	readonly url?: string;
	readonly events?: readonly string[];
	/** True also clears why the system disabled it. */
	readonly active?: boolean;
}

/** Where tenants want events posted. @throws {StoreUnavailableError} */
export interface WebhookStore {
	insert(webhook: Webhook): Promise<void>;
	/** Deleted ones are not found. */
	find(id: string): Promise<Webhook | undefined>;
	/** A connection's own webhooks, oldest first, without deleted ones. */
	listByConnection(connectionId: string): Promise<readonly Webhook[]>;
	/** Everything that may want an event of this connection: its own webhooks and the user's, inactive ones included. */
	listForEvent(userId: string, connectionId: string | null): Promise<readonly Webhook[]>;
	update(id: string, changes: WebhookChanges, at: Date): Promise<Webhook | undefined>;
	/** Switches it off with the reason; does nothing to one that is off already. True when this call did it. */
	disable(id: string, reason: string, at: Date): Promise<boolean>;
	markDeleted(id: string, at: Date): Promise<void>;
}
