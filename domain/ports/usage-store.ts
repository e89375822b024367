import type {ConnectionUsage} from '../billing/connection-usage.ts';

/** What connections were used for, and how far the log was counted. @throws {StoreUnavailableError} */
export interface UsageStore {
	/** Of these connections, as far as there is any. */
	findMany(connectionIds: readonly string[]): Promise<readonly ConnectionUsage[]>;
	/** Of all connections of a user's, deleted ones included. */
	listByUser(userId: string): Promise<readonly ConnectionUsage[]>;
	/**
	 * Stores it, unless what is stored counts up to another place of the log than `fromSeq`. True when it was stored.
	 * @param fromSeq 0 = there is none yet
	 */
	save(usage: ConnectionUsage, fromSeq: number): Promise<boolean>;
	/** Up to which place all of a user's log was counted; 0 = nothing of it. */
	countedTo(userId: string): Promise<number>;
	/** Never goes back. */
	setCountedTo(userId: string, seq: number): Promise<void>;
}
