import {closeSync, fdatasync, openSync} from 'node:fs';
import type {DatabaseSync} from 'node:sqlite';
import {promisify} from 'node:util';

/** Resolves when everything that was written to the file so far is on disk. */
export type Sync = (file: number) => Promise<void>;

interface WriteAheadLogOptions {
	/** The file, which SQLite has created and keeps until the database is closed. */
	readonly path: string;
	readonly db: DatabaseSync;
	readonly sync: Sync | undefined;
}

/**
 * The write-ahead log of a database in mode WAL with `synchronous=NORMAL`. SQLite syncs it only before it copies it into the database's
 * own file; here it is synced whenever somebody waits for it, without holding up the thread.
 */
export class WriteAheadLog implements Disposable {
	readonly #db: DatabaseSync;
	readonly #sync: Sync;
	/** SQLite's locks are on other files: to close this one gives up none. */
	readonly #file: number;
	/** What a failed sync left behind, a later one does not bring to disk, and all that follows it in the log depends on it. */
	#isBroken = false;

	constructor({path, db, sync = promisify(fdatasync)}: WriteAheadLogOptions) {
		this.#db = db;
		this.#sync = sync;
		this.#file = openSync(path, 'r+');
	}

	/** Resolves when all that is committed now survives power loss. @throws the disk failed: it may, or may not */
	async makeDurable(): Promise<void> {
		if (!this.#isBroken) {
			try {
				await this.#sync(this.#file);
				return;
			} catch {
				this.#isBroken = true;
			}
		}
		// Copies what it holds into the database's own file, which is then synced, and begins anew.
		this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
		this.#isBroken = false;
	}

	[Symbol.dispose](): void {
		closeSync(this.#file);
	}
}
