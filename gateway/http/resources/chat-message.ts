import {z} from 'zod';
import {readMessageId} from '../../../domain/messaging/message-id.ts';
import type {ChatMessage} from '../../../domain/ports/whatsapp-engine.ts';

const seconds = z.int().meta({description: 'Unix seconds', example: 1774612800});

/** Engines tell no link with a message of the past: this one leads to wherever its file is by now. */
export const MessageMediaResource = z
	.looseObject({
		url: z.url().meta({description: 'Where it is downloaded, with the same token'}),
		filename: z.string().nullable(),
		mimetype: z.string().nullable(),
	})
	.meta({id: 'MessageMedia'});

/** A message for clients of two generations: some read the words of events, others those at the end; others yet are as the engine tells them. */
export const ChatMessageResource = z
	.looseObject({
		id: z.string().meta({example: 'true_15550110000@c.us_3EB0C41C7F2B8E5D9A10'}),
		timestamp: seconds,
		fromMe: z.boolean(),
		body: z.string().meta({description: 'Empty for what has no text'}),
		hasMedia: z.boolean(),
		media: MessageMediaResource.nullable(),
		chatId: z.string().nullable().meta({example: '15550110000@c.us'}),
		type: z
			.enum(['text', 'image', 'video', 'audio', 'sticker', 'document', 'location', 'contact', 'unknown'])
			.meta({description: '`unknown` for what has no text either, such as a poll'}),
		text: z.string().nullable().meta({description: 'Text or caption; null where there is none'}),
		senderJid: z.string().nullable().meta({description: 'null for one of our own'}),
		senderPushName: z
			.string()
			.nullable()
			.meta({description: 'What the sender calls himself; null where it is not told'}),
		quotedMessageId: z.string().nullable().meta({description: 'WhatsApp’s own key of the message that it quotes'}),
	})
	.meta({id: 'ChatMessage'});

/** Messages of a chat, and how to go on. */
export const MessagePageResource = z
	.object({
		messages: z.array(ChatMessageResource).meta({description: 'Newest first'}),
		nextBefore: z.string().nullable().meta({description: '`before` of the next page; null at the start of history'}),
		historyStartsAt: seconds.nullable().meta({description: 'The oldest message there is; told by the last page only'}),
	})
	.meta({id: 'MessagePage'});

type MessageView = z.input<typeof ChatMessageResource>;

/** Where a message was asked for. */
export interface MessagePlace {
	/** Of the connection, without a trailing slash. */
	readonly connectionUrl: string;
	/** As it was named; default: the one that the message's id names. */
	readonly chatId: string | undefined;
}

/** As the engine tells it, in both vocabularies, with the link to its file. */
export function presentMessage(
	message: ChatMessage,
	{connectionUrl, chatId = readMessageId(message.id)?.chatId}: MessagePlace,
): MessageView {
	const {id, body, fromMe, hasMedia, from, participant, senderPushName, replyTo} = message;
	const media = hasMedia
		? presentMedia(message, `${connectionUrl}/messages/${encodeURIComponent(id)}/media`, chatId)
		: null;
	const type = typeOf(message, media);
	return {
		...message,
		media,
		chatId: chatId ?? null,
		type,
		// Of a place or a card, some engines tell a thumbnail or the card as the text.
		text: body === '' || type === 'location' || type === 'contact' ? null : body,
		senderJid: fromMe ? null : (textOf(participant) ?? textOf(from) ?? chatId ?? null),
		senderPushName: textOf(senderPushName) ?? null,
		quotedMessageId: textOf((replyTo as {readonly id?: unknown} | null | undefined)?.id) ?? null,
	};
}

function presentMedia(message: ChatMessage, url: string, chatId: string | undefined): MessageView['media'] {
	const {url: _, ...told} = (message['media'] ?? {}) as {readonly url?: unknown};
	const query = chatId === undefined ? '' : `?chatId=${encodeURIComponent(chatId)}`;
	return {url: url + query, filename: null, mimetype: null, ...told};
}

function typeOf({body, location, vCards}: ChatMessage, media: MessageView['media']): MessageView['type'] {
	if (media !== null) {
		const {mimetype} = media;
		if (mimetype === 'image/webp') return 'sticker';
		return (['image', 'video', 'audio'] as const).find((type) => mimetype?.startsWith(`${type}/`)) ?? 'document';
	}
	if (typeof location === 'object' && location !== null) return 'location';
	if (Array.isArray(vCards) && vCards.length > 0) return 'contact';
	return body === '' ? 'unknown' : 'text';
}

function textOf(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}
