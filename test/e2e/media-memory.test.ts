import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {FolderMediaStore} from '../../adapters/folder/folder-media-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {usageOf} from '../bench/process-usage.ts';
import {eventually} from '../support/eventually.ts';
import {inChunks} from '../support/media-content.ts';
import {createWorld, type World} from '../support/world.ts';

const FILE_BYTES = 100 * 1024 * 1024;
const DOWNLOADS = 4;

/** What so many downloads may add to the process. */
const MAX_ADDED_MB = 40;

/**
 * The same when the worker's answer is passed through: the HTTP client copies what it receives, and V8 lets that gather before it
 * collects it. It is the same for files of any size; in memory as a whole they would take 400 MB.
 */
const MAX_ADDED_BY_WORKER_MB = 160;

const FILE = Buffer.alloc(FILE_BYTES, '0123456789abcdef');

/** Figures of memory come from `/proc`. */
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
	'four downloads of 100 MB at once add at most 40 MB of memory, and a worker’s passed through never a file',
	async (t) => {
		t.timeout(120_000);
		await using world = await createWorld();
		const {connection, waha, dataDir} = world;
		const store = new FolderMediaStore({folder: join(dataDir, 'media'), clock: new SystemClock()});
		const file = {contentType: 'application/pdf', displayName: null, maxBytes: FILE_BYTES};
		const key = (filename: string): {connectionId: string; filename: string} => ({
			connectionId: connection.id,
			filename,
		});
		await store.put(key('small.pdf'), {...file, content: inChunks(FILE.subarray(0, 1000))});
		await store.put(key('large.pdf'), {...file, content: inChunks(FILE)});
		t.is(await download(world, 'small.pdf'), 1000, 'all code is loaded now');
		const pid = world.processes.get('gateway')?.pid ?? 0;
		const beforeMb = usageOf(pid).rssMb;
		// Forgets the peak so far.
		writeFileSync(`/proc/${pid}/clear_refs`, '5');

		t.deepEqual(await downloads(world, 'large.pdf'), Array(DOWNLOADS).fill(FILE_BYTES));
		const addedMb = usageOf(pid).peakRssMb - beforeMb;
		t.log(`from the store: ${addedMb.toFixed(1)} MB`);
		t.true(addedMb <= MAX_ADDED_MB);

		const {mediaUrl} = waha.receive(connection.sessionName, {
			from: '15550110000@c.us',
			content: {
				kind: 'file',
				type: 'document',
				mimetype: 'application/pdf',
				filename: 'a.pdf',
				bytes: FILE,
				caption: '',
			},
		});
		const filename = mediaUrl?.split('/').at(-1) ?? '';
		await eventually(async () => (await store.find(key(filename)))?.state === 'stored', 60_000);
		await store.remove(key(filename));
		t.deepEqual(await downloads(world, filename), Array(DOWNLOADS).fill(FILE_BYTES));
		const addedInAllMb = usageOf(pid).peakRssMb - beforeMb;
		t.log(`copied to the store, and from the worker: ${addedInAllMb.toFixed(1)} MB`);
		t.true(addedInAllMb <= MAX_ADDED_BY_WORKER_MB);
	},
);

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
