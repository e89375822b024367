import {MediaStoreUnavailableError} from '../../domain/errors.ts';

/** What an operator can do something about; said without a path, for tenants may read it. */
const TEXT_BY_CODE: Readonly<Record<string, string>> = {
	ENOSPC: 'no space is left',
	EDQUOT: 'the quota is used up',
	EROFS: 'the folder is read-only',
	EACCES: 'the folder is not writable',
	EPERM: 'the folder is not writable',
	EMFILE: 'too many files are open',
	ENFILE: 'too many files are open',
	ESTALE: 'the file was deleted on another host',
};

/** What file systems answer that sync no folders: some of networks, and those of Windows. */
const CANNOT_SYNC_FOLDERS = ['EINVAL', 'EISDIR', 'EPERM', 'ENOTSUP'];

/** The code of a failed system call; empty for anything else. */
export function codeOf(error: unknown): string {
	return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** True for the failure to sync a folder where that is not possible, nor needed as far as anybody knows. */
export function isFolderSyncRefused(error: unknown): boolean {
	return CANNOT_SYNC_FOLDERS.includes(codeOf(error));
}

function isAbsent(error: unknown): boolean {
	return codeOf(error) === 'ENOENT';
}

/** Runs one step on the disk. @throws {MediaStoreUnavailableError} it failed */
export async function onDisk<T>(step: () => Promise<T>): Promise<T> {
	try {
		return await step();
	} catch (error) {
		const code = codeOf(error);
		// What is no failed system call is a fault of ours, or was told already.
		if (code === '' || error instanceof MediaStoreUnavailableError) throw error;
		throw new MediaStoreUnavailableError(TEXT_BY_CODE[code] ?? `the disk failed (${code})`, {cause: error});
	}
}

/** The same, but undefined when the file is not there. */
export async function ifPresent<T>(step: () => Promise<T>): Promise<T | undefined> {
	return onDisk(async () => {
		try {
			return await step();
		} catch (error) {
			if (isAbsent(error)) return undefined;
			throw error;
		}
	});
}
