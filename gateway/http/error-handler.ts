import type {ErrorRequestHandler, Request, Response} from 'express';
import {DomainError, RangeNotSatisfiableError, ValidationError} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {toErrorBody} from './error-body.ts';
import {ERROR_CATALOGUE} from './error-catalogue.ts';
import {PayloadTooLargeError, UnsupportedMediaTypeError} from './http-errors.ts';
import {requestIdOf} from './request-id.ts';
import {sendJson} from './send-json.ts';

/** The last handler: every failure becomes one shape, and nothing internal leaves. */
export function errorHandler({log, publicUrl}: {log: Logger; publicUrl: string}): ErrorRequestHandler {
	// Express tells an error handler by its four parameters.
	return (thrown: unknown, request: Request, response: Response, _next: unknown) => {
		const id = requestIdOf(request, response);
		const failure = toDomainError(thrown);
		report(log, thrown, failure, {requestId: id, method: request.method, path: request.path});
		if (response.headersSent || response.destroyed) {
			response.destroy();
			return;
		}
		if (failure?.retryAfterMs !== undefined) {
			response.setHeader('Retry-After', String(Math.ceil(failure.retryAfterMs / 1000)));
		}
		if (failure instanceof RangeNotSatisfiableError) {
			response.setHeader('Content-Range', `bytes */${failure.sizeBytes}`);
		}
		const body = toErrorBody(failure, {requestId: id, publicUrl});
		sendJson(response, body.statusCode, body);
	};
}

/** A fault of ours or of what we depend on is worth a line; what a caller did wrong, or must wait for, is not. */
function report(log: Logger, thrown: unknown, failure: DomainError | undefined, fields: object): void {
	if (failure === undefined) {
		log.error({...fields, error: thrown}, 'http.failed');
	} else if (ERROR_CATALOGUE[failure.code].status >= 500 && failure.cause !== undefined) {
		log.warn({...fields, code: failure.code, error: failure}, 'http.unavailable');
	} else {
		log.debug({...fields, code: failure.code}, 'http.refused');
	}
}

/** Undefined for what nobody foresaw, and for what concerns only us. */
function toDomainError(thrown: unknown): DomainError | undefined {
	const failure = thrown instanceof DomainError ? thrown : fromLibrary(thrown);
	return failure !== undefined && ERROR_CATALOGUE[failure.code].status !== 500 ? failure : undefined;
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
