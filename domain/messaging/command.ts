import {digest} from '../hashing.ts';
import type {ErrorCode} from '../errors.ts';
import type {OutboundMessage} from './outbound.ts';

const SESSION_COMMAND_KINDS = ['session.ensure', 'session.restart', 'session.logout', 'session.remove'] as const;

/** A session's life-cycle changes; each can be repeated without harm. */
export type SessionCommandKind = (typeof SESSION_COMMAND_KINDS)[number];

const COMMAND_KINDS: ReadonlySet<unknown> = new Set<Command['kind']>(['message.send', ...SESSION_COMMAND_KINDS]);

/** One thing to do on WhatsApp, as it crosses the broker. */
export type Command =
	| {
			readonly kind: 'message.send';
			readonly id: string;
			readonly userId: string;
			readonly connectionId: string;
			readonly message: OutboundMessage;
	  }
	| {
			readonly kind: SessionCommandKind;
			readonly id: string;
			readonly userId: string;
			readonly connectionId: string;
			readonly sessionName: string;
			/** Where the session lives; null = not assigned yet. */
			readonly workerId: string | null;
	  };

/** True for a kind that this version can carry out. */
export function isCommandKind(kind: unknown): kind is Command['kind'] {
	return COMMAND_KINDS.has(kind);
}

/**
 * The life of a command that must not happen twice. `sending` belongs to one owner; a command found there by anyone else
 * becomes `unknown` and is never blindly repeated. An owner that was only slow still turns that into what really happened.
 */
export type CommandStatus = 'queued' | 'sending' | 'sent' | 'failed' | 'unknown';

/** Why a command failed, in words a tenant may read. */
export interface CommandFailure {
	readonly code: ErrorCode;
	readonly message: string;
	readonly retryAfterMs?: number;
}

/** For how long an Idempotency-Key stands for its first request. */
export const IDEMPOTENCY_KEY_TTL_MS = 24 * 60 * 60 * 1000;

/** The stored side of a command. */
export interface CommandRecord {
	readonly id: string;
	readonly userId: string;
	readonly connectionId: string;
	readonly kind: Command['kind'];
	readonly chatId: string;
	readonly status: CommandStatus;
	/** The tenant's Idempotency-Key; unique per user for 24 h. */
	readonly idempotencyKey: string | null;
	/** Hash of what was asked, to tell a repeat from another request under the same key. */
	readonly bodyHash: string;
	/** The id under which WhatsApp knows the message. */
	readonly messageId: string | null;
	/** Unix seconds, from the engine. */
	readonly sentTimestamp: number | null;
	readonly failure: CommandFailure | null;
	/** Who claimed it. */
	readonly owner: string | null;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** What a dispatcher answers to the route that waits. */
export type CommandReply =
	| {readonly ok: true; readonly messageId: string | null; readonly timestamp: number | null}
	| {readonly ok: false; readonly failure: CommandFailure};

/**
 * The message id that we ask WhatsApp to use: derived from the command, so that a repeat would carry the same one. In
 * WhatsApp's own form, `3EB0` + 20 upper-case hex digits.
 */
export function clientMessageId(commandId: string): string {
	return `3EB0${digest('client-message-id', commandId).toString('hex').slice(0, 20).toUpperCase()}`;
}
