import {closeSync, openSync} from 'node:fs';
import {dirname} from 'node:path';
import {DatabaseSync, type StatementSync} from 'node:sqlite';
import {setImmediate} from 'node:timers/promises';
import {SetupError, StoreUnavailableError} from '../../domain/errors.ts';
import {syncFolder} from '../folder/sync-folder.ts';
import {WriteAheadLog, type Sync} from './write-ahead-log.ts';

/** Pieces of work in one transaction at most, so that a flood of them leaves the event loop room to breathe. */
const MAX_BATCH = 1000;

/** It holds what people wrote. SQLite gives the files that it puts beside it the same mode. */
const OWNER_ONLY = 0o600;

/** A write-ahead log that a large transaction made longer than this is cut back. */
const MAX_WAL_BYTES = 64 * 1024 * 1024;

const IN_MEMORY = ':memory:';

interface Work {
	readonly run: () => unknown;
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: unknown) => void;
}

export interface SqliteDatabaseOptions {
	/** The file, which only this user may read when it is created here; or `:memory:`. */
	readonly path: string;
	/** SQL scripts in order, ever growing; `user_version` counts how many have run. */
	readonly migrations: readonly string[];
	/** Default: the operating system's. */
	readonly sync?: Sync | undefined;
}

/**
 * One SQLite file, opened for this process alone. What a resolved write says survives power loss: transactions are committed to the
 * write-ahead log without waiting for the disk (`synchronous=NORMAL`), and told only after that log has been synced, in another thread.
 * Writes of many callers share one transaction and one sync: those that come during a sync make up the next transaction.
 * Reads see what is committed, which a power loss may still take back.
 */
export class SqliteDatabase implements AsyncDisposable {
	readonly #db: DatabaseSync;
	readonly #log: WriteAheadLog | undefined;
	readonly #statements = new Map<string, StatementSync>();
	#pending: Work[] = [];
	/** Resolves when nothing is pending any more; undefined when nothing is. */
	#working: Promise<void> | undefined;

	/** @throws {SetupError} the file cannot be opened, belongs to a newer version or is in use by another process */
	constructor({path, migrations, sync}: SqliteDatabaseOptions) {
		try {
			this.#db = open(path);
		} catch (error) {
			throw toSetupError(path, error);
		}
		try {
			this.#migrate(path, migrations);
			if (path !== IN_MEMORY) {
				syncFolder(dirname(path));
				this.#log = new WriteAheadLog({path: `${path}-wal`, db: this.#db, sync});
			}
		} catch (error) {
			this.#db.close();
			throw toSetupError(path, error);
		}
	}

	/**
	 * Runs `work` in the next transaction, in the order of the calls. Resolves when it is on disk, in the same order; rejects when `work`
	 * throws (its own changes are then undone).
	 * @throws {StoreUnavailableError} the commit failed, or the disk did not take what was committed: then the changes may be there or not
	 */
	write<T>(work: () => T): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.#pending.push({run: work, resolve: resolve as (value: unknown) => void, reject});
			this.#working ??= this.#work();
		});
	}

	/** A prepared statement, kept for the next time. For reads anywhere, for writes only inside `write`. */
	prepare(sql: string): StatementSync {
		let statement = this.#statements.get(sql);
		if (statement === undefined) {
			statement = this.#db.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	/** Finishes what is pending, then closes. */
	async [Symbol.asyncDispose](): Promise<void> {
		while (this.#working !== undefined) await this.#working;
		if (this.#db.isOpen) {
			this.#db.close();
			this.#log?.[Symbol.dispose]();
		}
	}

	#migrate(path: string, migrations: readonly string[]): void {
		this.#db.exec('BEGIN IMMEDIATE');
		const row = this.#db.prepare('PRAGMA user_version').get();
		const version = Number(row?.['user_version'] ?? 0);
		if (version > migrations.length) {
			throw new SetupError(`${path} was written by a newer version: update, or set another DATA_DIR`);
		}
		for (const script of migrations.slice(version)) {
			this.#db.exec(script);
		}
		this.#db.exec(`PRAGMA user_version=${migrations.length}; COMMIT`);
	}

	async #work(): Promise<void> {
		while (this.#pending.length > 0) {
			// Others of this turn join in.
			await setImmediate();
			const batch = this.#pending.splice(0, MAX_BATCH);
			try {
				const settle = this.#commit(batch);
				await this.#log?.makeDurable();
				for (const call of settle) call();
			} catch (error) {
				const failure = new StoreUnavailableError('the database file could not be written', {cause: error});
				for (const {reject} of batch) reject(failure);
			}
		}
		this.#working = undefined;
	}

	/** @returns what tells the callers, for when it is durable */
	#commit(batch: readonly Work[]): readonly (() => void)[] {
		try {
			this.#db.exec('BEGIN IMMEDIATE');
			const settle = batch.map((work) => this.#runWork(work));
			this.#db.exec('COMMIT');
			return settle;
		} catch (error) {
			if (this.#db.isOpen && this.#db.isTransaction) {
				this.#db.exec('ROLLBACK');
			}
			throw error;
		}
	}

	/** Runs one caller's work inside the open transaction; a failure takes back only its own changes. */
	#runWork({run, resolve, reject}: Work): () => void {
		this.prepare('SAVEPOINT work').run();
		try {
			const value = run();
			this.prepare('RELEASE work').run();
			return () => {
				resolve(value);
			};
		} catch (error) {
			// A full disk, for one, ends the whole transaction: nobody's changes are left.
			if (!this.#db.isTransaction) throw error;
			this.#db.exec('ROLLBACK TO work; RELEASE work');
			return () => {
				reject(error);
			};
		}
	}
}

function open(path: string): DatabaseSync {
	if (path !== IN_MEMORY) createPrivate(path);
	const db = new DatabaseSync(path, {timeout: 0});
	try {
		db.exec(`
			PRAGMA locking_mode=EXCLUSIVE;
			PRAGMA journal_mode=WAL;
			PRAGMA synchronous=NORMAL;
			PRAGMA foreign_keys=ON;
			PRAGMA journal_size_limit=${MAX_WAL_BYTES};
		`);
	} catch (error) {
		db.close();
		throw error;
	}
	return db;
}

/** Does nothing where there is one: whoever closes a file that this process has open already gives up SQLite's locks on it. */
function createPrivate(path: string): void {
	try {
		closeSync(openSync(path, 'wx', OWNER_ONLY));
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
	}
}

function toSetupError(path: string, error: unknown): SetupError {
	if (error instanceof SetupError) {
		return error;
	}
	if (isLocked(error)) {
		return new SetupError(`${path} is in use by another process: stop that one, or set another DATA_DIR`, {
			cause: error,
		});
	}
	const reason = error instanceof Error ? error.message : String(error);
	return new SetupError(`${path} cannot be opened (${reason}): set DATA_DIR to a folder that this user may write to`, {
		cause: error,
	});
}

/** SQLITE_BUSY or SQLITE_LOCKED, with whatever detail (https://www.sqlite.org/rescode.html). */
function isLocked(error: unknown): boolean {
	const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
	return code === 5 || code === 6;
}
