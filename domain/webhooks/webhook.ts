import {randomBytes} from 'node:crypto';

/** Where a tenant wants events posted. */
export interface Webhook {
	readonly id: string;
	readonly userId: string;
	/** Null for a webhook of all the user's connections. */
	readonly connectionId: string | null;
	readonly url: string;
	/** Exact event names, or `*`. */
	readonly events: readonly string[];
	/** The signing secret, encrypted (see `SecretBox`); never leaves the store in clear. */
	readonly sealedSecret: string;
	/** The secret before the last rotation, and until when it still signs; null outside of an overlap. */
	readonly previousSecret: {readonly sealed: string; readonly until: Date} | null;
	readonly active: boolean;
	/** Why the system switched it off; null when it did not. */
	readonly disabledReason: string | null;
	readonly disabledAt: Date | null;
	/** Deadline of one attempt, milliseconds; null = the server's default. */
	readonly timeoutMs: number | null;
	/** Delays between attempts, milliseconds; null = the server's default. */
	readonly retryScheduleMs: readonly number[] | null;
	readonly createdAt: Date;
	readonly updatedAt: Date;
	readonly deletedAt: Date | null;
}

/** 64 hex digits (32 random bytes). */
export function newSigningSecret(): string {
	return randomBytes(32).toString('hex');
}

/** True when a webhook with these filters wants an event of this name. */
export function wantsEvent(events: readonly string[], event: string): boolean {
	return events.includes('*') || events.includes(event);
}
