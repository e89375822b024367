import type {Logger} from '../../domain/ports/logger.ts';

interface LogEntry {
	readonly level: 'debug' | 'info' | 'warn' | 'error';
	readonly fields: Readonly<Record<string, unknown>>;
	readonly event: string;
}

/** Keeps what is logged, for tests to look at. */
export class RecordingLogger implements Logger {
	readonly entries: LogEntry[] = [];

	debug(fields: object, event: string): void {
		this.#keep('debug', fields, event);
	}

	info(fields: object, event: string): void {
		this.#keep('info', fields, event);
	}

	warn(fields: object, event: string): void {
		this.#keep('warn', fields, event);
	}

	error(fields: object, event: string): void {
		this.#keep('error', fields, event);
	}

	/** The entries of one event. */
	of(event: string): readonly LogEntry[] {
		return this.entries.filter((entry) => entry.event === event);
	}

	#keep(level: LogEntry['level'], fields: object, event: string): void {
		this.entries.push({level, fields: {...fields}, event});
	}
}
