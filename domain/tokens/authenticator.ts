import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import {UnauthenticatedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {TokenStore} from '../ports/token-store.ts';
import type {UserStore} from '../ports/user-store.ts';
import {EVERYTHING} from './grants.ts';
import {IdentityCache} from './identity-cache.ts';
import type {Identity} from './identity.ts';
import type {SignIn} from './sign-in.ts';
import {hashToken, TOKEN_PATTERN, TOKEN_PREFIX, type ApiToken, type User} from './token.ts';

/** Uses of a token are noted at most this often. */
const TOUCH_INTERVAL_MS = 60_000;
const MAX_TOUCHES = 100_000;

/** What is enough to know a caller again. */
export type Recallable = Pick<Identity, 'tokenId' | 'callerId' | 'expiresAt'> & {readonly user: Pick<User, 'id'>};

/** Tells who a token belongs to. It has to follow the control bus, which makes revocation work at once. */
export class Authenticator implements ChangeListener {
	readonly #tokens: TokenStore;
	readonly #users: UserStore;
	readonly #signIn: SignIn | undefined;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #identities: IdentityCache;
	/** The last use that this process knows of, by token. */
	readonly #touchedAtMs = new Map<string, number>();

	/** @param signIn takes JWTs; absent = API tokens only */
	constructor(options: {tokens: TokenStore; users: UserStore; signIn?: SignIn | undefined; clock: Clock; log: Logger}) {
		this.#tokens = options.tokens;
		this.#users = options.users;
		this.#signIn = options.signIn;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#identities = new IdentityCache({clock: options.clock});
	}

	/**
	 * @param credentials an API token or a JWT
	 * @param fresh asks the store, whatever is remembered
	 * @throws {UnauthenticatedError} with the contract's wording
	 * @throws {StoreUnavailableError} @throws {SignInUnavailableError}
	 */
	async authenticate(credentials: string, {fresh = false} = {}): Promise<Identity> {
		const key = hashToken(credentials);
		if (fresh) {
			this.#identities.forget(key);
		}
		const identity = await this.#identities.get(key, () => this.#identify(credentials, key));
		if (identity.tokenId !== null) {
			this.#touch(identity.tokenId);
		}
		return identity;
	}

	/**
	 * Who it is now, by the store, that authenticated before; when a JWT ends is the caller's to watch.
	 * @throws {UnauthenticatedError} the token was revoked or has expired, or the user is disabled @throws {StoreUnavailableError}
	 */
	async recall({user, tokenId, callerId, expiresAt}: Recallable): Promise<Identity> {
		if (tokenId !== null) {
			return this.#ownerOf(await this.#tokens.find(tokenId));
		}
		const current = await this.#users.find(user.id);
		if (current === undefined || current.disabled) {
			throw new UnauthenticatedError('This user is disabled: ask the administrator of this gateway');
		}
		return {user: current, tokenId, callerId, grants: EVERYTHING, expiresAt};
	}

	onChange(change: Change): void {
		this.#identities.onChange(change);
	}

	onGap(): void {
		this.#identities.onGap();
	}

	async #identify(credentials: string, hash: string): Promise<Identity> {
		if (credentials.startsWith(TOKEN_PREFIX)) {
			return this.#ownerOf(TOKEN_PATTERN.test(credentials) ? await this.#tokens.findByHash(hash) : undefined);
		}
		if (this.#signIn === undefined) {
			throw new UnauthenticatedError('Invalid token format');
		}
		return this.#signIn.authenticate(credentials);
	}

	async #ownerOf(token: ApiToken | undefined): Promise<Identity> {
		const user = token !== undefined && this.#isValid(token) ? await this.#users.find(token.userId) : undefined;
		if (token === undefined || user === undefined || user.disabled) {
			throw new UnauthenticatedError('Invalid or revoked API token');
		}
		const {id: tokenId, scopes, connectionIds, expiresAt, lastUsedAt} = token;
		this.#noteUse(tokenId, lastUsedAt?.getTime() ?? 0);
		return {user, tokenId, callerId: `token ${tokenId}`, grants: {scopes, connectionIds}, expiresAt};
	}

	#isValid({active, expiresAt}: ApiToken): boolean {
		return active && (expiresAt === null || expiresAt.getTime() > this.#clock.now());
	}

	/** In the background: a request never waits for it, nor fails with it. */
	#touch(tokenId: string): void {
		const now = this.#clock.now();
		if (now - (this.#touchedAtMs.get(tokenId) ?? 0) < TOUCH_INTERVAL_MS) {
			return;
		}
		this.#noteUse(tokenId, now);
		this.#tokens.touch(tokenId, new Date(now)).catch((error: unknown) => {
			this.#log.warn({error, tokenId}, 'token.touch.failed');
		});
	}

	#noteUse(tokenId: string, atMs: number): void {
		if (this.#touchedAtMs.size >= MAX_TOUCHES) {
			this.#touchedAtMs.clear();
		}
		this.#touchedAtMs.set(tokenId, Math.max(atMs, this.#touchedAtMs.get(tokenId) ?? 0));
	}
}
