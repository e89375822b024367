import {
	Schema,
	type Connection as MongooseConnection,
	type IndexDefinition,
	type IndexOptions,
	type Model,
} from 'mongoose';
import type {
	AttemptDocument,
	BillingEventDocument,
	CommandDocument,
	ConnectionDocument,
	DeadLetterDocument,
	DeliveryDocument,
	EngineStateDocument,
	EntitlementDocument,
	EventDocument,
	EventSequenceDocument,
	JobDocument,
	LeaseDocument,
	MarkDocument,
	TokenDocument,
	UsageCountDocument,
	UsageDocument,
	UserDocument,
	WebhookDocument,
	WorkerPlacesDocument,
} from './documents.ts';

/** Every collection. */
export interface Models {
	readonly users: Model<UserDocument>;
	readonly tokens: Model<TokenDocument>;
	readonly connections: Model<ConnectionDocument>;
	readonly workerPlaces: Model<WorkerPlacesDocument>;
	readonly webhooks: Model<WebhookDocument>;
	readonly events: Model<EventDocument>;
	readonly eventSequences: Model<EventSequenceDocument>;
	readonly deliveries: Model<DeliveryDocument>;
	readonly attempts: Model<AttemptDocument>;
	readonly commands: Model<CommandDocument>;
	readonly deadLetters: Model<DeadLetterDocument>;
	readonly jobs: Model<JobDocument>;
	readonly leases: Model<LeaseDocument>;
	readonly marks: Model<MarkDocument>;
	readonly engineStates: Model<EngineStateDocument>;
	readonly entitlements: Model<EntitlementDocument>;
	readonly billingEvents: Model<BillingEventDocument>;
	readonly usage: Model<UsageDocument>;
	readonly usageCounts: Model<UsageCountDocument>;
}

/** How mongoose casts each field; a missing field does not compile. `Mixed` is kept as it is. */
type Fields<T> = Readonly<Record<keyof T, typeof String | typeof Number | typeof Boolean | typeof Date | typeof Mixed>>;

type Index = readonly [IndexDefinition, IndexOptions?];

const {Mixed} = Schema.Types;

const EXPIRY: Index = [{expiresAt: 1}, {expireAfterSeconds: 0}];

/** Before all moments that are kept. */
export const LONG_AGO = new Date(0);

/** Declares all collections with their indexes on a connection; creates nothing yet. */
export function createModels(connection: MongooseConnection): Models {
	const declare = <T>(collection: string, fields: Fields<T>, ...indexes: readonly Index[]): Model<T> => {
		const schema = new Schema<T>(fields as ConstructorParameters<typeof Schema<T>>[0], {
			collection,
			versionKey: false,
			minimize: false,
		});
		for (const [keys, options] of indexes) {
			schema.index(keys, options);
		}
		return connection.model<T>(collection, schema);
	};
	return {
		users: declare<UserDocument>(
			'users',
			{_id: String, email: String, name: String, isAdmin: Boolean, disabled: Boolean, createdAt: Date},
			[{createdAt: 1, _id: 1}],
		),
		tokens: declare<TokenDocument>(
			'tokens',
			{
				_id: String,
				userId: String,
				name: String,
				hash: String,
				prefix: String,
				active: Boolean,
				lastUsedAt: Date,
				expiresAt: Date,
				scopes: Mixed,
				connectionIds: Mixed,
				createdAt: Date,
			},
			[{hash: 1}, {unique: true}],
			[{userId: 1, createdAt: 1, _id: 1}],
		),
		connections: declare<ConnectionDocument>(
			'connections',
			{
				_id: String,
				userId: String,
				workerId: String,
				name: String,
				sessionName: String,
				phoneNumber: String,
				me: Mixed,
				status: String,
				statusAt: Date,
				engine: String,
				desiredState: String,
				suspendedAt: Date,
				linkedAt: Date,
				createdAt: Date,
				updatedAt: Date,
				deletedAt: Date,
			},
			[{sessionName: 1}, {unique: true}],
			[{userId: 1, createdAt: 1, _id: 1}],
			[{workerId: 1, desiredState: 1, createdAt: 1, _id: 1}],
			[{status: 1, desiredState: 1, createdAt: 1, _id: 1}],
			[{deletedAt: 1, status: 1}],
		),
		workerPlaces: declare<WorkerPlacesDocument>('workerPlaces', {_id: String, holders: Mixed}),
		webhooks: declare<WebhookDocument>(
			'webhooks',
			{
				_id: String,
				userId: String,
				connectionId: String,
				url: String,
				events: Mixed,
				sealedSecret: String,
				previousSecret: Mixed,
				active: Boolean,
				disabledReason: String,
				disabledAt: Date,
				failingSince: Date,
				lastFailureAt: Date,
				timeoutMs: Number,
				retryScheduleMs: Mixed,
				sealedHeaders: String,
				filter: Mixed,
				ratePerSecond: Number,
				concurrency: Number,
				orderSwitchesMs: Mixed,
				createdAt: Date,
				updatedAt: Date,
				deletedAt: Date,
			},
			[{userId: 1, connectionId: 1}],
			[{userId: 1, createdAt: 1, _id: 1}],
			[{connectionId: 1, createdAt: 1, _id: 1}],
		),
		events: declare<EventDocument>(
			'events',
			{
				_id: String,
				userId: String,
				seq: Number,
				event: String,
				connectionId: String,
				timestampMs: Number,
				receivedAtMs: Number,
				body: Mixed,
				expiresAt: Date,
			},
			[{userId: 1, seq: 1}, {unique: true}],
			[{userId: 1, connectionId: 1, seq: 1}],
			[{userId: 1, receivedAtMs: 1, seq: 1}],
			EXPIRY,
		),
		eventSequences: declare<EventSequenceDocument>('eventSequences', {_id: String, reserved: Number}),
		deliveries: declare<DeliveryDocument>(
			'deliveries',
			{
				_id: String,
				eventId: String,
				event: String,
				webhookId: String,
				userId: String,
				connectionId: String,
				run: Number,
				attempts: Number,
				state: String,
				createdAt: Date,
				updatedAt: Date,
				deliveredAt: Date,
				nextAttemptAt: Date,
				lastStatus: Number,
				lastError: String,
				reason: String,
				progress: Number,
				tried: Number,
				expiresAt: Date,
			},
			[{webhookId: 1, createdAt: -1, _id: -1}],
			[{webhookId: 1, state: 1, createdAt: -1, _id: -1}],
			[{nextAttemptAt: 1}, {partialFilterExpression: {nextAttemptAt: {$gt: LONG_AGO}}}],
			EXPIRY,
		),
		attempts: declare<AttemptDocument>(
			'attempts',
			{
				_id: String,
				deliveryId: String,
				eventId: String,
				event: String,
				webhookId: String,
				userId: String,
				connectionId: String,
				run: Number,
				attempt: Number,
				state: String,
				atMs: Number,
				firstAtMs: Number,
				result: Mixed,
				nextAttemptAtMs: Number,
				reason: String,
				expiresAt: Date,
			},
			[{deliveryId: 1, run: 1, attempt: 1}],
			EXPIRY,
		),
		commands: declare<CommandDocument>(
			'commands',
			{
				_id: String,
				userId: String,
				connectionId: String,
				kind: String,
				chatId: String,
				status: String,
				idempotencyKey: String,
				idempotency: String,
				bodyHash: String,
				messageId: String,
				messageKey: String,
				sentTimestamp: Number,
				failure: Mixed,
				owner: String,
				receipts: Mixed,
				createdAt: Date,
				updatedAt: Date,
				expiresAt: Date,
			},
			[{idempotency: 1}, {unique: true, sparse: true}],
			[{connectionId: 1, messageKey: 1}],
			EXPIRY,
		),
		deadLetters: declare<DeadLetterDocument>(
			'deadLetters',
			{_id: String, queue: String, reason: String, headers: Mixed, body: Mixed, at: Date, expiresAt: Date},
			[{at: -1, _id: -1}],
			EXPIRY,
		),
		jobs: declare<JobDocument>(
			'jobs',
			{
				_id: String,
				kind: String,
				userId: String,
				webhookId: String,
				connectionId: String,
				from: Date,
				to: Date,
				events: Mixed,
				status: String,
				state: String,
				total: Number,
				done: Number,
				failed: Number,
				reason: String,
				createdAt: Date,
				startedAt: Date,
				finishedAt: Date,
				updatedAt: Date,
				turn: Number,
				version: Number,
				work: Mixed,
				underWay: String,
				expiresAt: Date,
			},
			[{underWay: 1}, {unique: true, sparse: true}],
			[{userId: 1, createdAt: -1, _id: -1}],
			EXPIRY,
		),
		leases: declare<LeaseDocument>('leases', {_id: String, holder: String, token: Number, expiresAtMs: Number}),
		marks: declare<MarkDocument>('marks', {_id: String, value: String}),
		engineStates: declare<EngineStateDocument>(
			'engineStates',
			{_id: String, engine: String, session: String, state: String},
			[{engine: 1}],
		),
		entitlements: declare<EntitlementDocument>(
			'entitlements',
			{
				_id: String,
				customerId: String,
				subscription: Mixed,
				grantedSlots: Number,
				graceSince: Date,
				checkedAt: Date,
				checkoutAt: Date,
				notices: Mixed,
				toldSuspended: Mixed,
				holders: Mixed,
				version: Number,
				createdAt: Date,
				updatedAt: Date,
			},
			[{customerId: 1}],
			[{createdAt: 1, _id: 1}],
		),
		billingEvents: declare<BillingEventDocument>('billingEvents', {_id: String, at: Date, expiresAt: Date}, EXPIRY),
		usage: declare<UsageDocument>(
			'usage',
			{_id: String, userId: String, seq: Number, connectedSinceMs: Number, days: Mixed},
			[{userId: 1}],
		),
		usageCounts: declare<UsageCountDocument>('usageCounts', {_id: String, seq: Number}),
	};
}
