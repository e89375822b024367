import {mkdirSync, statSync} from 'node:fs';
import {dirname} from 'node:path';

/** What people wrote lies in it. */
const OWNER_ONLY = 0o700;

/**
 * Creates a folder, and those above it that are missing, for this user alone; does nothing where there is one. Not by the `recursive`
 * of Node: where a file system refuses new folders with ENOENT, as `/proc` does, Node 26 tries for ever.
 * @throws the failed system call
 */
export function createFolder(path: string): void {
	if (isFolder(path)) {
		return;
	}
	const parent = dirname(path);
	if (parent !== path) {
		createFolder(parent);
	}
	try {
		mkdirSync(path, {mode: OWNER_ONLY});
	} catch (error) {
		// Another process may have been faster.
		if (!isFolder(path)) throw error;
	}
}

function isFolder(path: string): boolean {
	return statSync(path, {throwIfNoEntry: false})?.isDirectory() === true;
}
