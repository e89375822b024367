import {z} from 'zod';
import type {Connection} from '../../../domain/connections/connection.ts';
import type {Conversations} from '../../../domain/conversations/conversations.ts';
import {normaliseChatId} from '../../../domain/messaging/chat-id.ts';
import type {ChatMessage} from '../../../domain/ports/whatsapp-engine.ts';
import {ENGINE_ERRORS} from '../engine-errors.ts';
import {line, queryFlag, wholeNumber} from '../fields.ts';
import {MESSAGE_PARAMETER, PlaceQuery} from '../message-fields.ts';
import {ChatResource, ContactResource, PictureResource, presentChat, presentContact} from '../resources/chat.ts';
import {ChatMessageResource, MessagePageResource, presentMessage} from '../resources/chat-message.ts';
import {KnownMessageResource, presentKnownMessage} from '../resources/known-message.ts';
import {ok, route, type Route, type RouteDocumentation} from '../route.ts';

const DEFAULT_CHATS = 20;
const DEFAULT_CONTACTS = 100;
const DEFAULT_MESSAGES = 50;
const MAX_LIMIT = 100;
const MAX_OFFSET = 100_000;

const limit = wholeNumber('limit', 1, MAX_LIMIT).exactOptional();
const offset = wholeNumber('offset', 0, MAX_OFFSET).exactOptional();

const ChatQuery = z.object({
	limit: limit.meta({description: `Default ${DEFAULT_CHATS}`}),
	offset,
	unread_only: queryFlag('unread_only')
		.meta({description: 'Only chats with unread messages, of the latest 1,000 chats'})
		.exactOptional(),
});

const ContactQuery = z.object({limit: limit.meta({description: `Default ${DEFAULT_CONTACTS}`}), offset});

const MessageQuery = z.object({
	limit: limit.meta({description: `Default ${DEFAULT_MESSAGES}`}),
	before: line('before').meta({description: '`nextBefore` of the page before'}).exactOptional(),
});

const CHAT = {description: 'The chat, in any form that recipients have', example: '15550110000@c.us'};

const READ_ERRORS = [
	'NO_WORKER_AVAILABLE',
	'NOT_SUPPORTED',
	'SESSION_STARTING',
	...ENGINE_ERRORS,
] as const satisfies RouteDocumentation['errors'];

/** What the phone knows: chats, messages, people. */
export function chatRoutes(dependencies: {conversations: Conversations; publicUrl: string}): readonly Route[] {
	return [...listRoutes(dependencies), ...itemRoutes(dependencies)];
}

function listRoutes({conversations, publicUrl}: Parameters<typeof chatRoutes>[0]): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/chats',
			target: 'connection',
			scope: 'read',
			query: ChatQuery,
			documentation: {
				id: 'listChats',
				tag: 'Chats',
				summary: 'List chats',
				answer: {
					status: 200,
					description: 'Latest first; empty while no phone is linked',
					schema: z.array(ChatResource),
				},
				errors: READ_ERRORS,
			},
			handle: async ({target, query}) => {
				const wanted = {limit: query.limit ?? DEFAULT_CHATS, offset: query.offset ?? 0};
				const chats = await conversations.chats(target, {...wanted, unreadOnly: query.unread_only ?? false});
				return ok(chats.map(presentChat));
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/chats/:chatId/messages',
			target: 'connection',
			scope: 'read',
			query: MessageQuery,
			documentation: {
				id: 'listMessages',
				tag: 'Chats',
				summary: 'List the messages of a chat',
				description:
					'Without `limit` and `before` the answer is a plain array of the newest 50 messages; with either of them it is a page that leads to the next one. Messages that arrive meanwhile move no page.',
				params: {chatId: CHAT},
				answer: {
					status: 200,
					description: 'Newest first; empty while no phone is linked',
					schema: z.union([MessagePageResource, z.array(ChatMessageResource)]),
				},
				errors: READ_ERRORS,
			},
			handle: async ({target, param, query}) => {
				const chatId = normaliseChatId(param('chatId'));
				const place = {connectionUrl: connectionUrl(publicUrl, target), chatId};
				const present = (message: ChatMessage): ReturnType<typeof presentMessage> => presentMessage(message, place);
				if (query.limit === undefined && query.before === undefined) {
					return ok((await conversations.latest(target, chatId, DEFAULT_MESSAGES)).map(present));
				}
				const page = {limit: query.limit ?? DEFAULT_MESSAGES, before: query.before};
				const {messages, ...more} = await conversations.messages(target, chatId, page);
				return ok({messages: messages.map(present), ...more});
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/contacts',
			target: 'connection',
			scope: 'read',
			query: ContactQuery,
			documentation: {
				id: 'listContacts',
				tag: 'Chats',
				summary: 'List contacts',
				answer: {
					status: 200,
					description: 'People only, by id; empty while no phone is linked',
					schema: z.array(ContactResource),
				},
				errors: READ_ERRORS,
			},
			handle: async ({target, query}) => {
				const wanted = {limit: query.limit ?? DEFAULT_CONTACTS, offset: query.offset ?? 0};
				return ok((await conversations.contacts(target, wanted)).map(presentContact));
			},
		}),
	];
}

function itemRoutes({conversations, publicUrl}: Parameters<typeof chatRoutes>[0]): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/contacts/:contactId/picture',
			target: 'connection',
			scope: 'read',
			documentation: {
				id: 'getPicture',
				tag: 'Chats',
				summary: 'Get a profile picture',
				description: 'The link leads to WhatsApp and lives for some hours.',
				params: {contactId: {description: 'A person or group, in any form', example: '15550110000@c.us'}},
				answer: {status: 200, description: 'Where the picture is', schema: PictureResource},
				errors: READ_ERRORS,
			},
			handle: async ({target, param}) => {
				const profilePictureUrl = await conversations.profilePicture(target, normaliseChatId(param('contactId')));
				return ok({profilePictureUrl});
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/messages/:messageId',
			target: 'connection',
			scope: 'read',
			query: PlaceQuery,
			documentation: {
				id: 'getMessage',
				tag: 'Messages',
				summary: 'Get a message and what became of it',
				description:
					'A message that was sent through this API is told even while the engine does not know it (yet): then there is its `chatId`, `status`, `timeline` and `failure`, and no content.',
				params: {messageId: MESSAGE_PARAMETER},
				answer: {status: 200, description: 'The message', schema: KnownMessageResource},
				errors: ['MESSAGE_NOT_FOUND', ...READ_ERRORS],
			},
			handle: async ({target, param, query: {chatId}}) => {
				const found = await conversations.message(target, param('messageId'), chatId);
				return ok(presentKnownMessage(found, {connectionUrl: connectionUrl(publicUrl, target), chatId}));
			},
		}),
	];
}

function connectionUrl(publicUrl: string, {id}: Connection): string {
	return `${publicUrl}/api/connections/${id}`;
}
