/**
 * Every failure this system can name. One class per cause; the code is the contract: `gateway/http/error-handler.ts`
 * maps codes to HTTP statuses and `dispatchers/dispositions.ts` maps them to what happens to a message.
 */

export const ERROR_CODES = [
	'VALIDATION_FAILED',
	'UNAUTHENTICATED',
	'FORBIDDEN',
	'NOT_FOUND',
	'ROUTE_NOT_FOUND',
	'CONFLICT',
	'PAYLOAD_TOO_LARGE',
	'UNSUPPORTED_MEDIA_TYPE',
	'RATE_LIMITED',
	'INTERNAL',
	'BROKER_UNAVAILABLE',
	'STORE_UNAVAILABLE',
	'FANOUT_UNAVAILABLE',
	'MESSAGE_MALFORMED',
	'NO_WORKER_AVAILABLE',
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

/** No worker has room for another session. The connection stays `pending` and is assigned as soon as one has. */
export class NoWorkerAvailableError extends DomainError {
	readonly code = 'NO_WORKER_AVAILABLE';
	override readonly retryable = true;
	override readonly retryAfterMs = 10_000;
}

/** What a failed engine call may already have done: `possible` forbids a blind repeat. */
export type SideEffect = 'none' | 'possible';

/** What an engine failure concerns: one request, one recipient, the session, the WhatsApp account or the whole worker. */
export type EngineErrorScope = 'request' | 'recipient' | 'session' | 'account' | 'worker';

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

/** A command failed in a dispatcher; code and message came back over the broker. */
export class CommandFailedError extends DomainError {
	readonly code: ErrorCode;
	override readonly retryAfterMs: number | undefined;

	constructor(code: ErrorCode, message: string, retryAfterMs?: number) {
		super(message);
		this.code = code;
		this.retryAfterMs = retryAfterMs;
	}
}

/**
 * The machine or its services are not as they must be, and only an operator can mend it: a wrong URL, a port in use, a queue with
 * other arguments. `message` is one line that says what to do; the process prints it and ends.
 */
export class SetupError extends Error {
	override readonly name = 'SetupError';
}
