import {z} from 'zod';
import {ValidationError} from '../../domain/errors.ts';
import {normaliseChatId} from '../../domain/messaging/chat-id.ts';
import {flag, line} from './fields.ts';

/** WhatsApp's own limit of a text, in characters. */
const MAX_TEXT_LENGTH = 65_536;

/** `{true|false}_{chat}_{key}_{participant}`: twice as long as any that was seen. */
const MAX_MESSAGE_ID_LENGTH = 300;

/** A group has up to 1024 members. */
const MAX_MENTIONS = 1024;

const EVERYBODY = 'all';

/** What is true of every message to send. `required` is what is said when `chatId` is missing. */
export const recipientFields = (required: string): typeof OPTIONAL_FIELDS & {chatId: ReturnType<typeof chatId>} => ({
	chatId: chatId(required),
	...OPTIONAL_FIELDS,
});

/** A recipient in any of its forms; its output is WhatsApp's own. */
export function chatId(required: string): z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> {
	return line('chatId', {required})
		.transform(checked((value) => normaliseChatId(value)))
		.meta({
			description: 'A phone number with country code, or an id that ends in @c.us, @g.us, @lid or @newsletter',
			example: '15550110000@c.us',
		});
}

/** A message that is there already, in any of the ways in which one can be named. */
export function messageId(required: string): z.ZodString {
	return line('messageId', {required, maxLength: MAX_MESSAGE_ID_LENGTH}).meta({
		description: MESSAGE_PARAMETER.description,
		example: 'true_15550110000@c.us_3EB0D51A3EE2A2B0C4F5',
	});
}

/** A text, with line breaks if need be. @param required what is said when it is missing or empty; default: it may be empty */
export function prose(
	field: string,
	{maxLength = MAX_TEXT_LENGTH, required}: {maxLength?: number; required?: string} = {},
): z.ZodString {
	const wrongType = `${field} must be a string`;
	return z
		.string({error: ({input}) => (input === undefined ? (required ?? wrongType) : wrongType)})
		.min(required === undefined ? 0 : 1, required)
		.max(maxLength, `${field} must have at most ${maxLength} characters`)
		.refine((text) => text.isWellFormed() && !text.includes('\0'), `${field} must be valid Unicode without NUL`);
}

/** Runs a rule of the domain; what it throws is what is wrong with the field. */
function checked<T>(rule: (value: string) => T): (value: string, context: z.RefinementCtx) => T {
	return (value, context) => {
		try {
			return rule(value);
		} catch (error) {
			if (!(error instanceof ValidationError)) throw error;
			context.addIssue(error.message);
			return z.NEVER;
		}
	};
}

const mentions = z
	.array(
		z
			.string('each value in mentions must be a string')
			.transform(checked((value) => (value === EVERYBODY ? value : normaliseChatId(value, 'mentions:')))),
		'mentions must be an array',
	)
	.max(MAX_MENTIONS, `mentions must have at most ${MAX_MENTIONS} values`)
	.meta({
		description: 'Who is mentioned: the text says `@<digits>` for each. `["all"]` is everybody in a group',
		example: ['15550110000@c.us'],
	});

/** Of whatever is sent: by default a person seems to do it. */
export const skipPresence = flag('skipPresence')
	.meta({description: 'Send at once, without reading, typing and pausing first as a person would'})
	.exactOptional();

const OPTIONAL_FIELDS = {
	replyTo: line('replyTo', {maxLength: MAX_MESSAGE_ID_LENGTH})
		.meta({
			description: 'The message to quote, named as `messageId` elsewhere',
			example: 'false_15550110000@c.us_3EB0D51A3EE2A2B0C4F5',
		})
		.exactOptional(),
	mentions: mentions.exactOptional(),
	skipPresence,
};

/** Where a message is that a path names; its output is WhatsApp's own id of the chat. */
export const PlaceQuery = z.object({
	chatId: line('chatId')
		.transform(checked((value) => normaliseChatId(value)))
		.meta({description: 'The chat, in any form; needed with a bare message key', example: '15550110000@c.us'})
		.exactOptional(),
});

/** How a path names a message, for the documentation. */
export const MESSAGE_PARAMETER = {
	description: 'The full id, WhatsApp’s own key, or the `commandId` of a send',
	example: 'true_15550110000@c.us_3EB0C41C7F2B8E5D9A10',
};
