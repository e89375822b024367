import {closeSync, fsyncSync, openSync} from 'node:fs';
import {isFolderSyncRefused} from './disk-failure.ts';

/** Makes the names of what was created in the folder survive a loss of power. */
export function syncFolder(path: string): void {
	try {
		const folder = openSync(path, 'r');
		try {
			fsyncSync(folder);
		} finally {
			closeSync(folder);
		}
	} catch (error) {
		if (!isFolderSyncRefused(error)) throw error;
	}
}
