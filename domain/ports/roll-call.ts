/** What a roll call brought. */
export interface RollCallAnswers {
	/** In no order. */
	readonly answers: readonly string[];
	/** How many were asked and did not answer within a second. */
	readonly missing: number;
}

/** Asks all processes of a role the same question; each answers for itself. */
export interface RollCall extends AsyncDisposable {
	/** From now on questions are answered, this process's own too. @param answer never throws */
	attend(answer: (question: string) => string): Promise<AsyncDisposable>;
	/** Asks all that attend. @throws {FanoutUnavailableError} nobody can be asked */
	ask(question: string): Promise<RollCallAnswers>;
}
