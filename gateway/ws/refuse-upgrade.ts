import {randomUUID} from 'node:crypto';
import {STATUS_CODES} from 'node:http';
import type {Duplex} from 'node:stream';
import type {DomainError} from '../../domain/errors.ts';
import {STATUS_BY_CODE, type ErrorBody} from '../http/error-handler.ts';

/** Answers a request for an upgrade as any other request that fails, then ends the connection. */
export function refuseUpgrade(stream: Duplex, {code, message}: DomainError): void {
	const statusCode = STATUS_BY_CODE[code];
	const error = STATUS_CODES[statusCode] ?? 'Error';
	const answer: ErrorBody = {message, error, statusCode, code, requestId: randomUUID()};
	const body = JSON.stringify(answer);
	const head = [
		`HTTP/1.1 ${statusCode} ${error}`,
		'Content-Type: application/json; charset=utf-8',
		`Content-Length: ${Buffer.byteLength(body)}`,
		'Connection: close',
	];
	// The client may be gone already, which concerns nobody.
	stream.on('error', () => stream.destroy());
	stream.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => stream.destroy());
}
