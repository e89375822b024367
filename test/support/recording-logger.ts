import {AsyncLocalStorage} from 'node:async_hooks';
import type {ScopedLogger} from '../../domain/ports/logger.ts';

interface LogEntry {
	readonly level: 'debug' | 'info' | 'warn' | 'error';
	readonly fields: Readonly<Record<string, unknown>>;
	readonly event: string;
}

/** Keeps what is logged, for tests to look at. */
export class RecordingLogger implements ScopedLogger {
	readonly entries: LogEntry[] = [];
	readonly #scope = new AsyncLocalStorage<object>();

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

	within<T>(fields: object, work: () => T): T {
		return this.#scope.run({...this.#scope.getStore(), ...fields}, work);
	}

	/** The entries of one event. */
	of(event: string): readonly LogEntry[] {
		return this.entries.filter((entry) => entry.event === event);
	}

	#keep(level: LogEntry['level'], fields: object, event: string): void {
		this.entries.push({level, fields: {...this.#scope.getStore(), ...fields}, event});
	}
}
