import type {IncomingMessage} from 'node:http';

export interface StreamHandshake {
	readonly kind: 'stream';
	readonly token: string | undefined;
	/** The last event that the client has. */
	readonly since: string | undefined;
}

/** What a request for an upgrade wants. */
export type Handshake =
	StreamHandshake | {readonly kind: 'socket.io'} | {readonly kind: 'unknown-path'; readonly path: string};

const PATHS: ReadonlySet<string> = new Set(['/api/ws', '/ws']);

/** The scheme's name has no case (RFC 9110 §11.1). */
const BEARER = /^Bearer +(\S+)$/i;

/** Reads `?token=`, `?since=`, `?EIO=` and the Authorization header. The token may be URL-encoded or raw. */
export function readHandshake({url = '/', headers}: IncomingMessage): Handshake {
	const queryAt = url.indexOf('?');
	const path = queryAt === -1 ? url : url.slice(0, queryAt);
	if (!PATHS.has(path.replace(/\/$/, ''))) {
		return {kind: 'unknown-path', path};
	}
	const query = new URLSearchParams(queryAt === -1 ? '' : url.slice(queryAt));
	if (query.has('EIO')) {
		return {kind: 'socket.io'};
	}
	const token = query.get('token') ?? '';
	return {
		kind: 'stream',
		token: token === '' ? BEARER.exec(headers.authorization ?? '')?.[1] : token,
		since: query.get('since') || undefined,
	};
}
