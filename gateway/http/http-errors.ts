import {DomainError} from '../../domain/errors.ts';

/** No route has this method and path. The wording is the contract's. */
export class RouteNotFoundError extends DomainError {
	readonly code = 'ROUTE_NOT_FOUND';

	constructor(method: string, path: string) {
		super(`Cannot ${method} ${path}`);
	}
}

/** The body is over the route's limit. The wording is the contract's. */
export class PayloadTooLargeError extends DomainError {
	readonly code = 'PAYLOAD_TOO_LARGE';

	constructor(options?: ErrorOptions) {
		super('request entity too large', options);
	}
}

/** The request line and headers are over the server's limit. */
export class HeadersTooLargeError extends DomainError {
	readonly code = 'HEADERS_TOO_LARGE';

	constructor(options?: ErrorOptions) {
		super('The headers are too large: at most 200, and 16 KB together', options);
	}
}

/** The request did not arrive within the server's time. */
export class RequestTimeoutError extends DomainError {
	readonly code = 'REQUEST_TIMEOUT';
	override readonly retryable = true;

	constructor(options?: ErrorOptions) {
		super('The request did not arrive in time', options);
	}
}

/** The body has a type, charset or encoding that nobody here reads. */
export class UnsupportedMediaTypeError extends DomainError {
	readonly code = 'UNSUPPORTED_MEDIA_TYPE';
}

/** The caller's budget for this route is used up. The wording is the contract's. */
export class RateLimitedError extends DomainError {
	readonly code = 'RATE_LIMITED';
	override readonly retryable = true;
	override readonly retryAfterMs: number;

	/** @param retryAfterMs until the window ends */
	constructor(retryAfterMs: number) {
		super('ThrottlerException: Too Many Requests');
		this.retryAfterMs = retryAfterMs;
	}
}

/** Others send so much at once that this request cannot be read; its sender did nothing wrong. */
export class OverloadedError extends DomainError {
	readonly code = 'OVERLOADED';
	override readonly retryable = true;
	override readonly retryAfterMs = 5000;

	constructor() {
		super('Too many large requests are being received: try again');
	}
}
