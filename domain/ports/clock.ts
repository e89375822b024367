/** The only source of time. Tests replace it by one they wind by hand. */
export interface Clock {
	/** Milliseconds since the Unix epoch. */
	now(): number;
	/** Calls back once after `delayMs`; disposing the timer before that cancels it. Never keeps the process alive. */
	after(delayMs: number, callback: () => void): Disposable;
}
