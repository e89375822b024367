import {randomUUID} from 'node:crypto';
import type {DomainError} from '../../domain/errors.ts';
import {toErrorBody} from './error-body.ts';

/** An error as a whole HTTP/1.1 answer, after which the connection ends: for sockets that no app sees. */
export function rawErrorAnswer(failure: DomainError, publicUrl: string): string {
	const requestId = randomUUID();
	const answer = toErrorBody(failure, {requestId, publicUrl});
	const body = JSON.stringify(answer);
	const head = [
		`HTTP/1.1 ${answer.statusCode} ${answer.error}`,
		'Content-Type: application/json; charset=utf-8',
		`Content-Length: ${Buffer.byteLength(body)}`,
		`X-Request-Id: ${requestId}`,
		'Access-Control-Allow-Origin: *',
		...(failure.retryAfterMs === undefined ? [] : [`Retry-After: ${Math.ceil(failure.retryAfterMs / 1000)}`]),
		'Connection: close',
	];
	return `${head.join('\r\n')}\r\n\r\n${body}`;
}
