/** Structured log lines: data in fields (with units in their names), a constant event name as message. */
export interface Logger {
	debug(fields: object, event: string): void;
	info(fields: object, event: string): void;
	warn(fields: object, event: string): void;
	error(fields: object, event: string): void;
}

/** A log that can tell what its lines belong to. */
export interface ScopedLogger extends Logger {
	/** Every line that `work` logs, however deep and however late, carries these fields beside its own. */
	within<T>(fields: object, work: () => T): T;
}
