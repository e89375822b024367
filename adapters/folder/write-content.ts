import {createHash} from 'node:crypto';
import {open, type FileHandle} from 'node:fs/promises';
import {MediaTooLargeError} from '../../domain/errors.ts';
import {describeSize} from '../../domain/media/describe-size.ts';
import {isRecyclable} from '../../domain/media/recyclable.ts';
import {onDisk} from './disk-failure.ts';

/** What people wrote is for this user alone. */
const OWNER_ONLY = 0o600;

/**
 * Writes a new file chunk by chunk and has it on the disk when it resolves.
 * @throws {MediaTooLargeError} more than `maxBytes` @throws {MediaStoreUnavailableError} and whatever reading `content` throws
 */
export async function writeContent(
	path: string,
	content: AsyncIterable<Uint8Array>,
	maxBytes: number,
): Promise<{sizeBytes: number; sha256: string}> {
	const file = await onDisk(() => open(path, 'wx', OWNER_ONLY));
	const recycler = isRecyclable(content) ? content : undefined;
	try {
		const hash = createHash('sha256');
		let sizeBytes = 0;
		for await (const chunk of content) {
			sizeBytes += chunk.byteLength;
			if (sizeBytes > maxBytes) {
				throw new MediaTooLargeError(`The file is larger than ${describeSize(maxBytes)}`);
			}
			hash.update(chunk);
			await onDisk(() => file.writeFile(chunk));
			recycler?.recycle(chunk);
		}
		await onDisk(() => makeDurable(file));
		return {sizeBytes, sha256: hash.digest('hex')};
	} finally {
		await onDisk(() => file.close());
	}
}

/** Its time says when it became whole, however long a source made it wait: a sweep must not take it for a leftover. */
async function makeDurable(file: FileHandle): Promise<void> {
	const now = new Date();
	await file.utimes(now, now);
	await file.sync();
}
