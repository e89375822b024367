import type {Entitlement, SlotHolder} from '../billing/entitlement.ts';

/** What came of asking for a slot; `changed` = the entitlement is another by now: read it again. */
export type SlotTaking = 'taken' | 'full' | 'changed';

/** Who holds a user's slots; the number is respected however many processes ask at once. @throws {StoreUnavailableError} */
export interface SlotStore {
	/**
	 * Gives a slot if fewer than `limit` are held, or if it is held already.
	 * @param entitlement as it was when `limit` was derived from it
	 */
	take(entitlement: Pick<Entitlement, 'id' | 'version'>, holder: SlotHolder, limit: number): Promise<SlotTaking>;
	/** Adds who holds none yet, whatever the limit; does nothing for a user without an entitlement. */
	add(userId: string, holders: readonly SlotHolder[]): Promise<void>;
	/** Frees their slots; does nothing for who holds none. */
	release(userId: string, connectionIds: readonly string[]): Promise<void>;
}
