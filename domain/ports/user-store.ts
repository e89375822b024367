import type {User} from '../tokens/token.ts';

export interface UserStore {
	/** Adds a user; does nothing when the id exists. */
	insert(user: User): Promise<void>;
	find(id: string): Promise<User | undefined>;
	/** True when any administrator exists. */
	hasAdmin(): Promise<boolean>;
}
