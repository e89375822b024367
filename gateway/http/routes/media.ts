import type {Conversations} from '../../../domain/conversations/conversations.ts';
import type {Media} from '../../../domain/media/media.ts';
import {ENGINE_ERRORS} from '../engine-errors.ts';
import {mediaAnswer} from '../media-answer.ts';
import {MESSAGE_PARAMETER, PlaceQuery} from '../message-fields.ts';
import {route, type Route, type RouteDocumentation} from '../route.ts';

const ERRORS = [
	'MEDIA_NOT_FOUND',
	'MEDIA_EXPIRED',
	'RANGE_NOT_SATISFIABLE',
	'MEDIA_STORE_UNAVAILABLE',
	'SESSION_NOT_CONNECTED',
	'SESSION_STARTING',
	...ENGINE_ERRORS,
] as const satisfies RouteDocumentation['errors'];

/** Files of messages, streamed. */
export function mediaRoutes({
	media,
	conversations,
}: {
	media: Pick<Media, 'open' | 'openOfMessage'>;
	conversations: Pick<Conversations, 'target'>;
}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/media/:filename',
			target: 'connection',
			scope: 'read',
			documentation: {
				id: 'getMedia',
				tag: 'Media',
				summary: 'Download the file of an event',
				description:
					'`media.url` of an event leads here. HEAD, one `Range`, `If-Range` and `If-None-Match` work; what a browser could run is always saved, never shown.',
				params: {filename: {description: 'As `media.url` ends', example: '3EB0C41C7F2B8E5D9A10.jpeg'}},
				answer: {status: 200, description: 'The bytes; 206 for a range', binary: true},
				errors: ['MEDIA_NOT_READY', ...ERRORS],
			},
			handle: async (call) => {
				const filename = call.param('filename');
				return mediaAnswer(await media.open(call.target, filename, call.signal), call, filename);
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/messages/:messageId/media',
			target: 'connection',
			scope: 'read',
			query: PlaceQuery,
			documentation: {
				id: 'getMessageMedia',
				tag: 'Media',
				summary: 'Download the file of a message',
				description: 'A file that is no longer at hand is fetched from WhatsApp again, where the engine can.',
				params: {messageId: MESSAGE_PARAMETER},
				answer: {status: 200, description: 'The bytes; 206 for a range', binary: true},
				errors: ['MESSAGE_NOT_FOUND', 'NOT_SUPPORTED', ...ERRORS],
			},
			handle: async (call) => {
				const target = await conversations.target(call.target, call.param('messageId'), call.query.chatId);
				return mediaAnswer(await media.openOfMessage(call.target, target, call.signal), call, null);
			},
		}),
	];
}
