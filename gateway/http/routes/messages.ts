import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import {ValidationError} from '../../../domain/errors.ts';
import {normaliseChatId} from '../../../domain/messaging/chat-id.ts';
import type {Messaging, SendOptions, SendOutcome} from '../../../domain/messaging/messaging.ts';
import type {OutboundMessage} from '../../../domain/messaging/outbound.ts';
import {line} from '../fields.ts';
import {parse} from '../parse.ts';
import {created, type Answer, type Call, type Route} from '../route.ts';

/** WhatsApp's own limit of a text, in characters. */
const MAX_TEXT_LENGTH = 65_536;

/** 1 to 255 visible ASCII characters. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

const REQUIRED = 'chatId and text are required';

const TextMessage = z.object({
	chatId: line('chatId', {required: REQUIRED}),
	text: z
		.string({error: ({input}) => (input === undefined ? REQUIRED : 'text must be a string')})
		.min(1, REQUIRED)
		.max(MAX_TEXT_LENGTH, `text must have at most ${MAX_TEXT_LENGTH} characters`)
		.refine((text) => text.isWellFormed() && !text.includes('\0'), 'text must be valid Unicode without NUL'),
	replyTo: line('replyTo', {maxLength: 300}).exactOptional(),
	// Part of the contract; there is no presence to skip before a text yet.
	skipPresence: z.boolean('skipPresence must be a boolean value').exactOptional(),
});

/** Sending. */
export function messageRoutes({
	connections,
	messaging,
}: {
	connections: Connections;
	messaging: Messaging;
}): readonly Route[] {
	return [
		{
			method: 'POST',
			path: '/connections/:id/send',
			handle: async (call) => {
				const connection = await connections.get(call.user.id, call.param('id'));
				const outcome = await messaging.send(connection, readText(call.body), readOptions(call));
				return presentOutcome(outcome);
			},
		},
	];
}

function readText(body: unknown): OutboundMessage {
	const {chatId, text, replyTo} = parse(TextMessage, body);
	return {
		chatId: normaliseChatId(chatId),
		content: {kind: 'text', text},
		...(replyTo !== undefined && replyTo !== '' && {replyTo}),
	};
}

function readOptions({header}: Call): SendOptions {
	const idempotencyKey = header('Idempotency-Key');
	if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
		throw new ValidationError('Idempotency-Key must be 1 to 255 visible ASCII characters');
	}
	const respondAsync = /(^|,)\s*respond-async\s*(,|;|$)/i.test(header('Prefer') ?? '');
	return {respondAsync, ...(idempotencyKey !== undefined && {idempotencyKey})};
}

function presentOutcome(outcome: SendOutcome): Answer {
	const {commandId} = outcome;
	if (outcome.kind === 'queued') {
		return {status: 202, body: {commandId, status: 'queued'}};
	}
	// Clients take `id` for a string; an engine that tells none leaves us our own.
	return created({id: outcome.messageId ?? commandId, timestamp: outcome.timestamp, commandId});
}
