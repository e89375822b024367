import type {Webhook} from '../webhooks/webhook.ts';
import type {Page} from './page.ts';

/** What can be changed of a webhook; absent = unchanged. A new URL, new headers and switching it on or off end its series of failures. */
export interface WebhookChanges extends Partial<
	Pick<
		Webhook,
		| 'url'
		| 'events'
		| 'timeoutMs'
		| 'retryScheduleMs'
		| 'sealedHeaders'
		| 'filter'
		| 'ratePerSecond'
		| 'concurrency'
		| 'orderSwitchesMs'
	>
> {
	/** True also clears why the system disabled it. */
	readonly active?: boolean;
}

/** A new signing secret in the place of another; both sealed. Ends a series of failures. */
export interface SecretRotation {
	/** What was read before: another secret there means that somebody else was faster. */
	readonly from: string;
	readonly to: string;
	/** What signs beside the new one, and until when. */
	readonly previous: Webhook['previousSecret'];
}

/** Where tenants want events posted. @throws {StoreUnavailableError} */
export interface WebhookStore {
	insert(webhook: Webhook): Promise<void>;
	/** Deleted ones are not found. */
	find(id: string): Promise<Webhook | undefined>;
	/** A connection's own webhooks, oldest first, without deleted ones. */
	listByConnection(connectionId: string, page: Page): Promise<readonly Webhook[]>;
	/** All of a user's webhooks, those of his connections included, oldest first, without deleted ones. */
	listByUser(userId: string, page: Page): Promise<readonly Webhook[]>;
	/** Everything that may want an event of this connection: its own webhooks and the user's, inactive ones included. */
	listForEvent(userId: string, connectionId: string | null): Promise<readonly Webhook[]>;
	/** Some webhooks, of any users. */
	listSome(limit: number): Promise<readonly Webhook[]>;
	update(id: string, changes: WebhookChanges, at: Date): Promise<Webhook | undefined>;
	/** Replaces the signing secret; undefined when it is not `from` any more, or the webhook is gone. */
	rotateSecret(id: string, rotation: SecretRotation, at: Date): Promise<Webhook | undefined>;
	/**
	 * Notes that an attempt failed. A series of failures begins where there is none, or where the last failure was before `quietSince`.
	 * Leaves `updatedAt` as it is. The webhook as it is then; undefined when it is off or gone, or was changed after the attempt, which
	 * says nothing of it then.
	 */
	noteFailure(id: string, at: Date, quietSince: Date): Promise<Webhook | undefined>;
	/** Attempts succeeded: ends the series of failures of each that has one. */
	forgetFailures(ids: readonly string[]): Promise<void>;
	/**
	 * Switches it off with the reason, as of the attempt at `at`. Does nothing to one that is off already, or that was changed after
	 * that. True when this call did it.
	 */
	disable(id: string, reason: string, at: Date): Promise<boolean>;
	markDeleted(id: string, at: Date): Promise<void>;
}
