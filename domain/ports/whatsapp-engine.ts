import type {Account} from '../connections/connection.ts';
import type {UpstreamEvent} from '../events/upstream-event.ts';
import type {SessionStatus} from '../events/vocabulary.ts';
import type {OutboundMessage, SendReceipt} from '../messaging/outbound.ts';

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
}

export interface EngineMessages {
	/**
	 * Sends once.
	 * @param clientMessageId asked for as WhatsApp's message id, where the engine lets us choose
	 * @throws {EngineError} `sideEffect: 'possible'` means that it may have gone out: do not repeat.
	 */
	send(session: string, message: OutboundMessage, clientMessageId: string, signal: AbortSignal): Promise<SendReceipt>;
}

/** `degraded` works with a restriction that the note names; `no` answers 501. */
export type CapabilityLevel = 'yes' | 'no' | 'degraded';

export interface Capability {
	readonly level: CapabilityLevel;
	readonly note?: string;
}

/** Operations that engines differ in; later ones (react, edit, …) join. */
export type Operation = 'qr' | 'pairing-code' | 'send.text' | 'client-message-id' | 'me';

export type CapabilityTable = Readonly<Record<Operation, Capability>>;

/** A way to WhatsApp: one worker of one engine. */
export interface WhatsAppEngine {
	readonly sessions: EngineSessions;
	readonly link: EngineLink;
	readonly messages: EngineMessages;
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
