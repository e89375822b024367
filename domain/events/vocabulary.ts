/** WAHA's event names are this system's vocabulary; another engine's adapter maps into them (contract: payload shapes too). */

/** Names are passed through when they fit this; anything else is refused with 400. */
const EVENT_NAME = /^[a-z0-9._]{1,64}$/;

export const SESSION_STATUS_EVENT = 'session.status';
export const MESSAGE_ACK_EVENT = 'message.ack';
/** Sent by `POST /webhooks/:id/test` to that one webhook. */
export const TEST_EVENT = 'test';
/** An event of the user's: the system switched one of his webhooks off. */
export const WEBHOOK_DISABLED_EVENT = 'webhook.disabled';

export function isEventName(name: string): boolean {
	return EVENT_NAME.test(name);
}

/** True for what can name events: `*`, a name, or the beginning of some and `.*`. */
export function isEventPattern(text: string): boolean {
	return text === '*' || isEventName(text.replace(/\.\*$/, ''));
}

/** A session's status in WAHA's words, as `session.status` carries it. Unknown words mean "not ready". */
export type SessionStatus =
	'STOPPED' | 'STARTING' | 'SCAN_QR_CODE' | 'PASSKEY_REQUIRED' | 'PASSKEY_CONFIRMATION_REQUIRED' | 'WORKING' | 'FAILED';
