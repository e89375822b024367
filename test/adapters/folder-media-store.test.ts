import {randomBytes, randomUUID} from 'node:crypto';
import {mkdir, readdir, readFile, readlink, rename, rm, statfs, truncate, utimes, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {FolderMediaStore} from '../../adapters/folder/folder-media-store.ts';
import {MediaNotFoundError, MediaStoreUnavailableError, SetupError} from '../../domain/errors.ts';
import type {IncomingMedia, MediaKey} from '../../domain/ports/media-store.ts';
import {mediaStoreContract, type MediaStoreFixture} from '../contracts/media-store.contract.ts';
import {linesUntilKilled} from '../support/child-lines.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {inChunks, readAll} from '../support/media-content.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const HOUR_MS = 60 * 60_000;
const CHILD = new URL('../support/media-store-child.ts', import.meta.url);

interface Fixture extends MediaStoreFixture {
	readonly store: FolderMediaStore;
	readonly path: string;
	/** All files, of whatever connection. */
	files(): Promise<readonly string[]>;
}

async function start(now?: number): Promise<Fixture> {
	const folder = await createTemporaryFolder();
	const clock = new ManualClock(now);
	const path = join(folder.path, 'media');
	const files = async (): Promise<readonly string[]> =>
		(await readdir(path, {recursive: true, withFileTypes: true}))
			.filter((entry) => entry.isFile())
			.map(({parentPath, name}) => join(parentPath, name));
	return {
		store: new FolderMediaStore({folder: path, clock}),
		other: new FolderMediaStore({folder: path, clock}),
		clock,
		path,
		files,
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

function newKey(): MediaKey {
	return {connectionId: randomUUID(), filename: `${randomUUID()}.jpeg`};
}

function incoming(bytes: Buffer, changes: Partial<IncomingMedia> = {}): IncomingMedia {
	return {contentType: 'image/jpeg', displayName: null, content: inChunks(bytes), maxBytes: 10 ** 7, ...changes};
}

/** Only there a process can see which files it has open. */
const testOnLinux = process.platform === 'linux' ? test : test.skip;

/** How many files below `path` this process has open. */
async function openFilesBelow(path: string): Promise<number> {
	const links = await Promise.all(
		(await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
	);
	return links.filter((target) => target.startsWith(path)).length;
}

mediaStoreContract(test, {start});

test('a file is one content and one record, named by hashes only, whatever it is called', async (t) => {
	await using fixture = await start();
	const key = {connectionId: '../../outside', filename: `../${'x'.repeat(4096)}\0👋`};
	await fixture.store.put(key, incoming(Buffer.from('x')));
	await fixture.store.put(key, incoming(Buffer.from('y')));
	const files = await fixture.files();
	t.is(files.length, 2, 'the first content is gone');
	for (const file of files) {
		t.regex(file.slice(fixture.path.length), /^\/[0-9a-f]{64}\/[0-9a-f]{64}(\.\d+\.[0-9a-f]{16}\.data|\.json)$/);
	}
	const record = await readFile(files.find((file) => file.endsWith('.json')) ?? '', 'utf8');
	t.like(JSON.parse(record), {filename: key.filename, sizeBytes: 1}, 'a person can tell which file it is');
});

testOnLinux('the file is closed at the end, when the reader stops, and when it never starts', async (t) => {
	await using fixture = await start();
	const {store, path} = fixture;
	const key = newKey();
	await store.put(key, incoming(randomBytes(300_000)));
	t.is(await openFilesBelow(path), 0);
	await readAll(await store.open(key));
	for await (const chunk of await store.open(key)) {
		t.true(chunk.length < 300_000);
		break;
	}
	const unread = (await store.open(key))[Symbol.asyncIterator]();
	t.is(await openFilesBelow(path), 1);
	await unread.return?.();
	t.is((await unread.next()).done, true);
	t.is(await openFilesBelow(path), 0);
});

testOnLinux('nothing is read ahead of the reader', async (t) => {
	await using fixture = await start();
	const key = newKey();
	await fixture.store.put(key, incoming(Buffer.alloc(300_000, 1)));
	const iterator = (await fixture.store.open(key))[Symbol.asyncIterator]();
	await iterator.next();
	const content = (await fixture.files()).find((file) => file.endsWith('.data')) ?? '';
	await truncate(content, 32 * 1024);
	t.true((await iterator.next()).done, 'the second chunk was not in memory yet');
	t.is(await openFilesBelow(fixture.path), 0);
});

// Alone: what other tests read would count.
test.serial('a put and a read of 64 MB take little memory', async (t) => {
	await using fixture = await start();
	const key = newKey();
	const chunk = randomBytes(64 * 1024);
	const count = 1024;
	let peakBytes = 0;
	const startBytes = process.memoryUsage().arrayBuffers;
	const measure = (): void => {
		peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - startBytes);
	};
	async function* source(): AsyncGenerator<Uint8Array> {
		for (let index = 0; index < count; index++) {
			measure();
			yield await Promise.resolve(chunk);
		}
	}
	await fixture.store.put(key, incoming(Buffer.alloc(0), {content: source(), maxBytes: 10 ** 9}));
	let sizeBytes = 0;
	for await (const piece of await fixture.store.open(key)) {
		measure();
		sizeBytes += piece.length;
	}
	t.is(sizeBytes, count * chunk.length);
	t.true(peakBytes < 48 * 1024 * 1024, `${Math.round(peakBytes / 1024 / 1024)} MB`);
});

test('every chunk of a put goes back to a source that takes them, once it is written', async (t) => {
	await using fixture = await start();
	const key = newKey();
	const bytes = randomBytes(300_000);
	const returned: number[] = [];
	const content = Object.assign(inChunks(bytes, 100_000), {
		recycle: (chunk: Uint8Array) => {
			returned.push(chunk.length);
			chunk.fill(0);
		},
	});
	const copy = Buffer.from(bytes);
	await fixture.store.put(key, {...incoming(bytes), content});
	t.deepEqual(returned, [100_000, 100_000, 100_000]);
	t.true((await readAll(await fixture.store.open(key))).equals(copy));
});

test('a folder that cannot be written to is told at the start, with what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const file = join(folder.path, 'file');
	await writeFile(file, '');
	const error = t.throws(() => new FolderMediaStore({folder: join(file, 'media'), clock: new ManualClock()}), {
		instanceOf: SetupError,
	});
	t.regex(error.message, /^MEDIA_DIR .+\/media is not writable \(E\w+\): /);
});

test('while the disk is away every call says so, without a path; afterwards all is as it was', async (t) => {
	await using fixture = await start();
	const {store, path} = fixture;
	const key = newKey();
	await store.put(key, incoming(Buffer.from('x')));
	await rename(path, `${path}.away`);
	await writeFile(path, 'not a folder');
	const calls = [
		store.put(newKey(), incoming(Buffer.from('y'))),
		store.put(key, incoming(Buffer.from('y'))),
		store.find(key),
		store.open(key),
		store.noteMissing(key, 'why', new Date()),
		store.removeAll(newKey().connectionId),
		store.expire(new Date(), 'why'),
	];
	for (const call of calls) {
		const error = await t.throwsAsync(call, {instanceOf: MediaStoreUnavailableError});
		t.true(error.retryable);
		t.false(error.message.includes(path), error.message);
		t.truthy(error.cause);
	}
	await rm(path);
	await t.throwsAsync(
		store.put(key, incoming(Buffer.from('y'))),
		{instanceOf: MediaStoreUnavailableError},
		'not made anew',
	);
	await rename(`${path}.away`, path);
	t.is((await readAll(await store.open(key))).toString(), 'x');
});

test('a content that was lost or cut off is not there, and can be put again', async (t) => {
	for (const harm of [(file: string) => rm(file), (file: string) => truncate(file, 3)]) {
		await using fixture = await start();
		const {store} = fixture;
		const key = newKey();
		await store.put(key, incoming(Buffer.from('whole')));
		await harm((await fixture.files()).find((file) => file.endsWith('.data')) ?? '');
		t.is(await store.find(key), undefined);
		await store.noteMissing(key, 'lost', new Date());
		t.like(await store.find(key), {state: 'missing', reason: 'lost'});
		const again = await store.put(key, incoming(Buffer.from('again')));
		t.deepEqual(await store.find(key), again);
	}
});

test('a record that a broken disk cut off is no record', async (t) => {
	await using fixture = await start();
	const {store} = fixture;
	const key = newKey();
	await store.put(key, incoming(Buffer.from('x')));
	const record = (await fixture.files()).find((file) => file.endsWith('.json')) ?? '';
	for (const text of ['', '{"contentType":"image/', 'null', '[]', '{}']) {
		await writeFile(record, text);
		t.is(await store.find(key), undefined, text);
		await t.throwsAsync(store.open(key), {instanceOf: MediaNotFoundError});
	}
});

test('what a crash left behind is deleted once it is an hour old, and nothing else', async (t) => {
	await using fixture = await start(Date.now());
	const {store, clock} = fixture;
	const key = newKey();
	const stored = await store.put(key, incoming(Buffer.from('kept')));
	const [record = '', content = ''] = (await fixture.files()).toSorted().toReversed();
	t.true(record.endsWith('.json') && content.endsWith('.data'));
	const stem = record.slice(0, -'.json'.length);
	const other = record.replace(/[0-9a-f]{64}\.json$/, 'a'.repeat(64));
	const leftovers = [
		`${stem}.${'0'.repeat(16)}.part`,
		`${stem}.${clock.now() - 1}.${'1'.repeat(16)}.data`,
		`${other}.${'2'.repeat(16)}.part`,
		`${other}.${clock.now()}.${'3'.repeat(16)}.data`,
		`${other.replace(/a{64}$/, 'b'.repeat(64))}.json`,
	];
	const strangers = [`${stem}.txt`, join(fixture.path, 'README')];
	for (const file of [...leftovers, ...strangers]) await writeFile(file, 'left');
	const longAgo = new Date(0);

	await store.expire(longAgo, 'why');
	t.is((await fixture.files()).length, 2 + leftovers.length + strangers.length, 'they might still be in the making');
	const overAnHourAgo = new Date(Date.now() - HOUR_MS - 60_000);
	for (const file of [...leftovers, ...strangers, record, content]) await utimes(file, overAnHourAgo, overAnHourAgo);
	t.is(await store.expire(longAgo, 'why'), 0);
	t.deepEqual((await fixture.files()).toSorted(), [...strangers, record, content].toSorted());
	t.deepEqual(await store.find(key), stored);
});

test('a put that waits for its source for hours is not taken for a leftover', async (t) => {
	await using fixture = await start(Date.now());
	const {store} = fixture;
	const key = newKey();
	async function* slow(): AsyncGenerator<Uint8Array> {
		yield Buffer.from('one');
		const partial = await eventually(
			async () => (await fixture.files()).find((file) => file.endsWith('.part')) ?? false,
		);
		await utimes(partial, new Date(0), new Date(0));
		yield Buffer.from(', two');
	}
	await store.put(key, incoming(Buffer.alloc(0), {content: slow()}));
	await rm((await fixture.files()).find((file) => file.endsWith('.json')) ?? '');
	await store.expire(new Date(0), 'why');
	t.is((await fixture.files()).length, 1, 'the content is new, although nothing names it yet');
});

test('two processes that write the same files and are killed leave whole files, and nothing else for longer than an hour', async (t) => {
	await using fixture = await start(Date.now());
	const {store, path} = fixture;
	const connectionId = randomUUID();
	const confirmed = new Set<string>();
	for (let round = 0; round < 3; round++) {
		const outputs = await Promise.all([
			linesUntilKilled(CHILD, [path, connectionId], (lines) => lines.length >= 25),
			linesUntilKilled(CHILD, [path, connectionId], (lines) => lines.length >= 30),
		]);
		for (const filename of outputs.flat()) confirmed.add(filename);
		for (const filename of confirmed) {
			const key = {connectionId, filename};
			t.like(await store.find(key), {state: 'stored'});
			const bytes = await readAll(await store.open(key));
			const value = bytes[0] ?? 0;
			t.true(bytes.equals(Buffer.alloc(100_000 + value, value)), `${filename} is whole`);
		}
	}
	t.is(confirmed.size, 10);
	const longAgo = new Date(0);
	for (const file of await fixture.files()) await utimes(file, longAgo, longAgo);
	t.is(await store.expire(longAgo, 'why'), 0);
	t.is((await fixture.files()).length, 2 * confirmed.size);
});

test('the folder of a connection goes with its last file', async (t) => {
	await using fixture = await start();
	const {store, clock} = fixture;
	await store.put(newKey(), incoming(Buffer.from('x')));
	await store.expire(new Date(clock.now() + 1), 'why');
	t.is((await readdir(fixture.path)).length, 1, 'the note');
	await clock.advance(1);
	await store.expire(new Date(clock.now() + 1), 'why');
	t.deepEqual(await readdir(fixture.path), []);
});

test('a put whose record cannot be written leaves no content behind', async (t) => {
	await using fixture = await start();
	const key = newKey();
	await fixture.store.put(key, incoming(Buffer.from('x')));
	const [record = ''] = (await fixture.files()).filter((file) => file.endsWith('.json'));
	await rm(record);
	await mkdir(join(record, 'in the way'), {recursive: true});
	const before = await fixture.files();
	await t.throwsAsync(fixture.store.put(key, incoming(randomBytes(10_000))), {instanceOf: MediaStoreUnavailableError});
	t.deepEqual(await fixture.files(), before);
});

test('files leave a part of the disk free, also one that grows while it comes', async (t) => {
	await using fixture = await start();
	const {bavail, bsize} = await statfs(fixture.path);
	const key = newKey();
	const full = new FolderMediaStore({
		folder: fixture.path,
		clock: fixture.clock,
		reserveBytes: bavail * bsize + 2 ** 40,
	});
	const failure = {instanceOf: MediaStoreUnavailableError, message: /too little space is left/};
	await t.throwsAsync(full.put(key, incoming(Buffer.from('x'))), failure);
	t.deepEqual(await fixture.files(), []);
	const almost = new FolderMediaStore({
		folder: fixture.path,
		clock: fixture.clock,
		reserveBytes: bavail * bsize - 12 * 2 ** 20,
	});
	const endless = async function* (): AsyncGenerator<Uint8Array> {
		for (;;) yield await Promise.resolve(Buffer.alloc(2 ** 20));
	};
	await t.throwsAsync(almost.put(key, incoming(Buffer.alloc(0), {content: endless(), maxBytes: 2 ** 30})), failure);
	t.deepEqual(await fixture.files(), []);
});
