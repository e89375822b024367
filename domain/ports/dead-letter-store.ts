/** A message that nobody could handle, kept with the reason. */
export interface DeadLetter {
	/** The message's own id: a repeat is one row. */
	readonly id: string;
	/** The queue it could not be handled from. */
	readonly queue: string;
	readonly reason: string;
	readonly headers: Readonly<Record<string, string | number>>;
	/** The body as text. */
	readonly body: string;
	readonly at: Date;
}

/** Dead letters, for an operator to look at. @throws {StoreUnavailableError} */
export interface DeadLetterStore {
	/** Adds a row; does nothing when the id exists. */
	insert(letter: DeadLetter): Promise<void>;
	/** Newest first. */
	list(limit: number): Promise<readonly DeadLetter[]>;
}
