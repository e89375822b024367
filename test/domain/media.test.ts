import test from 'ava';
import {ConfiguredEngines} from '../../config/engine-directory.ts';
import {
	EngineError,
	MediaExpiredError,
	MediaNotFoundError,
	MediaNotReadyError,
	MediaStoreUnavailableError,
} from '../../domain/errors.ts';
import {Media} from '../../domain/media/media.ts';
import {messageMediaName} from '../../domain/media/message-media-name.ts';
import type {MediaKey} from '../../domain/ports/media-store.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {inChunks, readAll} from '../support/media-content.ts';
import {MediaEngine} from '../support/media-engine.ts';
import {MemoryMediaStore} from '../support/memory-media-store.ts';
import {sampleConnection} from '../support/samples.ts';

const MESSAGE = {chatId: '1@c.us', messageId: 'false_1@c.us_3EB0'};

function create() {
	const clock = new ManualClock();
	const store = new MemoryMediaStore({clock});
	const engine = new MediaEngine();
	const engines = new ConfiguredEngines([{worker: engine.worker, engine: engine.engine}]);
	const connection = sampleConnection({workerId: engine.worker.id});
	const keyOf = (filename: string): MediaKey => ({connectionId: connection.id, filename});
	const put = (filename: string, text: string, displayName: string | null = null) =>
		store.put(keyOf(filename), {
			contentType: 'image/png',
			displayName,
			content: inChunks(Buffer.from(text)),
			maxBytes: 1000,
		});
	return {clock, store, engine, connection, keyOf, put, media: new Media({store, engines, clock})};
}

const unlimited = (): AbortSignal => new AbortController().signal;
const textOf = async (content: Promise<AsyncIterable<Uint8Array>>): Promise<string> =>
	(await readAll(await content)).toString();

test('a stored file comes from the store, with all that a browser wants to know, whole and in parts', async (t) => {
	const {media, put, engine, connection} = create();
	const stored = await put('a.png', 'content', 'photo.png');
	const {open, ...facts} = await media.open(connection, 'a.png', unlimited());
	t.deepEqual(facts, {
		contentType: 'image/png',
		displayName: 'photo.png',
		sizeBytes: 7,
		etag: `"${stored.sha256}"`,
		lastModified: stored.storedAt,
		rangeable: true,
	});
	t.is(await textOf(open()), 'content');
	t.is(await textOf(open({start: 1, end: 3})), 'ont');
	t.deepEqual(engine.calls, []);
});

test('a file that nobody stored comes through from the engine, and is not kept', async (t) => {
	const {media, store, engine, connection} = create();
	engine.serve('a.pdf', Buffer.from('from the engine'));
	const {open, ...facts} = await media.open(connection, 'a.pdf', unlimited());
	t.deepEqual(facts, {
		contentType: 'application/pdf',
		displayName: null,
		sizeBytes: 15,
		etag: null,
		lastModified: null,
		rangeable: false,
	});
	t.is(await textOf(open()), 'from the engine');
	t.deepEqual(store.filenames, []);
});

test('a type that is no media type does not get into a header', async (t) => {
	const {media, engine, connection} = create();
	engine.serve('a', Buffer.from('x'), {contentType: 'text/html\r\nx: y', sizeBytes: null});
	const {contentType, sizeBytes} = await media.open(connection, 'a', unlimited());
	t.is(contentType, 'application/octet-stream');
	t.is(sizeBytes, null);
});

test('a file that neither has is not found; neither is one of a connection without a worker', async (t) => {
	const {media, connection} = create();
	for (const each of [connection, {...connection, workerId: null}]) {
		await t.throwsAsync(media.open(each, 'a.png', unlimited()), {
			instanceOf: MediaNotFoundError,
			message: 'Media not found',
		});
	}
});

test('an invalid name asks nobody', async (t) => {
	const {media, store, engine, connection} = create();
	store.away = true;
	await t.throwsAsync(media.open(connection, '../a.png', unlimited()), {
		instanceOf: MediaNotFoundError,
		message: 'Invalid filename',
	});
	t.deepEqual(engine.calls, []);
});

test('a noted file is looked for once more at the engine, else the note tells the reason', async (t) => {
	const {media, store, engine, connection, keyOf} = create();
	await store.noteMissing(keyOf('a.png'), 'Files are kept for 30 days', new Date());
	await t.throwsAsync(media.open(connection, 'a.png', unlimited()), {
		instanceOf: MediaExpiredError,
		message: 'Files are kept for 30 days',
	});
	engine.serve('a.png', Buffer.from('there again'));
	const opened = await media.open(connection, 'a.png', unlimited());
	t.is(await textOf(opened.open()), 'there again');
});

test('a file that is still being fetched is not ready, and says when it is tried again', async (t) => {
	const {media, store, engine, clock, connection, keyOf, put} = create();
	const retryAt = new Date(clock.now() + 60_000);
	await store.noteMissing(keyOf('a.png'), 'why', new Date(clock.now()), retryAt);
	const ask = (): Promise<unknown> => media.open(connection, 'a.png', unlimited());
	const notReady = {instanceOf: MediaNotReadyError};
	t.like(await t.throwsAsync(ask(), notReady), {retryable: true, retryAfterMs: 60_000});
	await clock.advance(60_000 - 1);
	t.like(await t.throwsAsync(ask(), notReady), {retryAfterMs: 2000});
	await clock.advance(5 * 60_000);
	t.like(await t.throwsAsync(ask(), notReady), {retryAfterMs: 2000}, 'that try may take its time');
	await clock.advance(5 * 60_000 + 1);
	await t.throwsAsync(ask(), {instanceOf: MediaExpiredError, message: 'why'}, 'nobody tries it any more');
	engine.serve('a.png', Buffer.from('at the engine'));
	t.is(await textOf((await media.open(connection, 'a.png', unlimited())).open()), 'at the engine');
	await put('a.png', 'in the store');
	t.is(await textOf((await media.open(connection, 'a.png', unlimited())).open()), 'in the store');
});

test('an engine that cannot be asked is no missing file, whether there is a note or not', async (t) => {
	const {media, store, engine, connection, keyOf} = create();
	engine.failure = new EngineError('ENGINE_UNAVAILABLE', 'away');
	await store.noteMissing(keyOf('noted.png'), 'why', new Date());
	for (const filename of ['a.png', 'noted.png']) {
		t.is(await t.throwsAsync(media.open(connection, filename, unlimited())), engine.failure);
	}
	t.is(await t.throwsAsync(media.openOfMessage(connection, MESSAGE, unlimited())), engine.failure);
	store.away = true;
	await t.throwsAsync(media.open(connection, 'a.png', unlimited()), {instanceOf: MediaStoreUnavailableError});
});

test('an engine that does not answer is given up after 20 s, and its transfer ended', async (t) => {
	const {media, clock, engine, connection} = create();
	let signal: AbortSignal | undefined;
	engine.openByName = (_session, _filename, given) => {
		signal = given;
		return new Promise(() => undefined);
	};
	const opening = media.open(connection, 'a.png', unlimited());
	await eventually(() => signal !== undefined);
	await clock.advance(19_000);
	t.false(signal?.aborted);
	await clock.advance(1000);
	await t.throwsAsync(opening, {instanceOf: EngineError, message: /did not answer in time/});
	t.true(signal?.aborted);
});

test('a transfer that nobody reads is ended, one that is read goes on, and the caller can end it', async (t) => {
	const {media, clock, engine, connection} = create();
	engine.serve('a.png', Buffer.from('x'));
	await media.open(connection, 'a.png', unlimited());
	t.is(engine.transfers, 1);
	await clock.advance(10_000);
	t.is(engine.transfers, 0, 'a HEAD request costs no more');

	const caller = new AbortController();
	const read = await media.open(connection, 'a.png', caller.signal);
	const content = await read.open();
	await clock.advance(60_000);
	t.is(engine.transfers, 1);
	t.is((await readAll(content)).toString(), 'x');
	caller.abort();
	t.is(engine.transfers, 0);
});

test('the file of a message comes from the store when it is known there, else from WhatsApp again', async (t) => {
	const {media, store, engine, connection, put, keyOf} = create();
	engine.serve(MESSAGE.messageId, Buffer.from('from WhatsApp'), {contentType: 'image/jpeg'});
	const again = await media.openOfMessage(connection, MESSAGE, unlimited());
	t.like(again, {contentType: 'image/jpeg', displayName: `${MESSAGE.messageId}.again.jpeg`, rangeable: false});
	t.is(await textOf(again.open()), 'from WhatsApp');

	await put(messageMediaName(MESSAGE.messageId), '3EB0.png');
	t.is(await textOf((await media.openOfMessage(connection, MESSAGE, unlimited())).open()), 'from WhatsApp');
	await put('3EB0.png', 'stored', 'photo.png');
	const calls = engine.calls.length;
	for (const messageId of [MESSAGE.messageId, 'false_77@lid_3EB0', '3EB0']) {
		const found = await media.openOfMessage(connection, {...MESSAGE, messageId}, unlimited());
		t.like(found, {contentType: 'image/png', displayName: 'photo.png', rangeable: true}, messageId);
		t.is(await textOf(found.open()), 'stored');
	}
	t.is(engine.calls.length, calls);
	await store.remove(keyOf('3EB0.png'));
	engine.forget(MESSAGE.messageId);
	await t.throwsAsync(media.openOfMessage(connection, MESSAGE, unlimited()), {
		instanceOf: MediaNotFoundError,
		message: 'Media not found',
	});
	await t.throwsAsync(media.open(connection, messageMediaName('3EB0'), unlimited()), {message: 'Invalid filename'});
});

test('a message that the engine does not know is no missing file', async (t) => {
	const {media, engine, connection} = create();
	engine.failure = new EngineError('MESSAGE_NOT_FOUND', 'Message not found');
	t.is(await t.throwsAsync(media.openOfMessage(connection, MESSAGE, unlimited())), engine.failure);
});
