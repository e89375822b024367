/** How a client is told that its stream ends, and whether coming back makes sense. */
export interface CloseReason {
	/** 4000–4999 are this service's own; the others are RFC 6455's. */
	readonly code: number;
	/** At most 123 bytes. */
	readonly reason: string;
	/** True when the client should not come back by itself; Socket.IO clients then do not. */
	readonly isFinal: boolean;
}

/** Codes and wording of 4000, 4001 and 4003 are the contract's: clients compare them. */
export const CLOSE = {
	/** The token could not be checked; come back later. */
	authenticationFailed: {code: 4000, reason: 'Authentication failed', isFinal: false},
	missingToken: {code: 4001, reason: 'Missing token', isFinal: true},
	/** Also for a token that was revoked or expired, and a user who was disabled, while the client was connected. */
	invalidToken: {code: 4003, reason: 'Invalid token', isFinal: true},
	/** The token is valid, but not for reading. */
	lacksScope: {code: 4003, reason: 'Token lacks the scope read', isFinal: true},
	/** Come back with `since`: nothing is lost. */
	tooSlow: {code: 4008, reason: 'Too slow', isFinal: false},
	/** Its user ended it by `DELETE /ws/sessions/:id`. */
	ended: {code: 4010, reason: 'Ended by its user', isFinal: true},
	tooManySockets: {code: 4029, reason: 'Too many sockets', isFinal: true},
	/** This process ends; come back at once. */
	restart: {code: 1012, reason: 'Service restart', isFinal: false},
	/** The fan-out is away; come back later. */
	unavailable: {code: 1013, reason: 'Try again later', isFinal: false},
	/** It says far too much to somebody who listens to little. */
	tooManyMessages: {code: 1008, reason: 'Too many messages', isFinal: true},
} as const satisfies Record<string, CloseReason>;
