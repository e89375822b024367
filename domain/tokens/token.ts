import {createHash, randomBytes} from 'node:crypto';
import type {Scope} from './grants.ts';

/** A tenant (or an administrator). */
export interface User {
	readonly id: string;
	readonly email: string | null;
	readonly name: string | null;
	readonly isAdmin: boolean;
	readonly disabled: boolean;
	readonly createdAt: Date;
}

/** An API token; the token itself is shown once and stored only as a hash. */
export interface ApiToken {
	readonly id: string;
	readonly userId: string;
	readonly name: string;
	/** SHA-256 of the whole token, in hex. */
	readonly hash: string;
	/** The first 10 characters. */
	readonly prefix: string;
	readonly active: boolean;
	readonly lastUsedAt: Date | null;
	readonly expiresAt: Date | null;
	/** Null = everything. */
	readonly scopes: readonly Scope[] | null;
	/** Null = all of the user's. */
	readonly connectionIds: readonly string[] | null;
	readonly createdAt: Date;
}

/** Every API token starts with this. */
export const TOKEN_PREFIX = 'wh_';

/** The whole form of a token: `wh_` + 48 lower-case hex digits. */
export const TOKEN_PATTERN = /^wh_[0-9a-f]{48}$/;

/** `wh_` + 48 hex digits (24 random bytes). */
export function newToken(): string {
	return TOKEN_PREFIX + randomBytes(24).toString('hex');
}

/** What is stored of a token, and what caches know credentials by: SHA-256, in hex. */
export function hashToken(token: string): string {
	return createHash('sha256').update(token).digest('hex');
}

/** What lists show of a token. */
export function displayPrefix(token: string): string {
	return token.slice(0, 10);
}
