import {z} from 'zod';
import type {ErrorCode} from '../../../domain/errors.ts';
import type {Messaging} from '../../../domain/messaging/messaging.ts';
import {doneAnswer, sendAnswer} from '../command-answer.ts';
import {line} from '../fields.ts';
import {chatId, messageId, MESSAGE_PARAMETER, prose, skipPresence} from '../message-fields.ts';
import {presentSendResult, SendResultResource} from '../resources/send-result.ts';
import {SuccessResource} from '../resources/success.ts';
import {ok, route, type Route} from '../route.ts';
import {COMMAND_ERRORS, readSendOptions, SEND_ERRORS} from '../sending.ts';

/** The longest emoji, families with skin tones, have about 35. */
const MAX_REACTION_LENGTH = 100;

const MESSAGE_ID = 'true_15550110000@c.us_3EB0D51A3EE2A2B0C4F5';

const EDIT_REQUIRED = 'messageId and text are required';
const EDIT_BY_PATH_REQUIRED = 'chatId and text are required';
const REVOKE_REQUIRED = 'messageId is required';
const REACTION_REQUIRED = 'messageId and reaction are required';
const FORWARD_REQUIRED = 'chatId and messageId are required';

/** A full id names its chat already. */
const optionalChatId = chatId('chatId must not be empty')
	.meta({description: 'The chat of the message, in any form; needed with a bare message key'})
	.exactOptional();

const Edit = z.object({
	chatId: optionalChatId,
	messageId: messageId(EDIT_REQUIRED),
	text: prose('text', {required: EDIT_REQUIRED}),
});
const EditByPath = z.object({
	chatId: chatId(EDIT_BY_PATH_REQUIRED),
	text: prose('text', {required: EDIT_BY_PATH_REQUIRED}),
});
const Revocation = z.object({chatId: optionalChatId, messageId: messageId(REVOKE_REQUIRED)});
const Reaction = z.object({
	chatId: optionalChatId,
	messageId: messageId(REACTION_REQUIRED),
	reaction: z
		.string({error: ({input}) => (input === undefined ? REACTION_REQUIRED : 'reaction must be a string')})
		.pipe(line('reaction', {maxLength: MAX_REACTION_LENGTH}))
		.meta({description: 'An emoji; empty takes it back', example: '👍'}),
});
const Forward = z.object({
	chatId: chatId(FORWARD_REQUIRED),
	messageId: messageId(FORWARD_REQUIRED),
	skipPresence,
});

/** One SDK reads it as the result of a send, another reads `success`. */
const EditResultResource = SendResultResource.extend({success: z.literal(true)}).meta({id: 'EditResult'});

const CHANGE_ERRORS: readonly ErrorCode[] = [...COMMAND_ERRORS, 'MESSAGE_NOT_FOUND', 'MESSAGE_NOT_EDITABLE'];

const EDIT_DESCRIPTION = 'Own texts and captions, as long as WhatsApp allows (15 minutes); later it is 422.';

/** What is done with messages that are there. */
export function messageChangeRoutes({messaging}: {messaging: Messaging}): readonly Route[] {
	return [...editRoutes(messaging), revokeRoute(messaging), reactRoute(messaging), forwardRoute(messaging)];
}

function editRoutes(messaging: Messaging): readonly Route[] {
	return [
		route({
			method: 'POST',
			path: '/connections/:id/edit',
			target: 'connection',
			scope: 'send',
			body: Edit,
			documentation: {
				id: 'editMessage',
				tag: 'Messages',
				summary: 'Edit a message',
				description: EDIT_DESCRIPTION,
				queued: true,
				body: {messageId: MESSAGE_ID, text: 'Hello again'},
				answer: {status: 201, description: 'It is edited', schema: SendResultResource},
				errors: CHANGE_ERRORS,
			},
			handle: async ({target, body: {text, ...message}}) => sendAnswer(await messaging.edit(target, message, text)),
		}),
		route({
			method: 'PUT',
			path: '/connections/:id/messages/:messageId',
			target: 'connection',
			scope: 'send',
			body: EditByPath,
			documentation: {
				id: 'editMessageById',
				tag: 'Messages',
				summary: 'Edit a message by its path',
				description: EDIT_DESCRIPTION,
				params: {messageId: {...MESSAGE_PARAMETER, example: MESSAGE_ID}},
				queued: true,
				body: {chatId: '15550110000@c.us', text: 'Hello again'},
				answer: {status: 200, description: 'It is edited', schema: EditResultResource},
				errors: CHANGE_ERRORS,
			},
			handle: async ({target, param, body: {chatId, text}}) => {
				const outcome = await messaging.edit(target, {messageId: param('messageId'), chatId}, text);
				if (outcome.kind === 'queued') return sendAnswer(outcome);
				const result: z.input<typeof EditResultResource> = {...presentSendResult(outcome), success: true};
				return ok(result);
			},
		}),
	];
}

function revokeRoute(messaging: Messaging): Route {
	return route({
		method: 'POST',
		path: '/connections/:id/revoke',
		target: 'connection',
		scope: 'send',
		body: Revocation,
		documentation: {
			id: 'revokeMessage',
			tag: 'Messages',
			summary: 'Delete a message for everyone',
			queued: true,
			body: {messageId: MESSAGE_ID},
			answer: {status: 201, description: 'It is deleted', schema: SuccessResource, example: {success: true}},
			errors: CHANGE_ERRORS,
		},
		handle: async ({target, body}) => doneAnswer(await messaging.revoke(target, body)),
	});
}

function reactRoute(messaging: Messaging): Route {
	return route({
		method: 'POST',
		path: '/connections/:id/react',
		target: 'connection',
		scope: 'send',
		body: Reaction,
		documentation: {
			id: 'reactToMessage',
			tag: 'Messages',
			summary: 'React to a message',
			queued: true,
			body: {messageId: MESSAGE_ID, reaction: '👍'},
			answer: {status: 201, description: 'It is shown', schema: SuccessResource, example: {success: true}},
			errors: [...COMMAND_ERRORS, 'MESSAGE_NOT_FOUND'],
		},
		handle: async ({target, body: {reaction, ...message}}) =>
			doneAnswer(await messaging.react(target, message, reaction)),
	});
}

function forwardRoute(messaging: Messaging): Route {
	return route({
		method: 'POST',
		path: '/connections/:id/forward',
		target: 'connection',
		scope: 'send',
		body: Forward,
		documentation: {
			id: 'forwardMessage',
			tag: 'Messages',
			summary: 'Forward a message',
			description:
				'`chatId` is the recipient; the message is of any chat of this connection. WhatsApp’s own key is enough for one that was sent through this API.',
			queued: true,
			idempotent: true,
			body: {chatId: '15550110000@c.us', messageId: 'false_15550110005@c.us_3EB0D51A3EE2A2B0C4F5'},
			answer: {status: 201, description: 'It is forwarded', schema: SendResultResource},
			errors: SEND_ERRORS,
		},
		handle: async (call) => {
			const {chatId, messageId} = call.body;
			const options = readSendOptions(call, call.body);
			return sendAnswer(await messaging.forward(call.target, {chatId, messageId}, options));
		},
	});
}
