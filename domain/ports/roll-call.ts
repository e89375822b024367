/** Asks all processes of a role the same question; each answers for itself. */
export interface RollCall extends AsyncDisposable {
	/** From now on questions are answered, this process's own too. @param answer never throws */
	attend(answer: (question: string) => string): Promise<AsyncDisposable>;
	/**
	 * The answers of all that attend and answered within a second, in no order.
	 * @throws {FanoutUnavailableError} nobody can be asked
	 */
	ask(question: string): Promise<readonly string[]>;
}
