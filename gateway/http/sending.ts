import type {z} from 'zod';
import {ValidationError, type ErrorCode} from '../../domain/errors.ts';
import type {Messaging, SendOptions} from '../../domain/messaging/messaging.ts';
import type {OutboundContent, OutboundMessage} from '../../domain/messaging/outbound.ts';
import {sendAnswer} from './command-answer.ts';
import {ENGINE_ERRORS} from './engine-errors.ts';
import type {recipientFields} from './message-fields.ts';
import {SendResultResource} from './resources/send-result.ts';
import {route, type Call, type Route} from './route.ts';

/** 1 to 255 visible ASCII characters. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** What can go wrong with every command to a session. */
export const COMMAND_ERRORS: readonly ErrorCode[] = [
	'NO_WORKER_AVAILABLE',
	'SESSION_NOT_CONNECTED',
	'SESSION_STARTING',
	...ENGINE_ERRORS,
	'NOT_SUPPORTED',
	'RECIPIENT_INVALID',
];

/** What can go wrong with every message. */
export const SEND_ERRORS: readonly ErrorCode[] = [
	...COMMAND_ERRORS,
	'CONFLICT',
	'ACCOUNT_RESTRICTED',
	'RECIPIENT_NOT_ON_WHATSAPP',
	'RECIPIENT_BLOCKED',
	'CONTENT_INVALID',
	// Where it quotes one, or passes it on.
	'MESSAGE_NOT_FOUND',
	'OUTCOME_UNKNOWN',
];

type CommonFields = z.output<z.ZodObject<ReturnType<typeof recipientFields>>>;

/** A way to send something. */
interface Sending<Body extends z.ZodObject> {
	/** Of the path. */
	readonly name: string;
	readonly id: string;
	readonly summary: string;
	readonly description?: string;
	/** With the fields that every message has. */
	readonly schema: Body;
	readonly example: Readonly<Record<string, unknown>>;
	readonly uploads?: readonly string[];
	readonly errors?: readonly ErrorCode[];
	/** Called once, when nothing is wrong with the request: it may take uploads. */
	readonly toContent: (body: z.output<Body>) => OutboundContent;
}

/** A route that sends a message. */
export function sending<Body extends z.ZodObject>(
	messaging: Messaging,
	{name, id, summary, description, schema, example, uploads, errors = [], toContent}: Sending<Body>,
): Route {
	return route({
		method: 'POST',
		path: `/connections/:id/${name}`,
		target: 'connection',
		scope: 'send',
		body: schema,
		...(uploads !== undefined && {uploads}),
		documentation: {
			id,
			tag: 'Messages',
			summary,
			...(description !== undefined && {description}),
			queued: true,
			idempotent: true,
			body: example,
			answer: {status: 201, description: 'It is sent', schema: SendResultResource},
			errors: [...SEND_ERRORS, ...errors],
		},
		handle: async (call) => {
			const body = call.body as z.output<Body> & CommonFields;
			const options = readSendOptions(call, body);
			return sendAnswer(await messaging.send(call.target, toMessage(body, toContent(body)), options));
		},
	});
}

/** How to send, by the headers and the body. @throws {ValidationError} */
export function readSendOptions(
	{header}: Pick<Call, 'header'>,
	{skipPresence = false}: {skipPresence?: boolean | undefined},
): SendOptions {
	const idempotencyKey = header('Idempotency-Key');
	if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
		throw new ValidationError('Idempotency-Key must be 1 to 255 visible ASCII characters');
	}
	const respondAsync = /(^|,)\s*respond-async\s*(,|;|$)/i.test(header('Prefer') ?? '');
	return {respondAsync, humanlike: !skipPresence, ...(idempotencyKey !== undefined && {idempotencyKey})};
}

function toMessage({chatId, replyTo = '', mentions = []}: CommonFields, content: OutboundContent): OutboundMessage {
	return {
		chatId,
		content,
		...(replyTo !== '' && {replyTo}),
		...(mentions.length > 0 && {mentions}),
	};
}
