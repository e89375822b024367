import type {ConnectionUsage} from '../../domain/billing/connection-usage.ts';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {Job} from '../../domain/jobs/job.ts';
import type {CommandRecord} from '../../domain/messaging/command.ts';
import type {DeadLetter} from '../../domain/ports/dead-letter-store.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {ApiToken, User} from '../../domain/tokens/token.ts';
import type {Delivery, Outcome} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import type {PackedText} from './packed-text.ts';

/** How a domain object lies in MongoDB: its `id` is the `_id`, everything else has its own name. */
export type Document<T extends {readonly id: string}> = Omit<T, 'id'> & {readonly _id: string};

/** With fields that documents of earlier versions lack. */
type Grown<T, Newer extends keyof T> = Omit<T, Newer> & Partial<Pick<T, Newer>>;

/** When MongoDB may delete the document (about a minute late); set at each write, so that another retention needs no new index. */
interface Expiring {
	readonly expiresAt: Date;
}

/** With a body that may be larger than a document. */
type Packed<T> = Omit<T, 'body'> & {readonly body: PackedText};

/** Who holds the places of a worker. */
export interface WorkerPlacesDocument {
	/** The worker's id. */
	readonly _id: string;
	readonly holders: readonly string[];
}

/** What outlives a user's events, so that `seq` never starts again. */
export interface EventSequenceDocument {
	/** The user's id. */
	readonly _id: string;
	/** Not below any `seq` ever given. */
	readonly reserved: number;
}

export interface DeliveryDocument extends Document<Delivery>, Expiring {
	readonly progress: number;
	/** The attempt that `lastStatus` and `lastError` are of (`triedOf`). */
	readonly tried?: number;
}

export interface CommandDocument extends Grown<Document<CommandRecord>, 'messageKey' | 'receipts'>, Expiring {
	/** User and Idempotency-Key, unique; absent without a key and once another command took it over. */
	readonly idempotency?: string;
}

export interface JobDocument extends Document<Job>, Expiring {
	/** The webhook's id, unique; absent once the job is at its end. */
	readonly underWay?: string;
}

export interface LeaseDocument {
	/** The lease's name. */
	readonly _id: string;
	/** Null after a release: whoever comes next is a new holder. */
	readonly holder: string | null;
	readonly token: number;
	readonly expiresAtMs: number;
}

export interface MarkDocument {
	/** The mark's name. */
	readonly _id: string;
	readonly value: string;
}

export interface EngineStateDocument {
	/** Engine and session as a JSON array. */
	readonly _id: string;
	readonly engine: string;
	readonly session: string;
	readonly state: string;
}

export interface BillingEventDocument extends Expiring {
	/** The provider's id. */
	readonly _id: string;
	readonly at: Date;
}

/** How far a user's log was counted. */
export interface UsageCountDocument {
	/** The user's id. */
	readonly _id: string;
	readonly seq: number;
}

export type EntitlementDocument = Grown<Document<Entitlement>, 'checkoutAt' | 'toldSuspended'>;
export type UsageDocument = Document<ConnectionUsage>;
export type UserDocument = Document<User>;
export type TokenDocument = Grown<Document<ApiToken>, 'scopes' | 'connectionIds'>;
export type ConnectionDocument = Grown<Document<Connection>, 'suspendedAt'>;
export type WebhookDocument = Grown<
	Document<Webhook>,
	'sealedHeaders' | 'filter' | 'ratePerSecond' | 'concurrency' | 'orderSwitchesMs' | 'failingSince' | 'lastFailureAt'
>;
export type EventDocument = Packed<Document<LoggedEvent>> & Expiring;
/** `_id` is the outcome's `attemptId`. */
export type AttemptDocument = Outcome & Expiring & {readonly _id: string};
export type DeadLetterDocument = Packed<Document<DeadLetter>> & Expiring;

export function toDocument<T extends {readonly id: string}>({id, ...rest}: T): Document<T> {
	return {_id: id, ...rest};
}

export function fromDocument<T extends {readonly id: string}>({_id, ...rest}: Document<T>): T {
	return {id: _id, ...rest} as unknown as T;
}
