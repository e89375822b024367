import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A folder of one test, removed when it is disposed. */
export interface TemporaryFolder extends AsyncDisposable {
	readonly path: string;
}

export async function createTemporaryFolder(): Promise<TemporaryFolder> {
	const path = await mkdtemp(join(tmpdir(), 'wahooks-test-'));
	return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true})};
}
