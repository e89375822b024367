/**
 * Every failure this system can name. One class per cause; the code is the contract: `gateway/http/error-handler.ts`
 * maps codes to HTTP statuses and `dispatchers/dispositions.ts` maps them to what happens to a message.
 */

/** What programs tell errors by; part of the API: codes are added, never renamed. */
export const ERROR_CODES = [
	'VALIDATION_FAILED',
	'UNAUTHENTICATED',
	'FORBIDDEN',
	'NOT_FOUND',
	'ROUTE_NOT_FOUND',
	'CONFLICT',
	'REQUEST_TIMEOUT',
	'PAYLOAD_TOO_LARGE',
	'HEADERS_TOO_LARGE',
	'UNSUPPORTED_MEDIA_TYPE',
	'RATE_LIMITED',
	'OVERLOADED',
	'INTERNAL',
	'BROKER_UNAVAILABLE',
	'STORE_UNAVAILABLE',
	'SIGN_IN_UNAVAILABLE',
	'FANOUT_UNAVAILABLE',
	'MESSAGE_MALFORMED',
	'NO_WORKER_AVAILABLE',
	'SLOTS_EXHAUSTED',
	'CONNECTION_SUSPENDED',
	'BILLING_DISABLED',
	'PAYMENT_FAILED',
	'BILLING_UNAVAILABLE',
	'BILLING_REFUSED',
	'ENGINE_UNAVAILABLE',
	'ENGINE_TIMEOUT',
	'ENGINE_REFUSED',
	'SESSION_NOT_FOUND',
	'SESSION_NOT_CONNECTED',
	'SESSION_STARTING',
	'QR_NOT_READY',
	'ACCOUNT_RESTRICTED',
	'RECIPIENT_INVALID',
	'RECIPIENT_NOT_ON_WHATSAPP',
	'RECIPIENT_BLOCKED',
	'CONTENT_INVALID',
	'MESSAGE_NOT_FOUND',
	'MESSAGE_NOT_EDITABLE',
	'MEDIA_NOT_FOUND',
	'MEDIA_NOT_READY',
	'MEDIA_EXPIRED',
	'MEDIA_TOO_LARGE',
	'MEDIA_FETCH_FAILED',
	'MEDIA_STORE_UNAVAILABLE',
	'EVENT_EXPIRED',
	'RANGE_NOT_SATISFIABLE',
	'NOT_SUPPORTED',
	'OUTCOME_UNKNOWN',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The root of every expected failure. `message` is safe to show to a tenant and says what to do. */
export abstract class DomainError extends Error {
	abstract readonly code: ErrorCode;
	/** True when the same call may succeed later without any change. */
	readonly retryable: boolean = false;
	/** How long a caller should wait before it tries again, in milliseconds. */
	readonly retryAfterMs: number | undefined = undefined;
	/** A word for programs that says more than the code, where one code has several causes. */
	readonly reason: string | undefined = undefined;

	override get name(): string {
		return this.constructor.name;
	}
}

/** The caller's input is wrong. `messages` is an array where clients expect one (webhook routes), else one string. */
export class ValidationError extends DomainError {
	readonly code = 'VALIDATION_FAILED';
	readonly messages: string | readonly string[];

	constructor(messages: string | readonly string[], options?: ErrorOptions) {
		super(typeof messages === 'string' ? messages : messages.join('; '), options);
		this.messages = messages;
	}
}

/** No credentials, or credentials that do not verify. The message is one of contract wording (see `authenticate.ts`). */
export class UnauthenticatedError extends DomainError {
	readonly code = 'UNAUTHENTICATED';
}

/** The caller is known, but the resource is somebody else's or needs an administrator. */
export class ForbiddenError extends DomainError {
	readonly code = 'FORBIDDEN';
}

/** The named resource does not exist; also thrown for ids that cannot exist. */
export class NotFoundError extends DomainError {
	readonly code = 'NOT_FOUND';
}

/** The request contradicts an earlier one, such as an Idempotency-Key used again with another body. */
export class ConflictError extends DomainError {
	readonly code = 'CONFLICT';
}

/** The broker did not confirm within its deadline. The message may still have arrived: publish again with the same id. */
export class BrokerUnavailableError extends DomainError {
	readonly code = 'BROKER_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 30_000;

	constructor(detail: string, options?: ErrorOptions) {
		super(`The message broker is not available: ${detail}`, options);
	}
}

/** The store did not answer. Nothing is known about the write: all writes are idempotent, so repeat it. */
export class StoreUnavailableError extends DomainError {
	readonly code = 'STORE_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 5000;

	constructor(detail: string, options?: ErrorOptions) {
		super(`The store is not available: ${detail}`, options);
	}
}

/** A sign-in could not be checked: the identity provider's keys cannot be had. API tokens work on. */
export class SignInUnavailableError extends DomainError {
	readonly code = 'SIGN_IN_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 10_000;

	constructor(options?: ErrorOptions) {
		super('The keys of the identity provider are not available: try again, or use an API token', options);
	}
}

/** Open sockets could not be reached or listened for (Redis is away). Nothing is lost but time: sockets catch up from the log. */
export class FanoutUnavailableError extends DomainError {
	readonly code = 'FANOUT_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 5000;

	constructor(detail: string, options?: ErrorOptions) {
		super(`The live stream is not available: ${detail}`, options);
	}
}

/** A broker message that no version of this code can read; it goes to the dead letters with the reason. */
export class MalformedMessageError extends DomainError {
	readonly code = 'MESSAGE_MALFORMED';
}

/** Files could not be written or read (disk full, folder away). Nothing is half there: repeat it. */
export class MediaStoreUnavailableError extends DomainError {
	readonly code = 'MEDIA_STORE_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 10_000;

	constructor(detail: string, options?: ErrorOptions) {
		super(`The media store is not available: ${detail}`, options);
	}
}

/** There never was such a file, as far as anybody knows. */
export class MediaNotFoundError extends DomainError {
	readonly code = 'MEDIA_NOT_FOUND';

	constructor(message = 'Media not found', options?: ErrorOptions) {
		super(message, options);
	}
}

/** The file is not there yet: fetching it from WhatsApp failed so far, and is tried again. */
export class MediaNotReadyError extends DomainError {
	readonly code = 'MEDIA_NOT_READY';
	override readonly retryable = true;
	override readonly retryAfterMs: number;

	/** @param retryAfterMs until it is tried again */
	constructor(retryAfterMs: number) {
		super('The file could not be fetched from WhatsApp yet: it is tried again, ask in a moment');
		this.retryAfterMs = retryAfterMs;
	}
}

/** The file was there, or should have been; the message says why it is not. */
export class MediaExpiredError extends DomainError {
	readonly code = 'MEDIA_EXPIRED';
}

/** A file is larger than what the engine, WhatsApp or the operator allows; the message names the limit. */
export class MediaTooLargeError extends DomainError {
	readonly code = 'MEDIA_TOO_LARGE';
}

/** A URL that a tenant gave could not be fetched; the message says why. */
export class MediaFetchFailedError extends DomainError {
	readonly code = 'MEDIA_FETCH_FAILED';
}

/** The log does not have an event (any more), so that nothing can be made of it or go on after it. */
export class EventExpiredError extends DomainError {
	readonly code = 'EVENT_EXPIRED';
}

/** A `Range` beyond the end of the file. */
export class RangeNotSatisfiableError extends DomainError {
	readonly code = 'RANGE_NOT_SATISFIABLE';
	readonly sizeBytes: number;

	constructor(sizeBytes: number) {
		super(`The file has ${sizeBytes} bytes: ask for a range within them`);
		this.sizeBytes = sizeBytes;
	}
}

/** The engine of this connection lacks an operation; the message says what would have it. */
export class NotSupportedError extends DomainError {
	readonly code = 'NOT_SUPPORTED';
}

/** There is no QR code to show right now. `reason` tells programs which of its causes it is. */
export class QrNotReadyError extends DomainError {
	readonly code = 'QR_NOT_READY';
	override readonly retryable = true;
	override readonly retryAfterMs = 2000;
	override readonly reason: 'worker_pending' | 'session_starting' | 'session_restarting';

	constructor(reason: QrNotReadyError['reason'], message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}

/** No worker has room for another session. The connection stays `pending` and is assigned as soon as one has. */
export class NoWorkerAvailableError extends DomainError {
	readonly code = 'NO_WORKER_AVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 10_000;
}

/** The user has no slot for another connection; the message says how to get one (the contract's wording). */
export class SlotsExhaustedError extends DomainError {
	readonly code = 'SLOTS_EXHAUSTED';
}

/** The connection is stopped because its user has not enough slots. Its phone stays linked: it runs again once there is a slot. */
export class ConnectionSuspendedError extends DomainError {
	readonly code = 'CONNECTION_SUSPENDED';

	constructor(options?: ErrorOptions) {
		super(
			'This connection is suspended, because there are not enough slots: get more, or delete another connection',
			options,
		);
	}
}

/** Slots are not sold here, or by the operator himself. */
export class BillingDisabledError extends DomainError {
	readonly code = 'BILLING_DISABLED';
}

/** The charge did not go through; nothing was changed. The message says why, in the bank's words as the provider passes them on. */
export class PaymentFailedError extends DomainError {
	readonly code = 'PAYMENT_FAILED';
}

/**
 * The billing provider did not answer, or not in time. A change may have been made: all changes name what is wanted, so that a repeat
 * never pays twice.
 */
export class BillingUnavailableError extends DomainError {
	readonly code = 'BILLING_UNAVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 10_000;

	constructor(detail: string, options?: ErrorOptions) {
		super(`The billing provider is not available: ${detail}`, options);
	}
}

/** The billing provider refused a request of ours: keys, prices or its settings are not as they must be, which only the operator can mend. */
export class BillingRefusedError extends DomainError {
	readonly code = 'BILLING_REFUSED';

	constructor(options?: ErrorOptions) {
		super(
			'The billing provider refused the request: the operator has to look at its log and at the settings of billing',
			options,
		);
	}
}

/** What a failed engine call may already have done: `possible` forbids a blind repeat. */
export type SideEffect = 'none' | 'possible';

/** What an engine failure concerns: one request, one recipient, the session, the WhatsApp account or the whole worker. */
export type EngineErrorScope = 'request' | 'recipient' | 'session' | 'account' | 'worker';

/** The codes with which an engine call can fail. */
export type EngineErrorCode = Extract<
	ErrorCode,
	| 'ENGINE_UNAVAILABLE'
	| 'ENGINE_TIMEOUT'
	| 'ENGINE_REFUSED'
	| 'SESSION_NOT_FOUND'
	| 'SESSION_NOT_CONNECTED'
	| 'SESSION_STARTING'
	| 'QR_NOT_READY'
	| 'ACCOUNT_RESTRICTED'
	| 'RECIPIENT_INVALID'
	| 'RECIPIENT_NOT_ON_WHATSAPP'
	| 'RECIPIENT_BLOCKED'
	| 'CONTENT_INVALID'
	| 'MESSAGE_NOT_FOUND'
	| 'MESSAGE_NOT_EDITABLE'
	| 'MEDIA_NOT_FOUND'
	| 'MEDIA_TOO_LARGE'
	| 'NOT_SUPPORTED'
	| 'OUTCOME_UNKNOWN'
>;

interface EngineFault {
	readonly scope: EngineErrorScope;
	readonly retryable: boolean;
	readonly sideEffect: SideEffect;
}

const FAULT_BY_CODE = {
	ENGINE_UNAVAILABLE: {scope: 'worker', retryable: true, sideEffect: 'none'},
	ENGINE_TIMEOUT: {scope: 'worker', retryable: true, sideEffect: 'possible'},
	ENGINE_REFUSED: {scope: 'request', retryable: false, sideEffect: 'none'},
	SESSION_NOT_FOUND: {scope: 'session', retryable: true, sideEffect: 'none'},
	SESSION_NOT_CONNECTED: {scope: 'session', retryable: true, sideEffect: 'none'},
	SESSION_STARTING: {scope: 'session', retryable: true, sideEffect: 'none'},
	QR_NOT_READY: {scope: 'session', retryable: true, sideEffect: 'none'},
	ACCOUNT_RESTRICTED: {scope: 'account', retryable: false, sideEffect: 'none'},
	RECIPIENT_INVALID: {scope: 'recipient', retryable: false, sideEffect: 'none'},
	RECIPIENT_NOT_ON_WHATSAPP: {scope: 'recipient', retryable: false, sideEffect: 'none'},
	RECIPIENT_BLOCKED: {scope: 'recipient', retryable: false, sideEffect: 'none'},
	CONTENT_INVALID: {scope: 'request', retryable: false, sideEffect: 'none'},
	MESSAGE_NOT_FOUND: {scope: 'request', retryable: false, sideEffect: 'none'},
	MESSAGE_NOT_EDITABLE: {scope: 'request', retryable: false, sideEffect: 'none'},
	MEDIA_NOT_FOUND: {scope: 'request', retryable: false, sideEffect: 'none'},
	MEDIA_TOO_LARGE: {scope: 'request', retryable: false, sideEffect: 'none'},
	NOT_SUPPORTED: {scope: 'request', retryable: false, sideEffect: 'none'},
	OUTCOME_UNKNOWN: {scope: 'request', retryable: false, sideEffect: 'possible'},
} as const satisfies Record<EngineErrorCode, EngineFault>;

/** A WhatsApp engine refused or failed. Adapters translate; upstream bodies stay in `cause` and never reach a tenant. */
export class EngineError extends DomainError {
	readonly code: EngineErrorCode;
	override readonly retryable: boolean;
	override readonly retryAfterMs: number | undefined;
	readonly scope: EngineErrorScope;
	readonly sideEffect: SideEffect;

	constructor(code: EngineErrorCode, message: string, options: ErrorOptions & {retryAfterMs?: number} = {}) {
		super(message, options);
		const fault = FAULT_BY_CODE[code];
		this.code = code;
		this.retryable = fault.retryable;
		this.scope = fault.scope;
		this.sideEffect = fault.sideEffect;
		this.retryAfterMs = options.retryAfterMs;
	}
}

/** A command failed in a dispatcher; the failure came back over the broker, or stands in its row. */
export class CommandFailedError extends DomainError {
	readonly code: ErrorCode;
	override readonly retryable: boolean;
	override readonly retryAfterMs: number | undefined;

	constructor({
		code,
		message,
		retryAfterMs,
	}: {
		readonly code: ErrorCode;
		readonly message: string;
		readonly retryAfterMs?: number;
	}) {
		super(message);
		this.code = code;
		this.retryable =
			code in FAULT_BY_CODE ? FAULT_BY_CODE[code as EngineErrorCode].retryable : retryAfterMs !== undefined;
		this.retryAfterMs = retryAfterMs;
	}
}

/**
 * The machine or its services are not as they must be, and only an operator can mend it: a wrong URL, a port in use, a queue with
 * other arguments. `message` says what to do, and is one line whatever it quotes; the process prints it and ends.
 */
export class SetupError extends Error {
	override readonly name = 'SetupError';

	constructor(message: string, options?: ErrorOptions) {
		super(message.replaceAll(/\s+/g, ' ').trim(), options);
	}
}
