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
import {MessageMediaResource, presentMessage, type MessagePlace} from './chat-message.ts';
import {moment} from './moment.ts';

const status = z.enum(['queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown']);

/** One message with what became of it. */
export const KnownMessageResource = z
	.looseObject({
		id: z.string().meta({
			description: 'The command until WhatsApp has the message',
			example: 'true_15550110000@c.us_3EB0C41C7F2B8E5D9A10',
		}),
		timestamp: z.int().meta({description: 'Unix seconds', example: 1774612800}),
		fromMe: z.boolean(),
		status: status.nullable().meta({description: 'null for a message of somebody else'}),
		timeline: z
			.array(z.object({status, at: moment}))
			.meta({description: 'What is known of its life, oldest first; of messages that were sent through this API'}),
		failure: z.object({code: z.string(), message: z.string()}).nullable(),
		commandId: z.string().nullable().meta({description: 'The command that sent it'}),
		media: MessageMediaResource.nullable().exactOptional(),
	})
	.meta({id: 'Message'});

/** The engine's words where it knows the message, else those of the row of its command. */
export function presentKnownMessage(
	{message, sent}: KnownMessage,
	place: MessagePlace,
): z.input<typeof KnownMessageResource> {
	const told = message === undefined ? sent && toMessage(sent) : presentMessage(message, place);
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
