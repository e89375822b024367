import {randomBytes} from 'node:crypto';
import {accessSync, constants, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {SetupError} from '../domain/errors.ts';

const OWNER_ONLY = 0o600;
/** The databases hold what people wrote. */
const OWNER_ONLY_FOLDER = 0o700;

/** The folder of what an embedded process keeps: databases, generated secrets and the first token. */
export class DataDirectory {
	readonly path: string;

	/** Creates the folder, for this user alone. @throws {SetupError} it cannot be written to */
	constructor(path: string) {
		this.path = path;
		try {
			mkdirSync(path, {recursive: true, mode: OWNER_ONLY_FOLDER});
			accessSync(path, constants.W_OK | constants.X_OK);
		} catch (error) {
			throw new SetupError(
				`DATA_DIR ${path} is not writable: create it for this user, or set DATA_DIR to another folder`,
				{
					cause: error,
				},
			);
		}
	}

	file(name: string): string {
		return join(this.path, name);
	}

	/** A secret that was generated at the first start (64 hex digits), readable by this user only. */
	secret(name: string): string {
		const path = this.file(name);
		try {
			writeFileSync(path, randomBytes(32).toString('hex'), {mode: OWNER_ONLY, flag: 'wx'});
		} catch (error) {
			if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
				throw new SetupError(`${path} cannot be written: make DATA_DIR writable`, {cause: error});
			}
		}
		return readFileSync(path, 'utf8').trim();
	}

	/** Writes a file that only this user may read. */
	writeSecret(name: string, content: string): void {
		writeFileSync(this.file(name), content, {mode: OWNER_ONLY});
	}
}
