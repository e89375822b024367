/** Remembers event ids for a while (24 h, bounded) to drop upstream repeats early. Best effort: consumers are idempotent anyway. */
export interface RecentIds {
	/** False also when it cannot be told. */
	has(id: string): Promise<boolean>;
	/** To be called after the event is safe, never before. */
	note(id: string): void;
}
