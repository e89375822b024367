import type {ServerResponse} from 'node:http';

/** Answers JSON, whatever the request says: express would make a 304 of `If-None-Match: *`, which no client of the contract knows. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
	// As bytes: a long string is flattened and encoded more slowly on its way to the socket.
	const bytes = Buffer.from(JSON.stringify(body));
	response.statusCode = status;
	response.setHeader('Content-Type', 'application/json; charset=utf-8');
	response.setHeader('Content-Length', bytes.byteLength);
	response.end(bytes);
}
