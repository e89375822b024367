/** Structured log lines: data in fields (with units in their names), a constant event name as message. */
export interface Logger {
	debug(fields: object, event: string): void;
	info(fields: object, event: string): void;
	warn(fields: object, event: string): void;
	error(fields: object, event: string): void;
}
