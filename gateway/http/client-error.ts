import type {ServerResponse} from 'node:http';
import type {Duplex} from 'node:stream';
import {ValidationError, type DomainError} from '../../domain/errors.ts';
import {HeadersTooLargeError, PayloadTooLargeError, RequestTimeoutError} from './http-errors.ts';
import {rawErrorAnswer} from './raw-error.ts';

/**
 * Answers what never became a request (unreadable, too large, too slow) in the shape of every error, then ends the connection.
 * @param response the one that the connection waits for; where it has begun, nothing can be said any more
 */
export function answerClientError(
	error: Error & {readonly code?: string},
	{stream, response, publicUrl}: {stream: Duplex; response: ServerResponse | undefined; publicUrl: string},
): void {
	const begun = response !== undefined && response.headersSent && !response.writableFinished;
	if (error.code === 'ECONNRESET' || !stream.writable || begun) {
		stream.destroy();
		return;
	}
	stream.end(rawErrorAnswer(toDomainError(error), publicUrl), () => stream.destroy());
}

function toDomainError(error: Error & {readonly code?: string}): DomainError {
	switch (error.code) {
		case 'HPE_HEADER_OVERFLOW':
			return new HeadersTooLargeError({cause: error});
		case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
			return new PayloadTooLargeError({cause: error});
		case 'ERR_HTTP_REQUEST_TIMEOUT':
			return new RequestTimeoutError({cause: error});
		default:
			return new ValidationError('The request is not valid HTTP/1.1', {cause: error});
	}
}
