import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {FolderMediaStore} from '../../adapters/folder/folder-media-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {usageOf} from '../bench/process-usage.ts';
import type {MediaKey} from '../../domain/ports/media-store.ts';
import {eventually} from '../support/eventually.ts';
import {createWorld, type World} from '../support/world.ts';

const FILE_BYTES = 100 * 1024 * 1024;
const DOWNLOADS = 4;

/** What so many downloads may add to the process, and what all of this test may. */
const MAX_ADDED_MB = 40;

/**
 * V8's young generation grows once by up to 30 MB, whatever a process works on, and would hide how much of the figure is held for the
 * files. Kept small: 5 MB for all of this test, and 60 MB as soon as one step leaves its chunks to the garbage collector.
 */
const SMALL_YOUNG_GENERATION = {NODE_OPTIONS: '--max-semi-space-size=8'};

const FILE = Buffer.alloc(FILE_BYTES, '0123456789abcdef');

/** Figures of memory come from `/proc`. */
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
	'four downloads of 100 MB at once, from the store and passed through from a worker, add at most 40 MB of memory, with the copy into the store',
	async (t) => {
		t.timeout(120_000);
		await using world = await createWorld(undefined, 'NOWEB', SMALL_YOUNG_GENERATION);
		const store = new FolderMediaStore({folder: join(world.dataDir, 'media'), clock: new SystemClock()});
		const keyOf = (filename: string): MediaKey => ({connectionId: world.connection.id, filename});
		const copied = async (bytes: Buffer): Promise<string> => {
			const filename = receive(world, bytes);
			await eventually(async () => (await store.find(keyOf(filename)))?.state === 'stored', 60_000);
			return filename;
		};
		const small = await copied(FILE.subarray(0, 1000));
		t.is(await download(world, small), 1000);
		await store.remove(keyOf(small));
		t.is(await download(world, small), 1000, 'all code is loaded now');

		const addedMb = addedMemory(world);
		const large = await copied(FILE);
		t.log(`copied to the store: ${addedMb().toFixed(1)} MB`);
		t.deepEqual(await downloads(world, large), Array(DOWNLOADS).fill(FILE_BYTES));
		t.log(`and from the store: ${addedMb().toFixed(1)} MB`);
		await store.remove(keyOf(large));
		t.deepEqual(await downloads(world, large), Array(DOWNLOADS).fill(FILE_BYTES));
		t.log(`and from the worker: ${addedMb().toFixed(1)} MB`);
		t.true(addedMb() <= MAX_ADDED_MB);
	},
);

/** What the gateway needs at most from now on. */
function addedMemory({processes}: World): () => number {
	const pid = processes.get('gateway')?.pid ?? 0;
	const beforeMb = usageOf(pid).rssMb;
	// Forgets the peak so far.
	writeFileSync(`/proc/${pid}/clear_refs`, '5');
	return () => usageOf(pid).peakRssMb - beforeMb;
}

/** A file comes to the worker. @returns what it is called in links */
function receive({waha, connection}: World, bytes: Buffer): string {
	const content = {
		kind: 'file',
		type: 'document',
		mimetype: 'application/pdf',
		filename: 'a.pdf',
		caption: '',
	} as const;
	const {mediaUrl} = waha.receive(connection.sessionName, {from: '15550110000@c.us', content: {...content, bytes}});
	return mediaUrl?.split('/').at(-1) ?? '';
}

function downloads(world: World, filename: string): Promise<readonly number[]> {
	return Promise.all(Array.from({length: DOWNLOADS}, () => download(world, filename)));
}

/** How many bytes came. */
async function download({client, connection}: World, filename: string): Promise<number> {
	const {body} = await client.fetch('GET', `/connections/${connection.id}/media/${filename}`);
	let count = 0;
	for await (const chunk of body ?? []) count += (chunk as Uint8Array).length;
	return count;
}
