import type {IncomingMessage} from 'node:http';

const MAX_AGENT_LENGTH = 200;

/** Where a client comes from, for its user to recognise it by. */
export interface ClientOrigin {
	/** Its IP address. */
	readonly address: string | null;
	/** Its `User-Agent`. */
	readonly agent: string | null;
}

/** @param trustProxy how many proxies, one behind the other, may name the client's address */
export function originOf({socket, headers}: IncomingMessage, trustProxy: number): ClientOrigin {
	const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
	// The nearest first: each proxy appends the address that it was reached from.
	const hops = [socket.remoteAddress ?? '', ...forwarded.map((hop) => hop.trim()).reverse()].filter(Boolean);
	return {
		address: hops[Math.min(trustProxy, hops.length - 1)] ?? null,
		agent: headers['user-agent']?.slice(0, MAX_AGENT_LENGTH) ?? null,
	};
}
