import {FolderMediaStore} from '../../adapters/folder/folder-media-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {inChunks} from './media-content.ts';

/**
 * Writes files in a process of its own, for tests to kill: `node media-store-child.ts <folder> <connection>`. Prints a line for each
 * file that is stored. The bytes of a file are all the same, and their value tells its length.
 */
const [folder = '', connectionId = ''] = process.argv.slice(2);

const WRITERS = 4;
const NAMES = 10;

const store = new FolderMediaStore({folder, clock: new SystemClock()});
let written = 0;

async function writeForEver(): Promise<never> {
	for (;;) {
		const filename = String(written++ % NAMES);
		const value = written % 256;
		const content = inChunks(Buffer.alloc(100_000 + value, value));
		await store.put(
			{connectionId, filename},
			{contentType: 'image/png', displayName: null, content, maxBytes: 10 ** 6},
		);
		process.stdout.write(`${filename}\n`);
	}
}

await Promise.all(Array.from({length: WRITERS}, writeForEver));
