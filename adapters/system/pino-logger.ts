import {AsyncLocalStorage} from 'node:async_hooks';
import {destination as openDestination, pino, stdTimeFunctions, type Logger as Pino} from 'pino';
import type {ScopedLogger} from '../../domain/ports/logger.ts';
import {toLogFields} from './log-fields.ts';
import {toReadableLine} from './readable-line.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface PinoLoggerOptions {
	/** Lines below this are not written. */
	readonly level: LogLevel;
	/** One readable line per event instead of JSON: for terminals. */
	readonly pretty: boolean;
	/** Where lines go, each with its line break; default stdout. */
	readonly destination?: {write(line: string): void};
}

/** Lines are written together when they are this much … */
const BUFFERED_BYTES = 4096;
/** … or this old: a write for every line takes a busy process more time than the line itself (a sixth of all it does, measured). */
const BUFFERED_MS = 20;

/**
 * JSON lines on stdout: `level`, `time` (ISO 8601), `msg` (the event's name) and the fields, with secrets and message text
 * taken out (see `toLogFields`).
 */
export class PinoLogger implements ScopedLogger {
	readonly #pino: Pino;
	readonly #scope = new AsyncLocalStorage<object>();

	constructor({level, pretty, destination}: PinoLoggerOptions) {
		const target = destination ?? openStdout();
		this.#pino = pino(
			{
				level,
				base: null,
				timestamp: stdTimeFunctions.isoTime,
				formatters: {level: (label) => ({level: label})},
			},
			pretty
				? {
						write: (line: string) => {
							target.write(toReadableLine(line));
						},
					}
				: target,
		);
	}

	debug(fields: object, event: string): void {
		this.#write('debug', fields, event);
	}

	info(fields: object, event: string): void {
		this.#write('info', fields, event);
	}

	warn(fields: object, event: string): void {
		this.#write('warn', fields, event);
	}

	error(fields: object, event: string): void {
		this.#write('error', fields, event);
	}

	within<T>(fields: object, work: () => T): T {
		return this.#scope.run({...this.#scope.getStore(), ...fields}, work);
	}

	#write(level: 'debug' | 'info' | 'warn' | 'error', fields: object, event: string): void {
		if (this.#pino.isLevelEnabled(level)) {
			this.#pino[level](toLogFields({...this.#scope.getStore(), ...fields}, level === 'error'), event);
		}
	}
}

/** Not synchronous: a slow reader of stdout must not stop the process. Flushed when the process exits. */
function openStdout(): {write(line: string): void} {
	const stdout = openDestination({dest: 1, sync: false, minLength: BUFFERED_BYTES});
	let timer: NodeJS.Timeout | undefined;
	return {
		write(line) {
			stdout.write(line);
			timer ??= setTimeout(() => {
				timer = undefined;
				stdout.flush();
			}, BUFFERED_MS).unref();
		},
	};
}
