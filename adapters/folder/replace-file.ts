import {open, rename, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import {isFolderSyncRefused} from './disk-failure.ts';

/** What people wrote is for this user alone. */
const OWNER_ONLY = 0o600;

/**
 * Gives a small file a new content, at once and for good: readers see the old one or the new one, whole.
 * @param partial a name in the same folder that nobody else uses
 */
export async function replaceFile(path: string, text: string, partial: string): Promise<void> {
	try {
		await writeNew(partial, text);
		await rename(partial, path);
	} catch (error) {
		await rm(partial, {force: true});
		throw error;
	}
	await syncFolder(dirname(path));
}

async function writeNew(path: string, text: string): Promise<void> {
	await using file = await open(path, 'wx', OWNER_ONLY);
	await file.writeFile(text);
	await file.sync();
}

/** Makes what was renamed survive a loss of power. */
async function syncFolder(path: string): Promise<void> {
	try {
		await using folder = await open(path, 'r');
		await folder.sync();
	} catch (error) {
		if (!isFolderSyncRefused(error)) throw error;
	}
}
