import type {ApiToken} from '../tokens/token.ts';
import type {Page} from './page.ts';

/** API tokens, by their hash. @throws {StoreUnavailableError} */
export interface TokenStore {
	/** Adds a token; does nothing when its hash exists. */
	insert(token: ApiToken): Promise<void>;
	/** By the SHA-256 of the whole token; revoked ones included. */
	findByHash(hash: string): Promise<ApiToken | undefined>;
	find(id: string): Promise<ApiToken | undefined>;
	/** A user's active tokens, oldest first. */
	listActive(userId: string, page: Page): Promise<readonly ApiToken[]>;
	/** Makes it inactive for good. */
	revoke(id: string): Promise<void>;
	/** Notes a use; callers do this at most once a minute per token. */
	touch(id: string, at: Date): Promise<void>;
}
