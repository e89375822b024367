/** Which of the billing provider's events were worked off. @throws {StoreUnavailableError} */
export interface BillingEventStore {
	has(id: string): Promise<boolean>;
	/** To be called once everything that follows from the event is stored; repeatable. */
	note(id: string, at: Date): Promise<void>;
}
