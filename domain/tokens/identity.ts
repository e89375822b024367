import type {Grants} from './grants.ts';
import type {User} from './token.ts';

/** Who is calling, by which credentials. */
export interface Identity {
	readonly user: User;
	/** Null for somebody who signed in (by a JWT). */
	readonly tokenId: string | null;
	/** What rate limits count by: the token, else the user. */
	readonly callerId: string;
	readonly grants: Grants;
	/** When these credentials end; null = not by themselves. */
	readonly expiresAt: Date | null;
}
