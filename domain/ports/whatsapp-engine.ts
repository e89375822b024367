import type {Account} from '../connections/connection.ts';
import type {UpstreamEvent} from '../events/upstream-event.ts';
import type {SessionStatus} from '../events/vocabulary.ts';
import type {ContentKind, OpenFile, OutboundMessage, SendResult} from '../messaging/outbound.ts';

/** A session as its engine sees it. */
export interface EngineSession {
	readonly name: string;
	readonly status: SessionStatus;
	/** Null until linked. */
	readonly me: Account | null;
}

/** What a session needs to report to us. */
export interface SessionConfig {
	/** Where an HTTP engine posts events; empty for one in process. */
	readonly callbackUrl: string;
	/** The HMAC key it signs with. */
	readonly ingestionKey: string;
}

/** Life cycle. None of these logs a phone out but `logout` and `remove`. @throws {EngineError} */
export interface EngineSessions {
	/** Creates it or brings its configuration up to date, and starts it; idempotent. */
	ensure(session: string, config: SessionConfig): Promise<EngineSession>;
	start(session: string): Promise<EngineSession>;
	stop(session: string): Promise<void>;
	/** Stops and starts; credentials stay. */
	restart(session: string): Promise<EngineSession>;
	/** Unlinks the phone: only when a user asks. */
	logout(session: string): Promise<void>;
	/** Unlinks and deletes; idempotent. */
	remove(session: string): Promise<void>;
	find(session: string): Promise<EngineSession | undefined>;
	/** All sessions, stopped ones included. */
	list(): Promise<readonly EngineSession[]>;
}

/** A code on the screen of a session that waits for a phone. */
export interface QrCode {
	/** The string to encode. */
	readonly value: string;
	readonly png: Buffer;
	/** When WhatsApp stops accepting it; undefined when the engine does not say. */
	readonly expiresAt?: Date;
}

/** Linking a phone. @throws {EngineError} QR_NOT_READY or SESSION_STARTING: ask again in a second. */
export interface EngineLink {
	qr(session: string): Promise<QrCode>;
	/**
	 * A code to type into the phone instead of scanning, `ABCD-EFGH`.
	 * @param phone digits, with country code
	 * @throws {EngineError} RECIPIENT_INVALID for a number that cannot be
	 */
	requestPairingCode(session: string, phone: string): Promise<string>;
}

/** A message that exists already. */
export interface MessageTarget {
	readonly chatId: string;
	/** The full id. */
	readonly messageId: string;
}

/** A message that exists already, on its way to another chat. */
export interface Forward {
	/** The recipient. */
	readonly chatId: string;
	/** The full id. */
	readonly messageId: string;
}

/** Writing. Whatever an engine lacks throws NOT_SUPPORTED and is `no` in its capabilities. @throws {EngineError} */
export interface EngineMessages {
	/**
	 * Sends once.
	 * @param clientMessageId asked for as WhatsApp's message id, where the engine lets us choose
	 * @throws {EngineError} `sideEffect: 'possible'` means that it may have gone out: do not repeat.
	 */
	send(
		session: string,
		message: OutboundMessage<OpenFile>,
		clientMessageId: string,
		signal: AbortSignal,
	): Promise<SendResult>;
	/** Sends a message on to another chat, once; as `send`. */
	forward(session: string, forward: Forward, clientMessageId: string, signal: AbortSignal): Promise<SendResult>;
	/** @throws {EngineError} MESSAGE_NOT_FOUND, MESSAGE_NOT_EDITABLE (not ours, too old, no text) */
	edit(session: string, target: MessageTarget, text: string, signal: AbortSignal): Promise<SendResult>;
	/** Deletes it for everyone. @throws {EngineError} as `edit` */
	revoke(session: string, target: MessageTarget, signal: AbortSignal): Promise<void>;
	/** @param reaction an emoji; empty takes it back */
	react(session: string, target: MessageTarget, reaction: string, signal: AbortSignal): Promise<void>;
}

/** What others see of us. @throws {EngineError} */
export interface EnginePresence {
	/** Sends read receipts for what is unread in the chat. */
	markRead(session: string, chatId: string, signal: AbortSignal): Promise<void>;
	typing(session: string, chatId: string, active: boolean, signal: AbortSignal): Promise<void>;
}

/** A chat in a list. */
export interface Chat {
	readonly id: string;
	readonly name: string | null;
	readonly isGroup: boolean;
	/** Of the last thing that happened in it, Unix seconds; 0 = nothing yet. */
	readonly timestamp: number;
	readonly unread: number;
	readonly lastMessage: ChatMessage | null;
}

/**
 * A message in WAHA's words: these fields always, others as the engine tells them, but nothing that names our machines
 * (`_data`, the media's source).
 */
export interface ChatMessage {
	/** The full id. */
	readonly id: string;
	/** Unix seconds. */
	readonly timestamp: number;
	readonly fromMe: boolean;
	/** Empty for what has no text. */
	readonly body: string;
	readonly hasMedia: boolean;
	readonly [field: string]: unknown;
}

/** A person. */
export interface Contact {
	readonly id: string;
	readonly name: string | null;
	/** Bare digits; null for one who is known by a `@lid` only. */
	readonly phoneNumber: string | null;
}

/** A part of a list that engines count from its start. */
export interface Slice {
	readonly limit: number;
	readonly offset: number;
}

/** Reading what the phone knows. Empty lists only where there is nothing. @throws {EngineError} */
export interface EngineHistory {
	/** Latest first. */
	chats(session: string, slice: Slice): Promise<readonly Chat[]>;
	/** Newest first. @param untilTimestamp Unix seconds: nothing later than this */
	messages(
		session: string,
		chatId: string,
		slice: Slice & {readonly untilTimestamp?: number},
	): Promise<readonly ChatMessage[]>;
	/** @param id full, or WhatsApp's own key */
	findMessage(session: string, chatId: string, id: string): Promise<ChatMessage | undefined>;
	/** People, by id. */
	contacts(session: string, slice: Slice): Promise<readonly Contact[]>;
	/** URL of a profile picture at WhatsApp; null = none, or hidden from us. */
	profilePicture(session: string, contactId: string): Promise<string | null>;
}

/** A file that the engine still holds. */
export interface EngineFile {
	readonly contentType: string;
	/** Null when it is not told. */
	readonly sizeBytes: number | null;
	/** Read once; whoever stops early ends the transfer. */
	readonly content: AsyncIterable<Uint8Array>;
}

/** Files of events. Engines forget them soon. */
export interface EngineMedia {
	/** By the URL that an event gave; its host is not trusted. @throws {EngineError} MEDIA_NOT_FOUND gone, or never there */
	open(session: string, url: string, signal: AbortSignal): Promise<EngineFile>;
	/** By the name alone, for a file whose event is not at hand. @throws {EngineError} as `open` */
	openByName(session: string, filename: string, signal: AbortSignal): Promise<EngineFile>;
	/** Has the file of a message fetched from WhatsApp again. @throws {EngineError} MESSAGE_NOT_FOUND, MEDIA_NOT_FOUND */
	openOfMessage(
		session: string,
		target: MessageTarget,
		signal: AbortSignal,
	): Promise<EngineFile & {readonly filename: string}>;
}

/** `degraded` works with a restriction that the note names; `no` answers 501. */
export type CapabilityLevel = 'yes' | 'no' | 'degraded';

/** How well an engine can do something. */
export interface Capability {
	readonly level: CapabilityLevel;
	/** Why, and what would have it. */
	readonly note?: string;
}

/** What engines differ in. */
export type Operation =
	| 'qr'
	| 'pairing-code'
	| 'me'
	| 'client-message-id'
	| `send.${ContentKind}`
	| 'reply'
	| 'mentions'
	| 'edit'
	| 'revoke'
	| 'forward'
	| 'react'
	| 'mark-read'
	| 'typing'
	| 'chats'
	| 'messages'
	| 'contacts'
	| 'profile-picture'
	| 'media'
	| 'media-again';

/** Says of every operation whether the engine can do it. */
export type CapabilityTable = Readonly<Record<Operation, Capability>>;

/** A way to WhatsApp: one worker of one engine. */
export interface WhatsAppEngine {
	readonly sessions: EngineSessions;
	readonly link: EngineLink;
	readonly messages: EngineMessages;
	readonly presence: EnginePresence;
	readonly history: EngineHistory;
	readonly media: EngineMedia;
	/** The linked account, asked from the engine; null while not linked. @throws {EngineError} */
	me(session: string): Promise<Account | null>;
	capabilities(): CapabilityTable;
	/** Whether the engine answers at all. @throws {EngineError} */
	ping(signal: AbortSignal): Promise<void>;
}

/** The receiving side of an engine that posts its events over HTTP. Pure: no I/O. */
export interface EngineIngress {
	/** True when the request was signed with `key`. Constant time. */
	verify(headers: Readonly<Record<string, string | string[] | undefined>>, rawBody: Buffer, key: string): boolean;
	/** @throws {ValidationError} not JSON, or without `event` or `session`. */
	parse(rawBody: Buffer): UpstreamEvent;
}

/** Where an in-process engine hands its events to; resolves only after the broker confirmed. */
export type EventSink = (event: UpstreamEvent) => Promise<void>;
