import {z} from 'zod';
import type {Tickets} from '../../../domain/tokens/tickets.ts';
import type {EventSource} from '../../ws/event-source.ts';
import type {StreamSessions} from '../../ws/stream-sessions.ts';
import type {Subscriptions} from '../../ws/subscriptions.ts';
import {line} from '../fields.ts';
import {presentStreamSession, StreamSessionResource} from '../resources/stream-session.ts';
import {SuccessResource} from '../resources/success.ts';
import {presentTicket, TicketResource} from '../resources/ticket.ts';
import {created, ok, route, type Route} from '../route.ts';

const MAX_LIST_LENGTH = 10_000;

const StreamQuery = z.object({
	events: line('events', {maxLength: MAX_LIST_LENGTH})
		.meta({description: 'Only these events, with commas: `message,group.*`', example: 'message,message.ack'})
		.exactOptional(),
	connectionId: line('connectionId', {maxLength: MAX_LIST_LENGTH})
		.meta({description: 'Only events of this connection, or of several, with commas'})
		.exactOptional(),
	since: line('since')
		.meta({description: 'The id of the last event you have, or what `ready` said; `Last-Event-ID` comes first'})
		.exactOptional(),
	token: line('token')
		.meta({description: 'For those who cannot set headers. URLs end up in logs: rather use a `ticket`'})
		.exactOptional(),
	ticket: line('ticket').meta({description: 'From `POST /api/ws/tickets`, instead of a token'}).exactOptional(),
});

/** What a stream says at first, and how it goes on. */
const STREAM_EXAMPLE = `retry: 2000

event: ready
id: pos_1042
data: {"type":"ready","since":"pos_1042"}

id: evt_01KWXF53SB4T2M6Q8R0V1X3Z5B
data: {"id":"evt_01KWXF53SB4T2M6Q8R0V1X3Z5B","event":"message","connectionId":"3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15","payload":{}}

`;

/** Proxies must neither hold it back nor keep it. */
const STREAM_HEADERS = {
	'Content-Type': 'text/event-stream; charset=utf-8',
	'Cache-Control': 'no-cache, no-store, no-transform',
	'X-Accel-Buffering': 'no',
} as const;

/** What belongs to the live stream beside its sockets: `/api/ws` and `/ws`. */
export function streamRoutes(options: {
	tickets: Tickets;
	eventSource: EventSource;
	streamSessions: StreamSessions;
	subscriptions: Subscriptions;
}): readonly Route[] {
	return [eventStreamRoute(options), ticketRoute(options), ...sessionRoutes(options)];
}

function eventStreamRoute({
	eventSource,
	subscriptions,
}: {
	eventSource: EventSource;
	subscriptions: Subscriptions;
}): Route {
	return route({
		method: 'GET',
		path: '/events/stream',
		target: 'self',
		scope: 'read',
		credentialsInQuery: true,
		query: StreamQuery,
		documentation: {
			id: 'streamEvents',
			tag: 'Events',
			summary: 'Follow events as Server-Sent Events',
			description:
				'The live stream for EventSource and curl: the same events, filters and resuming as `/api/ws`. An event has its id and, in `data`, the envelope; `event: ready` tells where the stream begins, `event: gap` that events may be missing, `event: closing` why the stream ends. Resuming repeats up to 100 s of events, without `id:`. A comment every 25 s keeps it open.',
			answer: {status: 200, description: 'Events, until the client goes', stream: true, example: STREAM_EXAMPLE},
			errors: ['FANOUT_UNAVAILABLE', 'NOT_FOUND'],
		},
		handle: async ({identity, query: {events, connectionId, since}, header, address}) => {
			const subscription = await subscriptions.read(identity, {events, connectionId});
			const origin = {address, agent: header('user-agent') ?? null};
			const request = {since: header('last-event-id') || since || '', subscription, origin};
			return {status: 200, content: () => eventSource.open(identity, request), headers: STREAM_HEADERS};
		},
	});
}

function ticketRoute({tickets}: {tickets: Tickets}): Route {
	return route({
		method: 'POST',
		path: '/ws/tickets',
		target: 'self',
		scope: 'read',
		documentation: {
			id: 'createStreamTicket',
			tag: 'Events',
			summary: 'Create a ticket for the live stream',
			description:
				'Stands for your token once, within a minute: as `?ticket=` of `/api/ws` and `/api/events/stream`, or in Socket.IO’s `auth`, so that the token need not stand in a URL. The stream sees what the token may see, and ends with it.',
			answer: {status: 201, description: 'The ticket, shown once', schema: TicketResource},
			errors: ['FANOUT_UNAVAILABLE'],
		},
		handle: async ({identity}) => created(presentTicket(await tickets.issue(identity))),
	});
}

function sessionRoutes({streamSessions}: {streamSessions: StreamSessions}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/ws/sessions',
			target: 'self',
			scope: 'read',
			documentation: {
				id: 'listStreamSessions',
				tag: 'Events',
				summary: 'List who is connected to the live stream',
				description: 'Your clients, over all processes, oldest first. A token for certain connections sees its own.',
				answer: {status: 200, description: 'The open ones', schema: z.array(StreamSessionResource)},
				errors: ['FANOUT_UNAVAILABLE'],
			},
			handle: async ({identity}) => ok((await streamSessions.list(identity)).map(presentStreamSession)),
		}),
		route({
			method: 'DELETE',
			path: '/ws/sessions/:id',
			target: 'self',
			scope: 'manage',
			documentation: {
				id: 'endStreamSession',
				tag: 'Events',
				summary: 'Cut a client off the live stream',
				description: 'It is closed with 4010. To keep it away, revoke its token.',
				answer: {status: 200, description: 'It is being closed', schema: SuccessResource, example: {success: true}},
				errors: ['FANOUT_UNAVAILABLE', 'NOT_FOUND'],
			},
			handle: async ({identity, param}) => {
				await streamSessions.end(identity, param('id'));
				return ok({success: true});
			},
		}),
	];
}
