import {randomBytes} from 'node:crypto';
import {accessSync, constants, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {createFolder} from '../adapters/folder/create-folder.ts';
import {codeOf} from '../adapters/folder/disk-failure.ts';
import {SetupError} from '../domain/errors.ts';
import {writePrivateFile} from './private-file.ts';

/** A generated secret: 32 random bytes. */
const SECRET = /^[0-9a-f]{64}$/i;

/** What mends a failed system call, where it is not the disk itself. */
const ADVICE_BY_CODE: Readonly<Record<string, string>> = {
	ENOSPC: 'make room on the disk',
	EDQUOT: 'make room on the disk',
	EISDIR: 'remove the folder of that name',
	EACCES: 'give it to the user that runs this (chown)',
	EPERM: 'give it to the user that runs this (chown)',
	EROFS: 'set DATA_DIR to a folder that is not read-only',
};

/** The folder of what an embedded process keeps: databases, generated secrets and the first token. */
export class DataDirectory {
	readonly path: string;

	/** Creates the folder, for this user alone. @throws {SetupError} it cannot be written to */
	constructor(path: string) {
		this.path = path;
		try {
			createFolder(path);
			accessSync(path, constants.W_OK | constants.X_OK);
		} catch (error) {
			throw new SetupError(
				`DATA_DIR ${path} is not writable (${codeOf(error)}): create it for this user, or set DATA_DIR to another folder`,
				{cause: error},
			);
		}
	}

	file(name: string): string {
		return join(this.path, name);
	}

	/**
	 * A secret that is generated at the first start (64 hex digits), readable by this user only. Processes that start at once get the same.
	 * @param variable what can be set instead
	 * @throws {SetupError} the file cannot be had, or holds something else
	 */
	secret(name: string, variable: string): string {
		const path = this.file(name);
		const secret = this.#read(path) ?? this.#generate(path);
		if (!SECRET.test(secret)) {
			throw new SetupError(
				`${path} is damaged, it does not hold 64 hex digits: put it back as it was, or set ${variable} to what it was, or, if this is a first start, delete it`,
			);
		}
		return secret;
	}

	/** Writes a file that only this user may read, over an older one. @throws {SetupError} it cannot be written; the older one is there */
	writeSecret(name: string, content: string): void {
		const path = this.file(name);
		try {
			writePrivateFile(path, content, {overwrite: true});
		} catch (error) {
			throw inaccessible(path, 'written', error);
		}
	}

	#generate(path: string): string {
		try {
			writePrivateFile(path, randomBytes(32).toString('hex'), {overwrite: false});
		} catch (error) {
			throw inaccessible(path, 'written', error);
		}
		return this.#read(path) ?? '';
	}

	/** Undefined when there is none. */
	#read(path: string): string | undefined {
		try {
			return readFileSync(path, 'utf8').trim();
		} catch (error) {
			if (codeOf(error) === 'ENOENT') return undefined;
			throw inaccessible(path, 'read', error);
		}
	}
}

function inaccessible(path: string, verb: 'read' | 'written', error: unknown): SetupError {
	const code = codeOf(error);
	const advice = ADVICE_BY_CODE[code] ?? 'look at the disk that it is on';
	return new SetupError(`${path} cannot be ${verb} (${code}): ${advice}`, {cause: error});
}
