import type {IncomingHttpHeaders, IncomingMessage, ServerResponse} from 'node:http';
import {text} from 'node:stream/consumers';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import type {FakeFiles} from './fake-waha-files.ts';
import type {FakeEngine} from './fake-waha-content.ts';
import type {FakeSessionConfig, FakeWahaSession} from './fake-waha-session.ts';

/** A request that the fake got. */
export interface FakeRequest {
	readonly method: string;
	/** Without the query, still encoded. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	/** `{}` when there was none. */
	readonly body: Readonly<Record<string, unknown>>;
}

/** An object goes out as JSON, bytes as what they are (default a picture); without a body nothing goes out. */
export interface FakeAnswer {
	readonly status: number;
	readonly body?: object;
	readonly contentType?: string;
}

/** What the routes work on. */
export interface FakeWorld {
	readonly engine: FakeEngine;
	readonly startedAtMs: number;
	readonly ackMs: number;
	readonly sessions: Map<string, FakeWahaSession>;
	readonly files: FakeFiles;
	create(name: string, config: FakeSessionConfig | null): FakeWahaSession;
}

export interface FakeRoute {
	readonly method: string;
	readonly path: RegExp;
	/** @param segments the groups of the path, decoded */
	readonly handle: (
		world: FakeWorld,
		request: FakeRequest,
		...segments: readonly string[]
	) => FakeAnswer | Promise<FakeAnswer>;
}

/** What becomes WAHA's 500: it checks little before it works with what it got. */
export class FakeException extends Error {}

export function ok(body: object): FakeAnswer {
	return {status: 200, body};
}

export function created(body: object): FakeAnswer {
	return {status: 201, body};
}

export function refusal(statusCode: number, message: string | readonly string[], error: string): FakeAnswer {
	return {status: statusCode, body: {statusCode, message, error}};
}

export function notFound(what = 'Session'): FakeAnswer {
	return refusal(404, `${what} not found`, 'Not Found');
}

export function unprocessable(message: string): FakeAnswer {
	return refusal(422, message, 'Unprocessable Entity');
}

export function notImplemented(engine: FakeEngine): FakeAnswer {
	return refusal(501, `The method is not implemented by '${engine}' engine`, 'Not Implemented');
}

/** Calls that work through a session wait for its status; their refusals have a shape of their own. */
export async function withStatus(
	world: FakeWorld,
	name: string,
	expected: SessionStatus,
	handle: (session: FakeWahaSession) => FakeAnswer | Promise<FakeAnswer>,
): Promise<FakeAnswer> {
	const session = world.sessions.get(name);
	if (session === undefined) {
		return {status: 422, body: {error: `Session "${name}" does not exist`, session: name}};
	}
	if (await session.waitFor(expected)) {
		return handle(session);
	}
	const error = 'Session status is not as expected. Try again later or restart the session';
	return {status: 422, body: {error, session: name, status: session.status, expected: [expected]}};
}

/** @throws {SyntaxError} a body that is no JSON */
export async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
	const {pathname, searchParams} = new URL(incoming.url ?? '/', 'http://localhost');
	const body = await text(incoming);
	return {
		method: incoming.method ?? '',
		path: pathname,
		query: searchParams,
		headers: incoming.headers,
		body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
	};
}

export function write(response: ServerResponse, {status, body, contentType = 'image/png'}: FakeAnswer): void {
	if (body === undefined) {
		response.writeHead(status).end();
	} else if (Buffer.isBuffer(body)) {
		response.writeHead(status, {'content-type': contentType, 'content-length': body.length}).end(body);
	} else {
		response.writeHead(status, {'content-type': 'application/json; charset=utf-8'}).end(JSON.stringify(body));
	}
}
