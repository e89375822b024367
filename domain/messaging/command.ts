import {digest} from '../hashing.ts';
import type {ErrorCode} from '../errors.ts';
import type {OutboundMessage} from './outbound.ts';

interface CommandBase {
	readonly id: string;
	readonly userId: string;
	readonly connectionId: string;
}

/** Puts a message into a chat, at most once: it has a row, and only the claim of the row is a licence to send. */
export type SendCommand = CommandBase &
	(
		| {
				readonly kind: 'message.send';
				readonly message: OutboundMessage;
				/** Read, type and pause before it, as a person would. */
				readonly humanlike: boolean;
		  }
		| {
				readonly kind: 'message.forward';
				/** The recipient. */
				readonly chatId: string;
				/** Full id of the message to forward. */
				readonly messageId: string;
				readonly humanlike: boolean;
		  }
	);

/** Changes something in a chat; each can be repeated without harm, so that none has a row. */
export type ChatCommand = CommandBase & {readonly chatId: string} & (
		| {readonly kind: 'message.edit'; readonly messageId: string; readonly text: string}
		| {readonly kind: 'message.revoke'; readonly messageId: string}
		/** An empty reaction takes it back. */
		| {readonly kind: 'message.react'; readonly messageId: string; readonly reaction: string}
		| {readonly kind: 'chat.read'}
		| {readonly kind: 'chat.typing'; readonly active: boolean}
	);

/** Changes a session's life; each can be repeated without harm. */
export type SessionCommand = CommandBase & {
	readonly kind: 'session.ensure' | 'session.stop' | 'session.restart' | 'session.logout' | 'session.remove';
	readonly sessionName: string;
	/** Where the session lives; null = not assigned yet. */
	readonly workerId: string | null;
};

/** One thing to do on WhatsApp, as it crosses the broker. */
export type Command = SendCommand | ChatCommand | SessionCommand;

const FAMILY_BY_KIND = {
	'message.send': 'send',
	'message.forward': 'send',
	'message.edit': 'chat',
	'message.revoke': 'chat',
	'message.react': 'chat',
	'chat.read': 'chat',
	'chat.typing': 'chat',
	'session.ensure': 'session',
	'session.stop': 'session',
	'session.restart': 'session',
	'session.logout': 'session',
	'session.remove': 'session',
} as const satisfies Record<Command['kind'], string>;

/** True for a kind that this version can carry out. */
export function isCommandKind(kind: unknown): kind is Command['kind'] {
	return typeof kind === 'string' && Object.hasOwn(FAMILY_BY_KIND, kind);
}

/** True for what is claimed before it is carried out. */
export function isSendCommand(command: Command): command is SendCommand {
	return FAMILY_BY_KIND[command.kind] === 'send';
}

/** True for what may simply be repeated in a chat. */
export function isChatCommand(command: Command): command is ChatCommand {
	return FAMILY_BY_KIND[command.kind] === 'chat';
}

/** The chat that a command concerns; commands of one chat are carried out in order. */
export function chatOf(command: SendCommand | ChatCommand): string {
	return command.kind === 'message.send' ? command.message.chatId : command.chatId;
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

/** How far a sent message got, from acknowledgements; they come twice and in any order. */
export type ReceiptLevel = 'server' | 'device' | 'read' | 'played' | 'error';

/** The stored side of a send. */
export interface CommandRecord {
	readonly id: string;
	readonly userId: string;
	readonly connectionId: string;
	readonly kind: SendCommand['kind'];
	readonly chatId: string;
	readonly status: CommandStatus;
	/** The tenant's Idempotency-Key; unique per user for 24 h. */
	readonly idempotencyKey: string | null;
	/** Hash of what was asked, to tell a repeat from another request under the same key. */
	readonly bodyHash: string;
	/** The id under which WhatsApp knows the message. */
	readonly messageId: string | null;
	/**
	 * WhatsApp's own key, by which acknowledgements find the row: the one that we ask for (`clientMessageId`) until the engine says
	 * another.
	 */
	readonly messageKey: string;
	/** Unix seconds, from the engine. */
	readonly sentTimestamp: number | null;
	readonly failure: CommandFailure | null;
	/** Who claimed it. */
	readonly owner: string | null;
	/** When each acknowledgement came first (engine time); absent = not yet. */
	readonly receipts: Readonly<Partial<Record<ReceiptLevel, Date>>>;
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
