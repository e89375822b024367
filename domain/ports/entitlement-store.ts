import type {Entitlement} from '../billing/entitlement.ts';
import type {Page} from './page.ts';

/** What each user may run. @throws {StoreUnavailableError} */
export interface EntitlementStore {
	find(userId: string): Promise<Entitlement | undefined>;
	/** Of these users, as far as there are any. */
	findMany(userIds: readonly string[]): Promise<readonly Entitlement[]>;
	findByCustomer(customerId: string): Promise<Entitlement | undefined>;
	/** All of them, oldest first. */
	list(page: Page): Promise<readonly Entitlement[]>;
	/**
	 * Stores it under the next version, the holders left as they are, unless what is stored has another version by now. True when it
	 * was stored.
	 */
	save(entitlement: Entitlement): Promise<boolean>;
}
