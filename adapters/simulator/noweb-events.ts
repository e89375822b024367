import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import {ackName, type Ack} from './ack.ts';
import type {SimulatedAccount} from './session-state.ts';

/** The release of WAHA whose NOWEB engine these events look like. */
const WAHA_VERSION = '2026.7.1';

const ENVIRONMENT = {
	version: WAHA_VERSION,
	engine: 'NOWEB',
	tier: 'CORE',
	browser: null,
	platform: 'linux/x64',
	worker: {id: 'simulator'},
} as const;

/** Where NOWEB says that its files are, unless it is told otherwise. */
const MEDIA_BASE_URL = 'http://localhost:3000/api/files';

/** A ban on new chats, as newer releases report it. */
export interface ReachoutTimelock {
	readonly enforcementType: 'RESTRICT_ALL_COMPANIONS';
	readonly isActive: boolean;
	/** Unix seconds. */
	readonly timeEnforcementEnds: number;
}

/** `me` of an envelope. */
export interface ReportedAccount extends SimulatedAccount {
	readonly reachoutTimelock?: ReachoutTimelock;
}

/** A status with its moment, milliseconds since the epoch. */
export interface StatusChange {
	readonly status: SessionStatus;
	readonly timestamp: number;
}

/** A message's envelope-independent part. */
export interface MessageFacts {
	/** WhatsApp's own key. */
	readonly key: string;
	readonly chatId: string;
	/** Unix seconds. */
	readonly timestamp: number;
	/** Text or caption. */
	readonly body: string;
}

/** The message that a reply quotes. */
export interface Quote {
	readonly key: string;
	/** Who wrote it. */
	readonly participant: string;
	readonly body: string;
}

/** What only the receiving side knows of a message. */
export interface ContactFacts {
	readonly pushName: string;
	/** The sender's phone number (digits), when the chat is known by its `@lid` only. */
	readonly phoneNumber?: string;
	/** The content as Baileys has it. */
	readonly content: object;
	/** The file's URL for an image. */
	readonly mediaUrl?: string;
}

export function envelope(
	frame: {
		readonly session: string;
		readonly id: string;
		readonly timestampMs: number;
		readonly me: ReportedAccount | null;
	},
	event: string,
	payload: object,
): UpstreamEvent {
	return {...frame, event, payload, engine: 'NOWEB', environment: ENVIRONMENT};
}

/** `{true|false}_{chat}_{key}` */
export function messageId(fromMe: boolean, chatId: string, key: string): string {
	return `${fromMe}_${chatId}_${key}`;
}

/** @param statuses the latest changes, this one last; three are reported */
export function sessionStatus(name: string, statuses: readonly StatusChange[], timelock?: ReachoutTimelock): object {
	return {
		name,
		status: statuses.at(-1)?.status,
		statuses: statuses.slice(-3),
		data: timelock === undefined ? null : {reachoutTimelock: timelock},
	};
}

/** A message from a contact. */
export function contactMessage(facts: MessageFacts, contact: ContactFacts): object {
	const {mediaUrl, phoneNumber} = contact;
	return {
		...head(facts, false),
		...media(mediaUrl),
		...ackOf(2),
		...NO_EXTRAS,
		replyTo: null,
		_data: {
			key: {
				remoteJid: toJid(facts.chatId),
				fromMe: false,
				id: facts.key,
				...(phoneNumber !== undefined && {
					remoteJidAlt: `${phoneNumber}@s.whatsapp.net`,
					addressingMode: 'lid',
				}),
			},
			messageTimestamp: facts.timestamp,
			pushName: contact.pushName,
			broadcast: false,
			message: contact.content,
			status: 3,
		},
	};
}

/** A text that was sent through the API, as it looks before the first acknowledgement. */
export function ownMessage(facts: MessageFacts, quote?: Quote): object {
	const quoted = quote && {extendedTextMessage: {text: quote.body}};
	return {
		...head(facts, true),
		...media(undefined),
		...ackOf(0),
		...NO_EXTRAS,
		replyTo: quote
			? {
					id: quote.key,
					participant: quote.participant,
					body: quote.body,
					hasMedia: false,
					media: null,
					_data: quoted,
				}
			: null,
		_data: {
			key: {remoteJid: toJid(facts.chatId), fromMe: true, id: facts.key},
			messageTimestamp: facts.timestamp,
			broadcast: false,
			message: {
				extendedTextMessage: {
					text: facts.body,
					...(quote && {
						contextInfo: {stanzaId: quote.key, participant: toJid(quote.participant), quotedMessage: quoted},
					}),
				},
			},
			status: 1,
		},
	};
}

export function messageAck(id: string, chatId: string, ack: Ack): object {
	return {id, from: chatId, fromMe: true, ...ackOf(ack)};
}

/** @param text the emoji; empty = taken back */
export function contactReaction(facts: Omit<MessageFacts, 'body'>, target: string, text: string): object {
	return {
		id: messageId(false, facts.chatId, facts.key),
		timestamp: facts.timestamp,
		from: facts.chatId,
		fromMe: false,
		source: 'app',
		reaction: {text, messageId: target},
	};
}

/** Where NOWEB would serve a picture. */
export function imageUrl(session: string, key: string): string {
	return `${MEDIA_BASE_URL}/${session}/${key}.jpeg`;
}

function head({key, chatId, timestamp, body}: MessageFacts, fromMe: boolean): object {
	const source = fromMe ? 'api' : 'app';
	return {id: messageId(fromMe, chatId, key), timestamp, from: chatId, fromMe, source, body};
}

function media(url: string | undefined): object {
	return url === undefined
		? {hasMedia: false, media: null}
		: {hasMedia: true, media: {url, filename: null, mimetype: 'image/jpeg'}};
}

function ackOf(ack: Ack): object {
	return {ack, ackName: ackName(ack)};
}

const NO_EXTRAS = {location: null, vCards: null} as const;

/** The id as Baileys writes it. */
function toJid(chatId: string): string {
	return chatId.replace(/@c\.us$/, '@s.whatsapp.net');
}
