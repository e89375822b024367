import {randomBytes} from 'node:crypto';

/** What the deadline of one attempt may be at most, milliseconds. */
export const LONGEST_TIMEOUT_MS = 30_000;

/** Attempts of one webhook that a process makes at once, where it sets none. */
export const DEFAULT_CONCURRENCY = 10;

/** Which of the events that a webhook wants by their names it gets. Absent = all. */
export interface WebhookFilter {
	/** Only what is about these chats, in WhatsApp's own form (`…@c.us`), or about no chat. */
	readonly chats?: readonly string[];
	/** Only messages of the linked account itself (true) or of others (false), or what is about no message. */
	readonly fromMe?: boolean;
}

/** Where a tenant wants events posted. */
export interface Webhook {
	readonly id: string;
	readonly userId: string;
	/** Null for a webhook of all the user's connections. */
	readonly connectionId: string | null;
	readonly url: string;
	/** Event names, the beginning of one with `.*`, or `*`; what is none of these stays here and matches nothing. */
	readonly events: readonly string[];
	/** The signing secret, encrypted (see `SecretBox`); never leaves the store in clear. */
	readonly sealedSecret: string;
	/** The secret before the last rotation, and until when it still signs; null outside of an overlap. */
	readonly previousSecret: {readonly sealed: string; readonly until: Date} | null;
	readonly active: boolean;
	/** Why the system switched it off; null when it did not. */
	readonly disabledReason: string | null;
	readonly disabledAt: Date | null;
	/** Since when all attempts have failed; null = the last one that counts did not, or there was none. */
	readonly failingSince: Date | null;
	/** The newest failure that was noted since then, a minute stale at most. */
	readonly lastFailureAt: Date | null;
	/** Deadline of one attempt, milliseconds; null = the server's default. */
	readonly timeoutMs: number | null;
	/** Delays between attempts, milliseconds; null = the server's default. */
	readonly retryScheduleMs: readonly number[] | null;
	/** Its custom headers as JSON, encrypted: their values are secrets. Null = none. */
	readonly sealedHeaders: string | null;
	/** Null = whatever `events` names. */
	readonly filter: WebhookFilter | null;
	/** Attempts a second in one process; null = as many as there are. */
	readonly ratePerSecond: number | null;
	/** Attempts at once in one process; null = `DEFAULT_CONCURRENCY`. */
	readonly concurrency: number | null;
	/** When it was, or will be, switched between unordered, as it begins, and ordered; ascending. See `isOrderedFor`. */
	readonly orderSwitchesMs: readonly number[];
	readonly createdAt: Date;
	readonly updatedAt: Date;
	readonly deletedAt: Date | null;
}

/** 64 hex digits (32 random bytes). */
export function newSigningSecret(): string {
	return randomBytes(32).toString('hex');
}

/** True when one of these names an event: by its name, by `*`, or as `message.*` names all that begin with `message.`. */
export function wantsEvent(events: readonly string[], event: string): boolean {
	return events.some(
		(name) => name === event || name === '*' || (name.endsWith('.*') && event.startsWith(name.slice(0, -1))),
	);
}

/** Why a webhook that is not active gets nothing, for people. */
export function whyOff({disabledReason}: Pick<Webhook, 'disabledReason'>): string {
	return `the webhook is ${disabledReason === null ? 'inactive' : `disabled: ${disabledReason}`}`;
}

/** Why a webhook whose secrets cannot be opened gets nothing, for people. */
export const UNREADABLE =
	'the secret or the headers of the webhook cannot be read: rotate its secret, and set its headers again';
