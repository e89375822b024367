/** How a client is told that its socket ends, and whether coming back makes sense. */
export interface CloseReason {
	/** 4000–4999 are this service's own; the others are RFC 6455's. */
	readonly code: number;
	/** At most 123 bytes. */
	readonly reason: string;
}

/** Codes and wording of 4000, 4001 and 4003 are the contract's: clients compare them. */
export const CLOSE = {
	/** The token could not be checked; come back later. */
	authenticationFailed: {code: 4000, reason: 'Authentication failed'},
	missingToken: {code: 4001, reason: 'Missing token'},
	/** Also for a token that was revoked or expired, and a user who was disabled, while the socket was open. */
	invalidToken: {code: 4003, reason: 'Invalid token'},
	/** The token is valid, but not for reading. */
	lacksScope: {code: 4003, reason: 'Token lacks the scope read'},
	/** Come back with `?since=`: nothing is lost. */
	tooSlow: {code: 4008, reason: 'Too slow'},
	tooManySockets: {code: 4029, reason: 'Too many sockets'},
	/** This process ends; come back at once. */
	restart: {code: 1012, reason: 'Service restart'},
	/** The fan-out is away; come back later. */
	unavailable: {code: 1013, reason: 'Try again later'},
} as const satisfies Record<string, CloseReason>;
