import type {IncomingHttpHeaders, IncomingMessage} from 'node:http';
import type {SubscriptionRequest} from './subscription.ts';

const PATHS: ReadonlySet<string> = new Set(['/api/ws', '/ws']);

/** The scheme's name has no case (RFC 9110 §11.1). */
const BEARER = /^Bearer +(\S+)$/i;

/** What a client says when it comes. */
export interface StreamHandshake {
	/** A token, a JWT or a ticket. */
	readonly credentials: string | undefined;
	/** What the client has: an event or a place in the log; empty = nothing yet, undefined = it does not say. */
	readonly since: string | undefined;
	readonly subscription: SubscriptionRequest;
}

/** Socket.IO in some version. */
export interface SocketIoRequest {
	readonly kind: 'socket.io';
	/** What `EIO=` says. */
	readonly protocol: string;
	/** It belongs to no connection yet. */
	readonly isNew: boolean;
}

/** What a request to this path wants: another path, Socket.IO, or a plain WebSocket. */
export type StreamRequest =
	{readonly kind: 'unknown-path'; readonly path: string} | SocketIoRequest | {readonly kind: 'plain'};

export function readStreamRequest({url = '/'}: Pick<IncomingMessage, 'url'>): StreamRequest {
	const {path, query} = split(url);
	if (!PATHS.has(path.replace(/\/$/, ''))) {
		return {kind: 'unknown-path', path};
	}
	const protocol = query.get('EIO');
	return protocol === null ? {kind: 'plain'} : {kind: 'socket.io', protocol, isNew: !query.has('sid')};
}

/**
 * Reads `?token=`, `?ticket=`, `?since=`, `?events=`, `?connectionId=` and the headers `Authorization` and `Last-Event-ID`. A token
 * may be URL-encoded or raw. What Socket.IO's `auth` says comes before all of it.
 */
export function readHandshake(
	{url = '/', headers}: {readonly url?: string | undefined; readonly headers: IncomingHttpHeaders},
	auth: Readonly<Record<string, unknown>> = {},
): StreamHandshake {
	const {query} = split(url);
	const said = (name: string): string | undefined => textOf(auth[name]) ?? textOf(query.get(name));
	const list = (name: string): unknown => auth[name] ?? (query.has(name) ? query.getAll(name) : undefined);
	const saysSince = Object.hasOwn(auth, 'since') || query.has('since');
	const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
	return {
		credentials: said('ticket') ?? said('token') ?? bearer,
		since: said('since') ?? textOf(headers['last-event-id']) ?? (saysSince ? '' : undefined),
		subscription: {events: list('events'), connectionId: list('connectionId')},
	};
}

function textOf(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function split(url: string): {readonly path: string; readonly query: URLSearchParams} {
	const queryAt = url.indexOf('?');
	return queryAt === -1
		? {path: url, query: new URLSearchParams()}
		: {path: url.slice(0, queryAt), query: new URLSearchParams(url.slice(queryAt))};
}
