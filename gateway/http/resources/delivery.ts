import {z} from 'zod';
import type {AttemptErrorClass, Delivery, DeliveryState, Outcome} from '../../../domain/webhooks/delivery.ts';
import {moment, nullableMoment} from './moment.ts';

const STATES = ['queued', 'parked', 'waiting', 'skipped', 'dead', 'delivered'] as const satisfies DeliveryState[];

const ERROR_CLASSES = [
	'dns',
	'connect',
	'tls',
	'timeout',
	'reset',
	'status',
	'blocked',
	'other',
] as const satisfies AttemptErrorClass[];

/** One event for one webhook, as it stands. */
export const DeliveryResource = z
	.object({
		id: z.string().meta({example: 'dlv_01KWXF53SB0M2Q4R6T8V0X2Z4B'}),
		webhookId: z.uuid(),
		eventId: z.string(),
		event: z.string(),
		connectionId: z.string().nullable(),
		status: z.enum(STATES).meta({
			description:
				'`waiting` for its next attempt; `parked`: its endpoint has too much to do or only fails; `dead`: given up; `skipped`: not sent, see `reason`',
		}),
		run: z.int().meta({description: '1, and one more with each retry'}),
		attemptCount: z.int().meta({description: 'Attempts made in this run'}),
		createdAt: moment,
		updatedAt: moment,
		deliveredAt: nullableMoment,
		nextAttemptAt: nullableMoment,
		lastStatus: z
			.int()
			.nullable()
			.meta({description: 'HTTP status of the last attempt; null when it got no complete answer'}),
		lastError: z.string().nullable(),
		reason: z.string().nullable().meta({description: 'Why it is dead or skipped'}),
	})
	.meta({id: 'Delivery'});

export function presentDelivery(delivery: Delivery): z.input<typeof DeliveryResource> {
	return {
		id: delivery.id,
		webhookId: delivery.webhookId,
		eventId: delivery.eventId,
		event: delivery.event,
		connectionId: delivery.connectionId,
		status: delivery.state,
		run: delivery.run,
		attemptCount: delivery.attempts,
		createdAt: delivery.createdAt.toISOString(),
		updatedAt: delivery.updatedAt.toISOString(),
		deliveredAt: delivery.deliveredAt?.toISOString() ?? null,
		nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
		lastStatus: delivery.lastStatus,
		lastError: delivery.lastError,
		reason: delivery.reason,
	};
}

/** One HTTP try. */
const AttemptResource = z
	.object({
		run: z.int(),
		number: z.int().meta({description: 'As in X-WAHooks-Attempt'}),
		at: moment,
		status: z.int().nullable().meta({description: 'Null when there was no complete answer'}),
		durationMs: z.number(),
		errorClass: z.enum(ERROR_CLASSES).nullable().meta({
			description: '`reset` is also an answer that is not HTTP; `other` is a failure on our side.',
		}),
		error: z.string().nullable(),
		answer: z.string().nullable().meta({description: 'The first 4 KB of what the endpoint answered'}),
		nextAttemptAt: nullableMoment,
	})
	.meta({id: 'DeliveryAttempt'});

/** A delivery with all that was tried. */
export const DeliveryDetailResource = z
	.object({...DeliveryResource.shape, attempts: z.array(AttemptResource)})
	.meta({id: 'DeliveryDetail'});

export function presentDeliveryDetail(
	delivery: Delivery,
	attempts: readonly Outcome[],
): z.input<typeof DeliveryDetailResource> {
	return {...presentDelivery(delivery), attempts: attempts.flatMap(presentAttempt)};
}

function presentAttempt({run, attempt, atMs, result, nextAttemptAtMs}: Outcome): z.input<typeof AttemptResource>[] {
	if (result === undefined) return [];
	return [
		{
			run,
			number: attempt,
			at: new Date(atMs).toISOString(),
			status: result.status,
			durationMs: result.durationMs,
			errorClass: result.errorClass,
			error: result.error,
			answer: result.answer,
			nextAttemptAt: nextAttemptAtMs === undefined ? null : new Date(nextAttemptAtMs).toISOString(),
		},
	];
}
