import {z} from 'zod';
import type {DeliveryState} from '../../../domain/webhooks/delivery.ts';
import {standardSecret} from '../../../domain/webhooks/signing.ts';
import type {LoggedDelivery, OwnedWebhook} from '../../../domain/webhooks/webhooks.ts';
import {moment, nullableMoment} from './moment.ts';

/** Where a tenant wants events posted, with the secret in both of its forms: dashboards reveal it from the list. */
export const WebhookResource = z
	.object({
		id: z.uuid(),
		userId: z.uuid(),
		sessionId: z.uuid().nullable().meta({description: 'The connection; null = all connections of the user'}),
		url: z.string(),
		events: z.array(z.string()).meta({description: '`*` or exact event names'}),
		signingSecret: z.string().meta({description: 'Key of X-WAHooks-Signature: its UTF-8 bytes'}),
		active: z.boolean(),
		createdAt: moment,
		updatedAt: moment,
		standardSecret: z.string().meta({description: 'The same key for Standard Webhooks libraries', example: 'whsec_…'}),
		disabledReason: z.string().nullable(),
		disabledAt: nullableMoment,
	})
	.meta({id: 'Webhook'});

export function presentWebhook({webhook, signingSecret}: OwnedWebhook): z.input<typeof WebhookResource> {
	return {
		id: webhook.id,
		userId: webhook.userId,
		sessionId: webhook.connectionId,
		url: webhook.url,
		events: [...webhook.events],
		signingSecret,
		active: webhook.active,
		createdAt: webhook.createdAt.toISOString(),
		updatedAt: webhook.updatedAt.toISOString(),
		standardSecret: standardSecret(signingSecret),
		disabledReason: webhook.disabledReason,
		disabledAt: webhook.disabledAt?.toISOString() ?? null,
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

/** One delivery of a webhook's log. */
export const WebhookLogResource = z
	.object({
		id: z.string(),
		webhookConfigId: z.uuid(),
		eventType: z.string(),
		payload: z.record(z.string(), z.unknown()).meta({description: 'Exactly what is posted'}),
		status: z.enum(['pending', 'delivered', 'failed']),
		attempts: z.int(),
		deliveredAt: nullableMoment,
		createdAt: moment,
		reason: z.string().nullable().meta({description: 'Why it is not delivered'}),
		lastStatus: z.int().nullable(),
		lastError: z.string().nullable(),
		nextAttemptAt: nullableMoment,
		eventId: z.string(),
	})
	.meta({id: 'WebhookLog'});

export function presentWebhookLog({delivery, body}: LoggedDelivery): z.input<typeof WebhookLogResource> {
	return {
		id: delivery.id,
		webhookConfigId: delivery.webhookId,
		eventType: delivery.event,
		// Until the log has the event, clients that read into the payload still find an object.
		payload:
			body === null
				? {id: delivery.eventId, event: delivery.event, connectionId: delivery.connectionId, payload: {}}
				: (JSON.parse(body) as Record<string, unknown>),
		status: LOG_STATUS[delivery.state],
		attempts: delivery.attempts,
		deliveredAt: delivery.deliveredAt?.toISOString() ?? null,
		createdAt: delivery.createdAt.toISOString(),
		reason: delivery.reason,
		lastStatus: delivery.lastStatus,
		lastError: delivery.lastError,
		nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
		eventId: delivery.eventId,
	};
}
