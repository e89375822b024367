import type {User} from '../tokens/token.ts';
import type {Page} from './page.ts';

/** Tenants and administrators. @throws {StoreUnavailableError} */
export interface UserStore {
	/** Adds a user; does nothing when the id exists. */
	insert(user: User): Promise<void>;
	find(id: string): Promise<User | undefined>;
	/** True when any administrator exists. */
	hasAdmin(): Promise<boolean>;
	/** All users, oldest first. */
	list(page: Page): Promise<readonly User[]>;
	/** Resolves to what is stored then; undefined when there is no such user. */
	setDisabled(id: string, disabled: boolean): Promise<User | undefined>;
}
