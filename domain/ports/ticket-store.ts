/** Keeps what is used once and soon. All processes that take tickets share one. */
export interface TicketStore {
	/** @param key of the ticket; never the ticket itself @param ttlMs after which it is as if it had never been */
	put(key: string, value: string, ttlMs: number): Promise<void>;
	/** Gives it to one caller only; undefined when it is gone, or never was. */
	take(key: string): Promise<string | undefined>;
}
