import {fileOf} from '../../../domain/messaging/outbound.ts';
import {toVcard} from '../../../domain/messaging/vcard.ts';
import {ACK, ackName} from '../ack.ts';
import {phoneNumber, pushName} from '../people.ts';
import {toBase64, type Seed} from '../seed.ts';
import type {SimulatedAccount} from '../session-state.ts';
import {bodyOf, type StoredMessage} from '../stored-message.ts';
import {baileysContent} from './content.ts';

/** What a message's payload needs beside the message. */
export interface MessageView {
	/** Names and noise come from it. */
	readonly seed: Seed;
	readonly me: SimulatedAccount;
	/** The message that it quotes, if that is known. */
	readonly quoted?: StoredMessage | undefined;
	/** Where its file is; null = nowhere. */
	readonly mediaUrl: string | null;
}

/** A WAMessage. */
export interface MessagePayload {
	readonly id: string;
	readonly body: string | null;
	readonly _data: object;
	readonly [field: string]: unknown;
}

/** `{true|false}_{chat}_{key}`, in groups with the writer at the end. */
export function messageId({fromMe, chatId, key, participant}: MessageName): string {
	return [fromMe, chatId, key, ...(participant === null ? [] : [participant])].join('_');
}

/** What a message's id is made of. */
export type MessageName = Pick<StoredMessage, 'fromMe' | 'chatId' | 'key' | 'participant'>;

/** The payload of `message` and `message.any`. */
export function messagePayload(message: StoredMessage, view: MessageView): MessagePayload {
	const {content, timestamp, fromMe, key} = message;
	const file = content === null ? undefined : fileOf(content);
	return waMessage(message, view, {
		body: bodyOf(content),
		media: file && {url: view.mediaUrl, filename: file.filename, mimetype: file.mimetype},
		location: locationOf(message, view),
		vCards: content?.kind === 'contact' ? [toVcard(content)] : null,
		replyTo: view.quoted === undefined ? null : quoteOf(view.quoted, view),
		content:
			content === null
				? {}
				: baileysContent(content, {
						noise: view.seed.child(key),
						timestamp,
						isPlain: !fromMe,
						...contextInfoOf(message, view),
					}),
	});
}

/** The parts of a WAMessage that depend on what it says. */
interface MessageParts {
	readonly body: string | null;
	readonly media?: object | undefined;
	readonly location?: object | null;
	readonly vCards?: readonly string[] | null;
	readonly replyTo?: object | null;
	/** What edits have beside all that. */
	readonly extra?: object;
	/** `_data.message` */
	readonly content: object;
}

/** In the order in which NOWEB writes the keys. */
export function waMessage(
	message: MessageName & Pick<StoredMessage, 'timestamp' | 'ack'>,
	{seed}: Pick<MessageView, 'seed'>,
	{body, media, location = null, vCards = null, replyTo = null, extra, content}: MessageParts,
): MessagePayload {
	const {chatId, fromMe, participant, timestamp, ack} = message;
	return {
		id: messageId(message),
		timestamp,
		from: chatId,
		fromMe,
		source: fromMe ? 'api' : 'app',
		body,
		...groupPart(message),
		hasMedia: media !== undefined,
		media: media ?? null,
		...ackPart(ack),
		location,
		vCards,
		replyTo,
		...extra,
		_data: {
			key: baileysKey(message, seed),
			messageTimestamp: timestamp,
			...(!fromMe && {pushName: pushName(seed, participant ?? chatId)}),
			broadcast: false,
			message: content,
			status: ack === null ? null : ack + 1,
		},
	};
}

/** What only messages in groups have. */
export function groupPart({chatId, participant}: MessageName): object {
	return participant === null ? {} : {to: chatId, participant};
}

/** How far it has come; channels do not tell. */
export function ackPart(ack: StoredMessage['ack']): object {
	return {ack, ackName: ack === null ? 'UNKNOWN' : ackName(ack)};
}

/** The id as Baileys writes it. */
function toJid(chatId: string): string {
	return chatId.replace(/@c\.us$/, '@s.whatsapp.net');
}

/** Names a message in `_data`. @param seed tells the number behind a writer's `@lid`; absent = it is not told */
export function baileysKey({chatId, fromMe, key, participant}: MessageName, seed?: Seed): object {
	const writer = participant ?? chatId;
	const isStranger = seed !== undefined && !fromMe && writer.endsWith('@lid');
	return {
		remoteJid: toJid(chatId),
		fromMe,
		id: key,
		...(participant !== null && {participant: toJid(participant)}),
		...(isStranger && {
			[participant === null ? 'remoteJidAlt' : 'participantAlt']: `${phoneNumber(seed, writer)}@s.whatsapp.net`,
			addressingMode: 'lid',
		}),
	};
}

function contextInfoOf(message: StoredMessage, view: MessageView): {readonly contextInfo?: object} {
	const {mentions, isForwarded} = message;
	const {quoted} = view;
	const contextInfo = {
		...(quoted !== undefined && {
			stanzaId: quoted.key,
			participant: toJid(writerOf(quoted, view)),
			quotedMessage: quotedContent(quoted, view),
		}),
		...(mentions.length > 0 && {mentionedJid: mentions.map(toJid)}),
		...(isForwarded && {forwardingScore: 1, isForwarded: true}),
	};
	return Object.keys(contextInfo).length === 0 ? {} : {contextInfo};
}

function quoteOf(quoted: StoredMessage, view: MessageView): object {
	const {content} = quoted;
	return {
		id: quoted.key,
		participant: writerOf(quoted, view),
		body: bodyOf(content),
		hasMedia: content !== null && fileOf(content) !== undefined,
		media: null,
		_data: quotedContent(quoted, view),
	};
}

function quotedContent({content, key, timestamp}: StoredMessage, {seed}: MessageView): object {
	return content === null ? {} : baileysContent(content, {noise: seed.child(key), timestamp, isPlain: false});
}

function writerOf({fromMe, participant, chatId}: StoredMessage, {me}: MessageView): string {
	return participant ?? (fromMe ? me.id : chatId);
}

function locationOf({content, key}: StoredMessage, {seed}: MessageView): object | null {
	if (content?.kind !== 'location') {
		return null;
	}
	const {latitude, longitude, name, address} = content;
	return {
		live: false,
		latitude: String(latitude),
		longitude: String(longitude),
		...(name !== null && {name}),
		...(address !== null && {address}),
		description: '',
		thumbnail: toBase64(seed.child(key).of('thumbnail'), 32),
	};
}

/** Before the first acknowledgement comes; channels never tell. */
export function firstAck({fromMe, chatId}: Pick<StoredMessage, 'fromMe' | 'chatId'>): StoredMessage['ack'] {
	return chatId.endsWith('@newsletter') ? null : fromMe ? ACK.PENDING : ACK.DEVICE;
}
