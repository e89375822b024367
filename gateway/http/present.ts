import type {Account, Connection} from '../../domain/connections/connection.ts';
import type {ApiToken} from '../../domain/tokens/token.ts';
import type {CreatedToken} from '../../domain/tokens/tokens.ts';
import type {DeliveryState} from '../../domain/webhooks/delivery.ts';
import {standardSecret} from '../../domain/webhooks/signing.ts';
import type {LoggedDelivery, OwnedWebhook} from '../../domain/webhooks/webhooks.ts';

/** The objects of the contract, field by field and in its order; what we add comes last. Dates become ISO 8601 with milliseconds. */
type Presented = Readonly<Record<string, unknown>>;

/** `status` is already the public word (`connected`, never `working`); `phoneNumber` is bare digits. */
export function presentConnection(connection: Connection): Presented {
	return {
		id: connection.id,
		userId: connection.userId,
		workerId: connection.workerId,
		name: connection.name,
		sessionName: connection.sessionName,
		phoneNumber: connection.phoneNumber,
		status: connection.status,
		engine: connection.engine,
		createdAt: connection.createdAt,
		updatedAt: connection.updatedAt,
		me: connection.me === null ? null : presentAccount(connection.me),
	};
}

export function presentAccount({id, pushName}: Account): Presented {
	return {id, pushName};
}

/** `tokenPrefix` for some clients, `prefix` for the one that appends its own dots. */
export function presentToken(token: ApiToken): Presented {
	return {
		id: token.id,
		name: token.name,
		tokenPrefix: `${token.prefix}...`,
		active: token.active,
		lastUsedAt: token.lastUsedAt,
		createdAt: token.createdAt,
		prefix: token.prefix,
	};
}

/** The only answer that shows the token itself. */
export function presentCreatedToken({stored, token}: CreatedToken): Presented {
	const {id, name, ...rest} = presentToken(stored);
	return {id, name, token, ...rest};
}

/** With the secret, in both of its forms: dashboards reveal it from the list. */
export function presentWebhook({webhook, signingSecret}: OwnedWebhook): Presented {
	return {
		id: webhook.id,
		userId: webhook.userId,
		sessionId: webhook.connectionId,
		url: webhook.url,
		events: webhook.events,
		signingSecret,
		active: webhook.active,
		createdAt: webhook.createdAt,
		updatedAt: webhook.updatedAt,
		standardSecret: standardSecret(signingSecret),
		disabledReason: webhook.disabledReason,
		disabledAt: webhook.disabledAt,
	};
}

/** The contract knows three words. */
const LOG_STATUS = {
	queued: 'pending',
	parked: 'pending',
	waiting: 'pending',
	skipped: 'failed',
	dead: 'failed',
	delivered: 'delivered',
} as const satisfies Record<DeliveryState, 'pending' | 'delivered' | 'failed'>;

export function presentWebhookLog({delivery, body}: LoggedDelivery): Presented {
	return {
		id: delivery.id,
		webhookConfigId: delivery.webhookId,
		eventType: delivery.event,
		// Until the log has the event, clients that read into the payload still find an object.
		payload:
			body === null
				? {id: delivery.eventId, event: delivery.event, connectionId: delivery.connectionId, payload: {}}
				: (JSON.parse(body) as unknown),
		status: LOG_STATUS[delivery.state],
		attempts: delivery.attempts,
		deliveredAt: delivery.deliveredAt,
		createdAt: delivery.createdAt,
		reason: delivery.reason,
		lastStatus: delivery.lastStatus,
		lastError: delivery.lastError,
		nextAttemptAt: delivery.nextAttemptAt,
		eventId: delivery.eventId,
	};
}
