import {randomUUID} from 'node:crypto';
import {newEntitlement, type Entitlement} from '../../domain/billing/entitlement.ts';
import type {Subscription} from '../../domain/billing/subscription.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {newSessionName} from '../../domain/connections/session-name.ts';
import {digest, hashedUlid} from '../../domain/hashing.ts';
import type {Job} from '../../domain/jobs/job.ts';
import {clientMessageId, type CommandRecord} from '../../domain/messaging/command.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {hashToken, newToken, type ApiToken, type User} from '../../domain/tokens/token.ts';
import {deliveryId, type Outcome} from '../../domain/webhooks/delivery.ts';
import {newSigningSecret, type Webhook} from '../../domain/webhooks/webhook.ts';

/** A moment with milliseconds, and the ones after it. */
export const T0 = new Date('2026-03-27T12:00:00.123Z');

export function after(ms: number): Date {
	return new Date(T0.getTime() + ms);
}

export function sampleUser(changes: Partial<User> = {}): User {
	return {
		id: randomUUID(),
		email: 'jane@example.com',
		name: 'Jane Ö.',
		isAdmin: false,
		disabled: false,
		createdAt: T0,
		...changes,
	};
}

export function sampleToken(changes: Partial<ApiToken> = {}): ApiToken {
	const token = newToken();
	return {
		id: randomUUID(),
		userId: randomUUID(),
		name: 'ci',
		hash: hashToken(token),
		prefix: token.slice(0, 10),
		active: true,
		lastUsedAt: null,
		expiresAt: null,
		scopes: null,
		connectionIds: null,
		createdAt: T0,
		...changes,
	};
}

export function sampleConnection(changes: Partial<Connection> = {}): Connection {
	const userId = changes.userId ?? randomUUID();
	return {
		id: randomUUID(),
		userId,
		workerId: null,
		name: 'Support',
		sessionName: newSessionName(userId),
		phoneNumber: null,
		me: null,
		status: 'pending',
		statusAt: T0,
		engine: 'NOWEB',
		desiredState: 'running',
		suspendedAt: null,
		linkedAt: null,
		createdAt: T0,
		updatedAt: T0,
		deletedAt: null,
		...changes,
	};
}

export function sampleEntitlement(changes: Partial<Entitlement> = {}): Entitlement {
	return {...newEntitlement(randomUUID(), T0), ...changes};
}

/** Three slots, paid for until in a month. */
export function sampleSubscription(changes: Partial<Subscription> = {}): Subscription {
	return {
		id: 'sub_1',
		itemId: 'si_1',
		customerId: 'cus_1',
		status: 'active',
		quantity: 3,
		currency: 'usd',
		unitAmount: 99,
		currentPeriodEndMs: T0.getTime() + 30 * 24 * 60 * 60_000,
		cancelAtPeriodEnd: false,
		latestInvoiceId: null,
		createdAtMs: T0.getTime(),
		asOfMs: T0.getTime(),
		...changes,
	};
}

export function sampleWebhook(changes: Partial<Webhook> = {}): Webhook {
	return {
		id: randomUUID(),
		userId: randomUUID(),
		connectionId: randomUUID(),
		url: 'https://example.com/hooks?a=1',
		events: ['message', 'message.ack'],
		sealedSecret: `v1.${newSigningSecret()}`,
		previousSecret: null,
		active: true,
		disabledReason: null,
		disabledAt: null,
		failingSince: null,
		lastFailureAt: null,
		timeoutMs: null,
		retryScheduleMs: null,
		sealedHeaders: null,
		filter: null,
		ratePerSecond: null,
		concurrency: null,
		orderSwitchesMs: [],
		createdAt: T0,
		updatedAt: T0,
		deletedAt: null,
		...changes,
	};
}

export function sampleEvent(changes: Partial<NewLoggedEvent> = {}): NewLoggedEvent {
	const timestampMs = changes.timestampMs ?? T0.getTime();
	const id = `evt_${hashedUlid(timestampMs, digest(randomUUID()))}`;
	return {
		id,
		event: 'message',
		userId: randomUUID(),
		connectionId: randomUUID(),
		timestampMs,
		receivedAtMs: timestampMs + 25,
		body: JSON.stringify({id, payload: {body: 'Grüße 👋 \u0000 "quoted"'}}),
		...changes,
	};
}

/** A first attempt that failed and waits for the second. */
export function sampleOutcome(changes: Partial<Outcome> = {}): Outcome {
	const eventId = changes.eventId ?? sampleEvent().id;
	const webhookId = changes.webhookId ?? randomUUID();
	return {
		deliveryId: deliveryId(eventId, webhookId),
		eventId,
		event: 'message',
		webhookId,
		userId: randomUUID(),
		connectionId: randomUUID(),
		run: 1,
		attempt: 1,
		state: 'waiting',
		atMs: T0.getTime() + 150,
		firstAtMs: T0.getTime(),
		result: {status: 503, durationMs: 120, errorClass: 'status', error: 'answered 503', answer: 'busy 👋'},
		nextAttemptAtMs: T0.getTime() + 5150,
		...changes,
	};
}

/** A replay of an hour that nobody has begun with. */
export function sampleJob(changes: Partial<Job> = {}): Job {
	return {
		id: randomUUID(),
		kind: 'replay',
		userId: randomUUID(),
		webhookId: randomUUID(),
		connectionId: randomUUID(),
		from: after(-3_600_000),
		to: T0,
		events: null,
		status: 'missed',
		state: 'queued',
		total: null,
		done: 0,
		failed: 0,
		reason: null,
		createdAt: T0,
		startedAt: null,
		finishedAt: null,
		updatedAt: T0,
		turn: 1,
		version: 1,
		work: {
			position: null,
			isAtEnd: false,
			counted: 0,
			starting: [],
			outstanding: [],
			runningSinceMs: null,
			progressedAtMs: T0.getTime(),
		},
		...changes,
	};
}

export function sampleCommand(changes: Partial<CommandRecord> = {}): CommandRecord {
	const id = changes.id ?? randomUUID();
	return {
		id,
		userId: randomUUID(),
		connectionId: randomUUID(),
		kind: 'message.send',
		chatId: '15550001111@c.us',
		status: 'queued',
		idempotencyKey: null,
		bodyHash: digest('body').toString('hex'),
		messageId: null,
		messageKey: clientMessageId(id),
		sentTimestamp: null,
		failure: null,
		owner: null,
		receipts: {},
		createdAt: T0,
		updatedAt: T0,
		...changes,
	};
}
