import {z} from 'zod';
import type {Deliveries} from '../../../domain/webhooks/deliveries.ts';
import type {DeliveryState} from '../../../domain/webhooks/delivery.ts';
import {line, timestamp} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {
	DeliveryDetailResource,
	DeliveryResource,
	presentDelivery,
	presentDeliveryDetail,
} from '../resources/delivery.ts';
import {created, ok, route, type Route} from '../route.ts';

/** A page. */
const MAX_ROWS = 100;

/** Our six words, and those of the three old ones that mean several of them. */
const STATES_OF = {
	queued: ['queued'],
	parked: ['parked'],
	waiting: ['waiting'],
	skipped: ['skipped'],
	dead: ['dead'],
	delivered: ['delivered'],
	pending: ['queued', 'parked', 'waiting'],
	failed: ['skipped', 'dead'],
} as const satisfies Record<DeliveryState | 'pending' | 'failed', readonly DeliveryState[]>;

const STATUSES = Object.keys(STATES_OF) as (keyof typeof STATES_OF)[];

const DeliveryListQuery = pageQuery(MAX_ROWS).extend({
	status: z
		.enum(STATUSES, `status must be one of ${STATUSES.join(', ')}`)
		.meta({description: '`pending` = queued, parked or waiting; `failed` = skipped or dead'})
		.exactOptional(),
	event: line('event').meta({description: 'The name of the event', example: 'message'}).exactOptional(),
	from: timestamp('from').meta({description: 'First due at this moment or later'}).exactOptional(),
	to: timestamp('to').meta({description: 'First due before this moment'}).exactOptional(),
});

/** Deliveries of webhooks: what became of them, and one more try. */
export function deliveryRoutes({deliveries, publicUrl}: {deliveries: Deliveries; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/webhooks/:id/deliveries',
			target: 'webhook',
			scope: 'read',
			query: DeliveryListQuery,
			documentation: {
				id: 'listDeliveries',
				tag: 'Webhooks',
				summary: 'List the deliveries of a webhook, by status, event and time',
				answer: {
					status: 200,
					description: 'Newest first; the `Link` header leads to the next page',
					schema: z.array(DeliveryResource),
				},
			},
			handle: async ({target: webhook, query: {limit, cursor, status, event, from, to}}) => {
				const rows = await deliveries.list(webhook, {
					limit: limit + 1,
					...(cursor !== undefined && {before: cursor}),
					...(status !== undefined && {states: STATES_OF[status]}),
					...(event !== undefined && {event}),
					...(from !== undefined && {from}),
					...(to !== undefined && {to}),
				});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/webhooks/${webhook.id}/deliveries`,
					query: {status, event, from: from?.toISOString(), to: to?.toISOString()},
					positionOf: (delivery) => delivery,
				});
				return ok(items.map(presentDelivery), headers);
			},
		}),
		route({
			method: 'GET',
			path: '/deliveries/:id',
			target: 'delivery',
			scope: 'read',
			documentation: {
				id: 'getDelivery',
				tag: 'Webhooks',
				summary: 'Get a delivery with all its attempts',
				description: 'Also of a webhook that was deleted meanwhile.',
				answer: {status: 200, description: 'Attempts of all runs, oldest first', schema: DeliveryDetailResource},
			},
			handle: async ({target: delivery}) => ok(presentDeliveryDetail(delivery, await deliveries.attempts(delivery))),
		}),
		route({
			method: 'POST',
			path: '/deliveries/:id/retry',
			target: 'delivery',
			scope: 'manage',
			documentation: {
				id: 'retryDelivery',
				tag: 'Webhooks',
				summary: 'Deliver once more',
				description:
					'Starts a new run of a delivery that is delivered, dead or skipped: the same delivery id, the first attempt at once, then the whole schedule. 503 after the run was started: the first attempt follows within a quarter of an hour.',
				answer: {status: 201, description: 'It is queued', schema: DeliveryResource},
				errors: ['CONFLICT', 'EVENT_EXPIRED'],
			},
			handle: async ({target: delivery}) => created(presentDelivery(await deliveries.retry(delivery))),
		}),
	];
}
