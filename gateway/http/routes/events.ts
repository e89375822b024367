import {z} from 'zod';
import {ForbiddenError} from '../../../domain/errors.ts';
import {FROM_THE_BEGINNING, type EventLog} from '../../../domain/events/event-log.ts';
import type {EventFilter} from '../../../domain/ports/event-store.ts';
import {allowsConnection, type Grants} from '../../../domain/tokens/grants.ts';
import {line, wholeNumber} from '../fields.ts';
import {withQuery} from '../paging.ts';
import {EventResource, presentEvent} from '../resources/event.ts';
import {ok, route, type Route} from '../route.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 100;

/** Under the 30 s after which many proxies and clients give up. */
const MAX_WAIT_SECONDS = 25;

const EventListQuery = z.object({
	connectionId: line('connectionId').meta({description: 'Only events of this connection'}).exactOptional(),
	event: line('event').meta({description: 'Only events of this name', example: 'message'}).exactOptional(),
	after: line('after')
		.meta({
			description: `The id of the last event you have; \`${FROM_THE_BEGINNING}\` = from the oldest that is kept. Without it: the newest page`,
		})
		.exactOptional(),
	limit: wholeNumber('limit', 1, MAX_LIMIT)
		.meta({description: `Default ${DEFAULT_LIMIT}`})
		.exactOptional(),
	wait: wholeNumber('wait', 0, MAX_WAIT_SECONDS)
		.meta({description: 'Seconds to wait for an event while there is none; default 0'})
		.exactOptional(),
});

/** The event log: for those who cannot receive webhooks, and for looking back. */
export function eventRoutes({events, publicUrl}: {events: EventLog; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/events',
			target: 'self',
			scope: 'read',
			query: EventListQuery,
			documentation: {
				id: 'listEvents',
				tag: 'Events',
				summary: 'Pull events from the log',
				description:
					'In the order of the log, oldest first. To follow it, take the `next` of the `Link` header each time: it is there even when there is nothing new, and goes on behind all that was looked at. With `wait` the answer comes as soon as there is an event, or is empty after so many seconds. Events are kept for 30 days unless the operator says otherwise.',
				answer: {status: 200, description: 'The same events as in webhooks', schema: z.array(EventResource)},
				errors: ['EVENT_EXPIRED'],
			},
			handle: async ({user, identity, query: {connectionId, event, after, limit, wait}, signal}) => {
				const {events: page, next} = await events.pull(user.id, {
					...(after !== undefined && {after}),
					limit: limit ?? DEFAULT_LIMIT,
					filter: {...connectionsOf(identity.grants, connectionId), ...(event !== undefined && {event})},
					waitMs: (wait ?? 0) * 1000,
					signal,
				});
				const query = {connectionId, event, limit, wait, after: next ?? FROM_THE_BEGINNING};
				return ok(page.map(presentEvent), {Link: `<${withQuery(`${publicUrl}/api/events`, query)}>; rel="next"`});
			},
		}),
		route({
			method: 'GET',
			path: '/events/:id',
			target: 'event',
			scope: 'read',
			documentation: {
				id: 'getEvent',
				tag: 'Events',
				summary: 'Get an event',
				answer: {status: 200, description: 'As webhooks get it', schema: EventResource},
			},
			handle: ({target: event}) => Promise.resolve(ok(presentEvent(event))),
		}),
	];
}

/** What the caller asks for, as far as he may. @throws {ForbiddenError} */
function connectionsOf(grants: Grants, connectionId: string | undefined): EventFilter {
	if (connectionId === undefined) {
		return grants.connectionIds === null ? {} : {connectionIds: grants.connectionIds};
	}
	if (!allowsConnection(grants, connectionId)) {
		throw new ForbiddenError('This token is for certain connections only, and this is not one of them');
	}
	return {connectionIds: [connectionId]};
}
