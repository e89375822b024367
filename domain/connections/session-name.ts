import {createHmac, randomBytes} from 'node:crypto';

/** `u_` + first 12 hex digits of the user's id + `_s_` + 12 random hex digits: unique, and at most 54 characters as WAHA wants. */
export function newSessionName(userId: string): string {
	return `u_${userId.replaceAll('-', '').slice(0, 12)}_s_${randomBytes(6).toString('hex')}`;
}

/**
 * The key with which a session's webhooks are signed: HMAC-SHA256(ingestion secret, session name), in hex. Derived, so that
 * a session which is not stored yet verifies and a forged one does not.
 */
export function ingestionKey(ingestionSecret: string, sessionName: string): string {
	return createHmac('sha256', ingestionSecret).update(sessionName).digest('hex');
}
