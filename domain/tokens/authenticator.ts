import {UnauthenticatedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {TokenStore} from '../ports/token-store.ts';
import type {UserStore} from '../ports/user-store.ts';
import {hashToken, TOKEN_PATTERN, TOKEN_PREFIX, type ApiToken, type User} from './token.ts';

/** Uses of a token are noted at most this often. */
const TOUCH_INTERVAL_MS = 60_000;
const MAX_TOUCHES = 100_000;

/** Who is calling, and with which token. */
export interface Identity {
	readonly user: User;
	readonly tokenId: string;
}

/** Tells who a token belongs to. */
export class Authenticator {
	readonly #tokens: TokenStore;
	readonly #users: UserStore;
	readonly #clock: Clock;
	readonly #log: Logger;
	/** When this process last noted a use, by token. */
	readonly #touchedAtMs = new Map<string, number>();

	constructor({tokens, users, clock, log}: {tokens: TokenStore; users: UserStore; clock: Clock; log: Logger}) {
		this.#tokens = tokens;
		this.#users = users;
		this.#clock = clock;
		this.#log = log;
	}

	/** @throws {UnauthenticatedError} with the contract's wording @throws {StoreUnavailableError} */
	async authenticate(token: string): Promise<Identity> {
		if (!token.startsWith(TOKEN_PREFIX)) {
			throw new UnauthenticatedError('Invalid token format');
		}
		const stored = TOKEN_PATTERN.test(token) ? await this.#tokens.findByHash(hashToken(token)) : undefined;
		const user = stored !== undefined && this.#isValid(stored) ? await this.#users.find(stored.userId) : undefined;
		if (stored === undefined || user === undefined || user.disabled) {
			throw new UnauthenticatedError('Invalid or revoked API token');
		}
		this.#touch(stored.id, stored.lastUsedAt);
		return {user, tokenId: stored.id};
	}

	#isValid({active, expiresAt}: ApiToken): boolean {
		return active && (expiresAt === null || expiresAt.getTime() > this.#clock.now());
	}

	/** In the background: a request never waits for it, nor fails with it. */
	#touch(tokenId: string, lastUsedAt: Date | null): void {
		const now = this.#clock.now();
		const last = Math.max(this.#touchedAtMs.get(tokenId) ?? 0, lastUsedAt?.getTime() ?? 0);
		if (now - last < TOUCH_INTERVAL_MS) {
			return;
		}
		if (this.#touchedAtMs.size >= MAX_TOUCHES) {
			this.#touchedAtMs.clear();
		}
		this.#touchedAtMs.set(tokenId, now);
		this.#tokens.touch(tokenId, new Date(now)).catch((error: unknown) => {
			this.#log.warn({error, tokenId}, 'token.touch.failed');
		});
	}
}
