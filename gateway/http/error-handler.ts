import {STATUS_CODES} from 'node:http';
import type {ErrorRequestHandler, Request, Response} from 'express';
import {DomainError, ValidationError, type ErrorCode} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {PayloadTooLargeError, UnsupportedMediaTypeError} from './http-errors.ts';
import {requestIdOf} from './request-id.ts';

/** The HTTP status of each cause. A new code without a status does not compile. */
export const STATUS_BY_CODE = {
	VALIDATION_FAILED: 400,
	UNAUTHENTICATED: 401,
	FORBIDDEN: 403,
	NOT_FOUND: 404,
	ROUTE_NOT_FOUND: 404,
	CONFLICT: 409,
	PAYLOAD_TOO_LARGE: 413,
	UNSUPPORTED_MEDIA_TYPE: 415,
	RATE_LIMITED: 429,
	INTERNAL: 500,
	BROKER_UNAVAILABLE: 503,
	STORE_UNAVAILABLE: 503,
	FANOUT_UNAVAILABLE: 503,
	MESSAGE_MALFORMED: 500,
	NO_WORKER_AVAILABLE: 503,
	ENGINE_UNAVAILABLE: 503,
	ENGINE_TIMEOUT: 504,
	ENGINE_REFUSED: 502,
	SESSION_NOT_FOUND: 503,
	SESSION_NOT_CONNECTED: 409,
	SESSION_STARTING: 503,
	QR_NOT_READY: 503,
	ACCOUNT_RESTRICTED: 422,
	RECIPIENT_INVALID: 422,
	RECIPIENT_NOT_ON_WHATSAPP: 422,
	RECIPIENT_BLOCKED: 422,
	CONTENT_INVALID: 422,
	NOT_SUPPORTED: 501,
	OUTCOME_UNKNOWN: 504,
} as const satisfies Record<ErrorCode, number>;

/** The body of every error, of whatever kind. */
export interface ErrorBody {
	readonly message: string | readonly string[];
	/** The status in words. */
	readonly error: string;
	readonly statusCode: number;
	readonly code: ErrorCode;
	readonly requestId: string;
}

/** The last handler: every failure becomes one shape, and nothing internal leaves. */
export function errorHandler({log}: {log: Logger}): ErrorRequestHandler {
	// Express tells an error handler by its four parameters.
	return (thrown: unknown, request: Request, response: Response, _next: unknown) => {
		const id = requestIdOf(request, response);
		const failure = toDomainError(thrown);
		report(log, thrown, failure, {requestId: id, method: request.method, path: request.path});
		if (response.headersSent) {
			response.destroy();
			return;
		}
		if (failure?.retryAfterMs !== undefined) {
			response.setHeader('Retry-After', String(Math.ceil(failure.retryAfterMs / 1000)));
		}
		const body = toBody(failure, id);
		response.status(body.statusCode).json(body);
	};
}

/** A fault of ours or of what we depend on is worth a line; what a caller did wrong, or must wait for, is not. */
function report(log: Logger, thrown: unknown, failure: DomainError | undefined, fields: object): void {
	if (failure === undefined) {
		log.error({...fields, error: thrown}, 'http.failed');
	} else if (STATUS_BY_CODE[failure.code] >= 500 && failure.cause !== undefined) {
		log.warn({...fields, code: failure.code, error: failure}, 'http.unavailable');
	} else {
		log.debug({...fields, code: failure.code}, 'http.refused');
	}
}

function toBody(failure: DomainError | undefined, id: string): ErrorBody {
	const code = failure?.code ?? 'INTERNAL';
	const statusCode = STATUS_BY_CODE[code];
	return {message: messageOf(failure), error: STATUS_CODES[statusCode] ?? 'Error', statusCode, code, requestId: id};
}

function messageOf(failure: DomainError | undefined): string | readonly string[] {
	if (failure === undefined) {
		return 'Internal server error';
	}
	return failure instanceof ValidationError ? failure.messages : failure.message;
}

/** Undefined for what nobody foresaw, and for what concerns only us. */
function toDomainError(thrown: unknown): DomainError | undefined {
	const failure = thrown instanceof DomainError ? thrown : fromLibrary(thrown);
	return failure !== undefined && STATUS_BY_CODE[failure.code] !== 500 ? failure : undefined;
}

/** What express and its body parsers throw about a request carries a 4xx status and a message about the request only. */
function fromLibrary(thrown: unknown): DomainError | undefined {
	if (!(thrown instanceof Error) || !('status' in thrown) || typeof thrown.status !== 'number') {
		return undefined;
	}
	if (thrown.status === 413) {
		return new PayloadTooLargeError({cause: thrown});
	}
	if (thrown.status === 415) {
		return new UnsupportedMediaTypeError(thrown.message, {cause: thrown});
	}
	return thrown.status >= 400 && thrown.status < 500 ? new ValidationError(thrown.message, {cause: thrown}) : undefined;
}
