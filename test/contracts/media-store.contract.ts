import {createHash, randomBytes, randomUUID} from 'node:crypto';
import type {ExecutionContext, TestFn} from 'ava';
import {MediaNotFoundError, MediaTooLargeError} from '../../domain/errors.ts';
import type {ByteRange, IncomingMedia, MediaKey, MediaStore} from '../../domain/ports/media-store.ts';
import type {ManualClock} from '../support/manual-clock.ts';
import {inChunks, readAll} from '../support/media-content.ts';

export interface MediaStoreFixture extends AsyncDisposable {
	readonly store: MediaStore;
	/** The same files, as another process sees them. */
	readonly other: MediaStore;
	readonly clock: ManualClock;
}

export interface MediaStoreHarness {
	start(): Promise<MediaStoreFixture>;
}

const MB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60_000;

function newKey(changes: Partial<MediaKey> = {}): MediaKey {
	return {connectionId: randomUUID(), filename: `${randomUUID()}.jpeg`, ...changes};
}

function incoming(bytes: Buffer, changes: Partial<IncomingMedia> = {}): IncomingMedia {
	return {contentType: 'image/jpeg', displayName: null, content: inChunks(bytes), maxBytes: 10 * MB, ...changes};
}

async function read(store: MediaStore, key: MediaKey, range?: ByteRange): Promise<Buffer> {
	return readAll(await store.open(key, range));
}

async function assertNothing(t: ExecutionContext, store: MediaStore, key: MediaKey): Promise<void> {
	t.is(await store.find(key), undefined);
	await t.throwsAsync(store.open(key), {instanceOf: MediaNotFoundError, message: 'Media not found'});
}

/** What every adapter of the `MediaStore` port promises. */
export function mediaStoreContract(test: TestFn, harness: MediaStoreHarness): void {
	test('media store: a file is there with its bytes, size, hash, type, name and time, for other processes too', async (t) => {
		await using fixture = await harness.start();
		const {store, other, clock} = fixture;
		const key = newKey();
		const bytes = randomBytes(3 * MB + 17);
		const stored = await store.put(key, incoming(bytes, {contentType: 'video/mp4', displayName: 'Ferien 👋 "1".mp4'}));
		t.deepEqual(stored, {
			state: 'stored',
			contentType: 'video/mp4',
			displayName: 'Ferien 👋 "1".mp4',
			sizeBytes: bytes.length,
			sha256: createHash('sha256').update(bytes).digest('hex'),
			storedAt: new Date(clock.now()),
		});
		for (const each of [store, other]) {
			t.deepEqual(await each.find(key), stored);
			t.true((await read(each, key)).equals(bytes));
		}
	});

	test('media store: an empty file is a file', async (t) => {
		await using fixture = await harness.start();
		const key = newKey();
		t.is((await fixture.store.put(key, incoming(Buffer.alloc(0)))).sizeBytes, 0);
		t.is((await read(fixture.store, key)).length, 0);
	});

	test('media store: a range gives the bytes from its start to its end, both included', async (t) => {
		await using fixture = await harness.start();
		const {store} = fixture;
		const key = newKey();
		const bytes = randomBytes(300_000);
		await store.put(key, incoming(bytes));
		const ranges = [
			[0, 0],
			[0, 299_999],
			[1, 65_536],
			[65_535, 65_536],
			[131_072, 262_143],
			[299_999, 299_999],
		] as const;
		for (const [start, end] of ranges) {
			t.true((await read(store, key, {start, end})).equals(bytes.subarray(start, end + 1)), `${start} to ${end}`);
		}
		t.true((await read(store, key, {start: 299_990, end: 10 ** 9})).equals(bytes.subarray(299_990)));
	});

	test('media store: what nobody stored is not there', async (t) => {
		await using fixture = await harness.start();
		const {store} = fixture;
		await assertNothing(t, store, newKey());
		const key = newKey();
		await store.put(key, incoming(Buffer.from('x')));
		await assertNothing(t, store, newKey({connectionId: key.connectionId}));
		await assertNothing(t, store, newKey({filename: key.filename}));
		await assertNothing(t, store, {connectionId: key.connectionId + key.filename, filename: ''});
	});

	test('media store: any name is a name, and no two are the same', async (t) => {
		await using fixture = await harness.start();
		const {store} = fixture;
		const connectionId = randomUUID();
		const names = [
			'../../etc/passwd',
			'/etc/passwd',
			'..',
			'.',
			'',
			'a\0b',
			'a',
			'A',
			'ä',
			'a\u0308',
			'👋.jpg',
			'CON',
			'con.jpg',
			'a/b',
			'a\\b',
			'a%2Fb',
			' a',
			'a ',
			'x'.repeat(4096),
			'x'.repeat(4097),
			'.json',
			'*',
			'__proto__',
		];
		for (const filename of names) await store.put({connectionId, filename}, incoming(Buffer.from(filename)));
		for (const filename of names) {
			const content = await read(store, {connectionId, filename});
			t.is(content.toString(), filename, JSON.stringify(filename.slice(0, 20)));
		}
	});

	test('media store: a put replaces what had the name', async (t) => {
		await using fixture = await harness.start();
		const {store, other, clock} = fixture;
		const key = newKey();
		await store.put(key, incoming(Buffer.from('first'), {displayName: 'one'}));
		await clock.advance(1000);
		const second = await other.put(key, incoming(Buffer.from('second, longer'), {contentType: 'text/plain'}));
		t.deepEqual(await store.find(key), second);
		t.is((await read(store, key)).toString(), 'second, longer');
	});

	test('media store: a source that fails half-way leaves nothing, and not even harms what was there', async (t) => {
		await using fixture = await harness.start();
		const {store} = fixture;
		const [fresh, known] = [newKey(), newKey()];
		const before = await store.put(known, incoming(Buffer.from('before')));
		const failure = new Error('the line broke');
		for (const key of [fresh, known]) {
			async function* broken(): AsyncGenerator<Uint8Array> {
				yield randomBytes(200_000);
				await Promise.resolve();
				throw failure;
			}
			t.is(await t.throwsAsync(store.put(key, incoming(Buffer.alloc(0), {content: broken()}))), failure);
		}
		await assertNothing(t, store, fresh);
		t.deepEqual(await store.find(known), before);
		t.is((await read(store, known)).toString(), 'before');
	});

	test('media store: a file of exactly the limit is taken; one byte more is refused, ends the source and leaves nothing', async (t) => {
		await using fixture = await harness.start();
		const {store} = fixture;
		const [exact, above] = [newKey(), newKey()];
		await store.put(exact, incoming(randomBytes(100_000), {maxBytes: 100_000}));
		let ended = false;
		async function* endless(): AsyncGenerator<Uint8Array> {
			try {
				yield randomBytes(100_000);
				yield Buffer.from('!');
				yield await Promise.resolve(randomBytes(100_000));
			} finally {
				ended = true;
			}
		}
		const file = incoming(Buffer.alloc(0), {content: endless(), maxBytes: 100_000});
		const error = await t.throwsAsync(store.put(above, file), {instanceOf: MediaTooLargeError});
		t.is(error.message, 'The file is larger than 100000 bytes');
		t.true(ended);
		await assertNothing(t, store, above);
		await t.throwsAsync(store.put(above, incoming(randomBytes(2 * MB + 1), {maxBytes: 2 * MB})), {message: /2 MB$/});
	});

	test('media store: a file is not there before it is whole', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const key = newKey();
		const rest = Promise.withResolvers<Buffer>();
		const begun = Promise.withResolvers<undefined>();
		async function* slow(): AsyncGenerator<Uint8Array> {
			yield Buffer.from('one, ');
			begun.resolve(undefined);
			yield await rest.promise;
		}
		const putting = store.put(key, incoming(Buffer.alloc(0), {content: slow()}));
		await begun.promise;
		await assertNothing(t, other, key);
		await other.noteMissing(key, 'too slow', new Date());
		rest.resolve(Buffer.from('two'));
		const stored = await putting;
		t.deepEqual(await other.find(key), stored, 'what is there counts more than a note');
		t.is((await read(other, key)).toString(), 'one, two');
	});

	test('media store: of puts of one key at the same time one wins, whole', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const key = newKey();
		const contents = Array.from({length: 12}, (_, index) => Buffer.alloc(100_000 + index, index));
		const results = await Promise.all(
			contents.map((bytes, index) => (index % 2 === 0 ? store : other).put(key, incoming(bytes))),
		);
		const found = await store.find(key);
		const winner = results.findIndex((result) => found?.state === 'stored' && result.sha256 === found.sha256);
		t.true(winner >= 0);
		t.true((await read(other, key)).equals(contents[winner] ?? Buffer.alloc(0)));
	});

	test('media store: readers during replacements get one of the files, whole', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const key = newKey();
		const content = (index: number): Buffer => Buffer.alloc(150_000 + index, index);
		await store.put(key, incoming(content(0)));
		let done = false;
		const readUntilDone = async (): Promise<number> => {
			let reads = 0;
			while (!done) {
				const bytes = await read(other, key);
				const found = await other.find(key);
				if (!bytes.equals(content(bytes[0] ?? 0))) throw new Error(`${bytes.length} bytes of ${bytes[0]}`);
				if (found?.state !== 'stored') throw new Error('it was gone for a moment');
				reads++;
			}
			return reads;
		};
		const readers = [readUntilDone(), readUntilDone(), readUntilDone()];
		for (let index = 1; index <= 40; index++) await store.put(key, incoming(content(index)));
		done = true;
		for (const reads of await Promise.all(readers)) t.true(reads > 0);
	});

	test('media store: a note says why a file is not there, until it is', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const key = newKey();
		const at = new Date('2026-03-27T12:00:00.123Z');
		await store.noteMissing(key, 'Grüße: zu groß', at);
		t.deepEqual(await other.find(key), {state: 'missing', reason: 'Grüße: zu groß', at});
		await t.throwsAsync(store.open(key), {instanceOf: MediaNotFoundError});
		const retryAt = new Date('2026-03-27T12:00:02.123Z');
		await store.noteMissing(key, 'another reason', at, retryAt);
		t.deepEqual(await other.find(key), {state: 'missing', reason: 'another reason', at, retryAt});
		await store.noteMissing(key, 'given up', at);
		t.deepEqual(await other.find(key), {state: 'missing', reason: 'given up', at});
		const stored = await store.put(key, incoming(Buffer.from('x')));
		t.deepEqual(await other.find(key), stored);
		await other.noteMissing(key, 'too late', at);
		t.deepEqual(await store.find(key), stored);
		t.is((await read(store, key)).toString(), 'x');
		await store.remove(key);
		t.is(await store.find(key), undefined, 'the first note is gone');
	});

	test('media store: what is removed is gone without a trace, again and again', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const connectionId = randomUUID();
		const [file, note, kept] = [newKey({connectionId}), newKey({connectionId}), newKey({connectionId})];
		for (const key of [file, kept]) await store.put(key, incoming(Buffer.from(key.filename)));
		await store.noteMissing(note, 'why', new Date());
		for (let repeat = 0; repeat < 2; repeat++) {
			await other.remove(file);
			await other.remove(note);
			await assertNothing(t, store, file);
			await assertNothing(t, store, note);
		}
		t.is((await read(store, kept)).toString(), kept.filename);
	});

	test('media store: removing all of a connection leaves those of others', async (t) => {
		await using fixture = await harness.start();
		const {store, other} = fixture;
		const [gone, kept] = [randomUUID(), randomUUID()];
		const keys = [1, 2, 3].map(() => newKey({connectionId: gone}));
		for (const key of keys) await store.put(key, incoming(Buffer.from('x')));
		const neighbour = newKey({connectionId: kept, filename: keys[0]?.filename ?? ''});
		await store.put(neighbour, incoming(Buffer.from('neighbour')));
		for (let repeat = 0; repeat < 2; repeat++) await other.removeAll(gone);
		for (const key of keys) await assertNothing(t, store, key);
		t.is((await read(store, neighbour)).toString(), 'neighbour');
		await store.put(newKey({connectionId: gone}), incoming(Buffer.from('it may come again')));
	});

	test('media store: what is too old leaves a note, and the note goes one such time later', async (t) => {
		await using fixture = await harness.start();
		const {store, other, clock} = fixture;
		const [old, recent] = [newKey(), newKey()];
		const expire = (each: MediaStore): Promise<number> =>
			each.expire(new Date(clock.now() - 30 * DAY_MS), 'kept 30 days');
		await store.put(old, incoming(Buffer.from('old')));
		await clock.advance(DAY_MS);
		const kept = await store.put(recent, incoming(Buffer.from('recent')));
		await clock.advance(29 * DAY_MS);
		t.is(await expire(store), 0, 'not older than 30 days');
		await clock.advance(1);
		t.is(await expire(other), 1);
		t.is(await expire(store), 0);
		t.deepEqual(await store.find(old), {state: 'missing', reason: 'kept 30 days', at: new Date(clock.now())});
		await t.throwsAsync(store.open(old), {instanceOf: MediaNotFoundError});
		t.deepEqual(await store.find(recent), kept);
		await clock.advance(30 * DAY_MS + 1);
		t.is(await expire(store), 1);
		await assertNothing(t, store, old);
	});

	test('media store: a file that expires while it is read is read to its end', async (t) => {
		await using fixture = await harness.start();
		const {store, other, clock} = fixture;
		const key = newKey();
		const bytes = randomBytes(500_000);
		await store.put(key, incoming(bytes));
		const iterator = (await store.open(key))[Symbol.asyncIterator]();
		const first = await iterator.next();
		t.is(await other.expire(new Date(clock.now() + 1), 'expired'), 1);
		const rest = await readAll({[Symbol.asyncIterator]: () => iterator});
		t.true(Buffer.concat([first.done ? Buffer.alloc(0) : first.value, rest]).equals(bytes));
		t.like(await store.find(key), {state: 'missing'});
	});

	test('media store: sweeps at the same time count each file once and leave what is put meanwhile', async (t) => {
		await using fixture = await harness.start();
		const {store, other, clock} = fixture;
		const connectionId = randomUUID();
		const keys = Array.from({length: 30}, () => newKey({connectionId}));
		for (const key of keys) await store.put(key, incoming(Buffer.from('old')));
		await clock.advance(1);
		const before = new Date(clock.now());
		const puts = keys.slice(0, 10).map((key) => other.put(key, incoming(Buffer.from('new'))));
		const counts = await Promise.all([store.expire(before, 'why'), other.expire(before, 'why')]);
		await Promise.all(puts);
		const total = counts.reduce((sum, count) => sum + count, 0);
		t.true(total >= 20 && total <= 30, `${total} deleted`);
		for (const key of keys.slice(0, 10)) t.is((await read(store, key)).toString(), 'new');
		for (const key of keys.slice(10)) t.like(await store.find(key), {state: 'missing', reason: 'why'});
	});
}
