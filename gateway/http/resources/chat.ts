import {z} from 'zod';
import type {Chat, Contact} from '../../../domain/ports/whatsapp-engine.ts';

/** WhatsApp's times are whole seconds. */
const seconds = z.int().meta({description: 'Unix seconds', example: 1774612800});

/** A chat in a list. */
export const ChatResource = z
	.object({
		id: z.string().meta({example: '15550110000@c.us'}),
		name: z.string().nullable(),
		isGroup: z.boolean(),
		timestamp: seconds.meta({description: 'Of the last thing that happened in it; 0 = nothing yet'}),
		conversationTimestamp: seconds.meta({description: 'The same, for clients that know it by this name'}),
		unread: z.int().meta({description: 'Messages that were not read'}),
		lastMessage: z
			.object({
				id: z.string(),
				body: z.string().meta({description: 'Empty for what has no text'}),
				timestamp: seconds,
				fromMe: z.boolean(),
			})
			.nullable(),
	})
	.meta({id: 'Chat'});

/** A person. */
export const ContactResource = z
	.object({
		jid: z.string().meta({description: 'WhatsApp id', example: '15550110000@c.us'}),
		name: z.string().nullable(),
		phoneNumber: z
			.string()
			.nullable()
			.meta({description: 'Bare digits; null for one who is known by a `@lid` only', example: '15550110000'}),
		isGroup: z.literal(false),
	})
	.meta({id: 'Contact'});

/** Where a profile picture is. */
export const PictureResource = z
	.object({profilePictureUrl: z.url().nullable().meta({description: 'null = none, or hidden from this account'})})
	.meta({id: 'Picture'});

/** Clients take `id` and `lastMessage.body` for strings without looking, and know the time by either name. */
export function presentChat({id, name, isGroup, timestamp, unread, lastMessage}: Chat): z.input<typeof ChatResource> {
	return {
		id,
		name,
		isGroup,
		timestamp,
		conversationTimestamp: timestamp,
		unread,
		lastMessage: lastMessage && {
			id: lastMessage.id,
			body: lastMessage.body,
			timestamp: lastMessage.timestamp,
			fromMe: lastMessage.fromMe,
		},
	};
}

/** Engines tell of people only. */
export function presentContact({id, name, phoneNumber}: Contact): z.input<typeof ContactResource> {
	return {jid: id, name, phoneNumber, isGroup: false};
}
