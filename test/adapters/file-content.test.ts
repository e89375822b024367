import {randomBytes} from 'node:crypto';
import {open, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {FileContent} from '../../adapters/folder/file-content.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const BYTES = randomBytes(100_000);

test('memory that was given back is used for the next chunk, whole or not, and only then', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'file');
	await writeFile(path, BYTES);
	const content = new FileContent(await open(path, 'r'), {start: 0, end: BYTES.length - 1});
	const buffers = new Set<unknown>();
	const copies: Buffer[] = [];
	for await (const chunk of content) {
		buffers.add(chunk.buffer);
		copies.push(Buffer.from(chunk));
		content.recycle(chunk);
	}
	t.true(Buffer.concat(copies).equals(BYTES));
	t.true(copies.length > 2);
	t.is(buffers.size, 1);
});

test('chunks that nobody gave back stay as they are', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'file');
	await writeFile(path, BYTES);
	const chunks: Uint8Array[] = [];
	for await (const chunk of new FileContent(await open(path, 'r'), {start: 0, end: BYTES.length - 1}))
		chunks.push(chunk);
	t.true(Buffer.concat(chunks).equals(BYTES));
});
