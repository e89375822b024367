import {randomBytes} from 'node:crypto';
import {closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {codeOf} from '../adapters/folder/disk-failure.ts';
import {syncFolder} from '../adapters/folder/sync-folder.ts';

const OWNER_ONLY = 0o600;

/** What file systems without hard links answer, such as exFAT. */
const CANNOT_LINK = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Writes a small file that only this user may read. It is there whole or not at all, whatever fills the disk or ends the process, and
 * is there to stay when this returns.
 * @param options.overwrite false = leaves alone what is there: of several processes at once, one creates the file
 * @throws the failed system call
 */
export function writePrivateFile(path: string, text: string, {overwrite}: {overwrite: boolean}): void {
	const partial = `${path}.${randomBytes(8).toString('hex')}.part`;
	try {
		writeNew(partial, text);
		if (overwrite) renameSync(partial, path);
		else linkUnlessThere(partial, path);
	} finally {
		rmSync(partial, {force: true});
	}
	syncFolder(dirname(path));
}

function writeNew(path: string, text: string): void {
	const file = openSync(path, 'wx', OWNER_ONLY);
	try {
		writeFileSync(file, text);
		fsyncSync(file);
	} finally {
		closeSync(file);
	}
}

/** Unlike a rename, a link never replaces. */
function linkUnlessThere(partial: string, path: string): void {
	try {
		linkSync(partial, path);
	} catch (error) {
		if (codeOf(error) === 'EEXIST') return;
		if (!CANNOT_LINK.includes(codeOf(error))) throw error;
		// Not quite the same; but whoever creates something holds the lock of the databases beside it.
		if (!existsSync(path)) renameSync(partial, path);
	}
}
