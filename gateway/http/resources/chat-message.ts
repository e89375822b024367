import {z} from 'zod';
import type {KnownMessage} from '../../../domain/conversations/conversations.ts';
import type {CommandRecord, ReceiptLevel} from '../../../domain/messaging/command.ts';
import {
	receiptLevelOf,
	statusOf,
	statusOfAck,
	timelineOf,
	type MessageStatus,
} from '../../../domain/messaging/message-life.ts';
import {moment} from './moment.ts';

const seconds = z.int().meta({description: 'Unix seconds', example: 1774612800});
const id = z.string().meta({example: 'true_15550110000@c.us_3EB0C41C7F2B8E5D9A10'});
const status = z.enum(['queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown']);

/** A message in the words of events; these fields always, others as the engine tells them. */
export const ChatMessageResource = z
	.looseObject({
		id,
		timestamp: seconds,
		fromMe: z.boolean(),
		body: z.string().meta({description: 'Empty for what has no text'}),
		hasMedia: z.boolean(),
	})
	.meta({id: 'ChatMessage'});

export const MessagePageResource = z
	.object({
		messages: z.array(ChatMessageResource).meta({description: 'Newest first'}),
		nextBefore: z.string().nullable().meta({description: '`before` of the next page; null at the start of history'}),
		historyStartsAt: seconds.nullable().meta({description: 'The oldest message there is; told by the last page only'}),
	})
	.meta({id: 'MessagePage'});

/** One message with what became of it. */
export const KnownMessageResource = z
	.looseObject({
		id: id.meta({description: 'The command until WhatsApp has the message'}),
		timestamp: seconds,
		fromMe: z.boolean(),
		status: status.nullable().meta({description: 'null for a message of somebody else'}),
		timeline: z
			.array(z.object({status, at: moment}))
			.meta({description: 'What is known of its life, oldest first; of messages that were sent through this API'}),
		failure: z.object({code: z.string(), message: z.string()}).nullable(),
		commandId: z.string().nullable().meta({description: 'The command that sent it'}),
	})
	.meta({id: 'Message'});

/** The engine's words where it knows the message, else those of the row of its command. */
export function presentKnownMessage({message, sent}: KnownMessage): z.input<typeof KnownMessageResource> {
	const told = message ?? (sent && toMessage(sent));
	if (told === undefined) {
		throw new Error('a known message is known by something');
	}
	return {
		...told,
		status: currentStatus({message, sent}),
		timeline: sent ? timelineOf(sent).map((step) => ({status: step.status, at: step.at.toISOString()})) : [],
		failure: sent?.failure ? {code: sent.failure.code, message: sent.failure.message} : null,
		commandId: sent?.id ?? null,
	};
}

/** Acknowledgements get lost: the message itself may be further than its row. */
function currentStatus({message, sent}: KnownMessage): MessageStatus | null {
	if (sent === undefined) {
		return message?.fromMe === true ? statusOfAck(message['ack']) : null;
	}
	const level = receiptLevelOf(message?.['ack']);
	return statusOf({status: sent.status, receipts: level === undefined ? sent.receipts : withReceipt(sent, level)});
}

function withReceipt({receipts, updatedAt}: CommandRecord, level: ReceiptLevel): CommandRecord['receipts'] {
	return {[level]: updatedAt, ...receipts};
}

function toMessage(sent: CommandRecord): {id: string; chatId: string; timestamp: number; fromMe: boolean} {
	return {
		id: sent.messageId ?? sent.id,
		chatId: sent.chatId,
		timestamp: sent.sentTimestamp ?? Math.floor(sent.createdAt.getTime() / 1000),
		fromMe: true,
	};
}
