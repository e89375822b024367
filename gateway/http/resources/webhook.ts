import {z} from 'zod';
import type {DeliveryState} from '../../../domain/webhooks/delivery.ts';
import {orderedOf} from '../../../domain/webhooks/ordering.ts';
import {expiresAtMs, scheduleOf} from '../../../domain/webhooks/schedule.ts';
import {standardSecret} from '../../../domain/webhooks/signing.ts';
import {DEFAULT_CONCURRENCY, type Webhook} from '../../../domain/webhooks/webhook.ts';
import type {LoggedDelivery, OwnedWebhook} from '../../../domain/webhooks/webhooks.ts';
import {moment, nullableMoment} from './moment.ts';

/** Where a tenant wants events posted, with the secret in both of its forms: dashboards reveal it from the list. */
export const WebhookResource = z
	.object({
		id: z.uuid(),
		userId: z.uuid(),
		sessionId: z.uuid().nullable().meta({description: 'The connection; null = all connections of the user'}),
		url: z.string(),
		events: z.array(z.string()).meta({description: '`*`, event names, or the beginning of some (`message.*`)'}),
		signingSecret: z.string().meta({
			description:
				'Key of X-WAHooks-Signature: its UTF-8 bytes. Empty when it cannot be read any more: nothing is sent until it is rotated',
		}),
		active: z.boolean(),
		createdAt: moment,
		updatedAt: moment,
		standardSecret: z.string().meta({description: 'The same key for Standard Webhooks libraries', example: 'whsec_…'}),
		disabledReason: z.string().nullable(),
		disabledAt: nullableMoment,
		retry: z
			.object({schedule: z.array(z.number())})
			.nullable()
			.meta({description: 'Seconds to wait after each failed attempt; null = the default'}),
		timeoutSeconds: z.number().nullable().meta({description: 'Deadline of one attempt; null = the server’s default'}),
		headers: z.record(z.string(), z.string()).meta({description: 'Sent with every delivery'}),
		filter: z
			.object({chats: z.array(z.string()).readonly().exactOptional(), fromMe: z.boolean().exactOptional()})
			.nullable()
			.meta({description: 'Which of its events it gets; null = all'}),
		rateLimit: z.number().nullable().meta({description: 'Deliveries a second in one process; null = no limit'}),
		concurrency: z.int().meta({description: 'Deliveries at once in one process'}),
		ordered: z
			.literal(['chat', false])
			.meta({description: '`chat` = events of one chat come in their order; counts 10 s after it was set'}),
		previousSecretUntil: nullableMoment.meta({
			description: 'Until when the secret before the last rotation signs as well; null = it does not',
		}),
		failingSince: nullableMoment.meta({
			description: 'Since when all attempts have failed; null = it works, as far as anybody knows',
		}),
	})
	.meta({id: 'Webhook'});

/** As an update answers it. */
export const UpdatedWebhookResource = z
	.object({
		...WebhookResource.shape,
		replay: z
			.object({path: z.string(), from: moment, to: moment, status: z.literal('missed')})
			.meta({
				description:
					'Only when the system had switched it off and this update switches it on: post `from`, `to` and `status` to `path` to get what it missed',
			})
			.exactOptional(),
	})
	.meta({id: 'UpdatedWebhook'});

/** @param before the webhook as it was */
export function presentUpdate(before: Webhook, after: OwnedWebhook): z.input<typeof UpdatedWebhookResource> {
	const {active, updatedAt, id} = after.webhook;
	const offer = {path: `/api/webhooks/${id}/replay`, to: updatedAt.toISOString(), status: 'missed' as const};
	return {
		...presentWebhook(after),
		...(before.disabledAt !== null && active && {replay: {...offer, from: missedFrom(before, before.disabledAt)}}),
	};
}

/** What was under way when it was switched off ended as skipped, too: it was received as long ago as a delivery may take. */
function missedFrom(webhook: Webhook, disabledAt: Date): string {
	const longestMs = expiresAtMs(scheduleOf(webhook), 0);
	return new Date(Math.max(webhook.createdAt.getTime(), disabledAt.getTime() - longestMs)).toISOString();
}

export function presentWebhook({
	webhook,
	signingSecret,
	headers,
	previousSecretUntil,
}: OwnedWebhook): z.input<typeof WebhookResource> {
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
		standardSecret: signingSecret === '' ? '' : standardSecret(signingSecret),
		disabledReason: webhook.disabledReason,
		disabledAt: webhook.disabledAt?.toISOString() ?? null,
		retry: webhook.retryScheduleMs && {schedule: webhook.retryScheduleMs.map((delayMs) => delayMs / 1000)},
		timeoutSeconds: webhook.timeoutMs && webhook.timeoutMs / 1000,
		headers: {...headers},
		filter: webhook.filter,
		rateLimit: webhook.ratePerSecond,
		concurrency: webhook.concurrency ?? DEFAULT_CONCURRENCY,
		ordered: orderedOf(webhook),
		previousSecretUntil: previousSecretUntil?.toISOString() ?? null,
		failingSince: webhook.failingSince?.toISOString() ?? null,
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
