import type {Disposition} from '../domain/broker/disposition.ts';
import {DomainError, type ErrorCode} from '../domain/errors.ts';

type Handling = 'hold-store' | 'hold-broker' | 'hold-redis' | 'retry' | 'dead-letter';

/** What a handler's failure means for its message. A new error code without a line here does not compile. */
const HANDLING_BY_CODE = {
	VALIDATION_FAILED: 'dead-letter',
	UNAUTHENTICATED: 'dead-letter',
	FORBIDDEN: 'dead-letter',
	NOT_FOUND: 'dead-letter',
	ROUTE_NOT_FOUND: 'dead-letter',
	CONFLICT: 'dead-letter',
	REQUEST_TIMEOUT: 'dead-letter',
	PAYLOAD_TOO_LARGE: 'dead-letter',
	HEADERS_TOO_LARGE: 'dead-letter',
	UNSUPPORTED_MEDIA_TYPE: 'dead-letter',
	RATE_LIMITED: 'retry',
	OVERLOADED: 'retry',
	INTERNAL: 'retry',
	BROKER_UNAVAILABLE: 'hold-broker',
	STORE_UNAVAILABLE: 'hold-store',
	SIGN_IN_UNAVAILABLE: 'retry',
	FANOUT_UNAVAILABLE: 'hold-redis',
	MESSAGE_MALFORMED: 'dead-letter',
	NO_WORKER_AVAILABLE: 'retry',
	SLOTS_EXHAUSTED: 'dead-letter',
	CONNECTION_SUSPENDED: 'dead-letter',
	BILLING_DISABLED: 'dead-letter',
	PAYMENT_FAILED: 'dead-letter',
	BILLING_UNAVAILABLE: 'retry',
	BILLING_REFUSED: 'dead-letter',
	ENGINE_UNAVAILABLE: 'retry',
	ENGINE_TIMEOUT: 'retry',
	ENGINE_REFUSED: 'dead-letter',
	SESSION_NOT_FOUND: 'retry',
	SESSION_NOT_CONNECTED: 'retry',
	SESSION_STARTING: 'retry',
	QR_NOT_READY: 'retry',
	ACCOUNT_RESTRICTED: 'dead-letter',
	RECIPIENT_INVALID: 'dead-letter',
	RECIPIENT_NOT_ON_WHATSAPP: 'dead-letter',
	RECIPIENT_BLOCKED: 'dead-letter',
	CONTENT_INVALID: 'dead-letter',
	MESSAGE_NOT_FOUND: 'dead-letter',
	MESSAGE_NOT_EDITABLE: 'dead-letter',
	MEDIA_NOT_FOUND: 'dead-letter',
	MEDIA_NOT_READY: 'retry',
	MEDIA_EXPIRED: 'dead-letter',
	MEDIA_TOO_LARGE: 'dead-letter',
	MEDIA_FETCH_FAILED: 'dead-letter',
	MEDIA_STORE_UNAVAILABLE: 'retry',
	EVENT_EXPIRED: 'dead-letter',
	RANGE_NOT_SATISFIABLE: 'dead-letter',
	NOT_SUPPORTED: 'dead-letter',
	OUTCOME_UNKNOWN: 'dead-letter',
} as const satisfies Record<ErrorCode, Handling>;

/** Waits before a failed message is handled again; after the last one it goes to the dead letters. */
const RETRY_DELAYS_MS = [1000, 2000, 5000, 10_000, 20_000, 60_000, 300_000, 300_000, 300_000, 300_000];

/**
 * What to do with a message whose handler threw.
 * @param failures how often it failed before
 */
export function dispositionOf(error: unknown, failures: number): Disposition {
	switch (error instanceof DomainError ? HANDLING_BY_CODE[error.code] : 'retry') {
		case 'hold-store':
			return {kind: 'hold', dependency: 'store'};
		case 'hold-broker':
			return {kind: 'hold', dependency: 'broker'};
		case 'hold-redis':
			return {kind: 'hold', dependency: 'redis'};
		case 'dead-letter':
			return {kind: 'dead-letter', reason: describe(error)};
		case 'retry': {
			const delayMs = RETRY_DELAYS_MS[failures];
			return delayMs === undefined
				? {kind: 'dead-letter', reason: `failed ${failures + 1} times: ${describe(error)}`}
				: {kind: 'retry', delayMs};
		}
	}
}

function describe(error: unknown): string {
	return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
