import {createHash} from 'node:crypto';
import {buffer} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {MAX_KEPT_FILE_BYTES} from '../../adapters/simulator/files/simulated-file.ts';
import {EngineError, ValidationError} from '../../domain/errors.ts';
import type {SimulatedMessage} from '../../domain/ports/simulator-control.ts';
import type {EngineFile} from '../../domain/ports/whatsapp-engine.ts';
import {SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';
const LIFETIME_MS = 180_000;

const signal = (): AbortSignal => AbortSignal.timeout(10_000);

interface Received {
	readonly messageId: string;
	readonly url: string;
	readonly mimetype: string;
	readonly filename: string | null;
	/** As the raw message tells it. */
	readonly fileSha256: string;
	readonly fileLength: string;
}

type RawFile = Pick<Received, 'fileSha256' | 'fileLength'>;

/** Has a contact send a file, and tells what the event says of it. */
async function receive(bench: SimulatorBench, message: Omit<SimulatedMessage, 'from'>): Promise<Received> {
	const {messageId} = await bench.engine.receive('s', {from: CONTACT, ...message});
	const payload = bench.payloads('message').find(({id}) => id === messageId);
	const {media, _data} = payload as {
		media: {url: string; mimetype: string; filename: string | null};
		_data: {message: Record<string, RawFile & {message?: {documentMessage: RawFile}}>};
	};
	const [content] = Object.values(_data.message);
	// With a caption a document is wrapped once more.
	const raw = content?.message?.documentMessage ?? content;
	return {messageId, ...media, fileSha256: raw?.fileSha256 ?? '', fileLength: raw?.fileLength ?? ''};
}

async function linkedBench(seed?: string): Promise<SimulatorBench> {
	const bench = new SimulatorBench({...(seed !== undefined && {seed})});
	await bench.link('s');
	return bench;
}

/** Reads it, and finds length and hash as they were told. */
async function contentOf(t: ExecutionContext, file: EngineFile, told: Received): Promise<Buffer> {
	const bytes = await buffer(file.content);
	t.is(file.contentType, told.mimetype);
	t.is(file.sizeBytes, bytes.length);
	t.is(String(bytes.length), told.fileLength);
	t.is(createHash('sha256').update(bytes).digest('base64'), told.fileSha256);
	return bytes;
}

test('a picture is a JPEG', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'image', text: 'look'});
	t.like(told, {mimetype: 'image/jpeg', filename: null});
	t.regex(told.url, /^http:\/\/localhost:3000\/api\/files\/s\/3A[0-9A-F]{18}\.jpeg$/);
	const bytes = await contentOf(t, await bench.engine.media.open('s', told.url, signal()), told);
	t.is(bytes.readUInt16BE(0), 0xffd8);
	t.is(bytes.readUInt16BE(bytes.length - 2), 0xffd9);
	const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
	t.deepEqual([bytes.readUInt16BE(frame + 5), bytes.readUInt16BE(frame + 7)], [128, 96]);
});

test('a video is an MP4 whose boxes and frames are where it says', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'video', text: 'look'});
	t.is(told.mimetype, 'video/mp4');
	t.true(told.url.endsWith('.mp4'));
	const bytes = await contentOf(t, await bench.engine.media.open('s', told.url, signal()), told);
	const boxes: string[] = [];
	for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at))
		boxes.push(bytes.toString('latin1', at + 4, at + 8));
	t.deepEqual(boxes, ['ftyp', 'mdat', 'moov']);
	const firstFrame = bytes.readUInt32BE(bytes.indexOf('stco') + 12);
	t.is(bytes.readUInt16BE(firstFrame), 0xffd8);
});

test('a voice note is OGG/Opus in whole pages', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'voice'});
	t.is(told.mimetype, 'audio/ogg; codecs=opus');
	t.true(told.url.endsWith('.oga'));
	t.is(bench.payloads('message')[0]?.['body'], null);
	const bytes = await contentOf(t, await bench.engine.media.open('s', told.url, signal()), told);
	let pages = 0;
	for (let at = 0; at < bytes.length; pages++) {
		t.is(bytes.toString('latin1', at, at + 4), 'OggS');
		const lacing = bytes.subarray(at + 27, at + 27 + bytes.readUInt8(at + 26));
		at += 27 + lacing.length + lacing.reduce((sum, length) => sum + length, 0);
	}
	t.is(pages, 7);
	t.true(bytes.includes('OpusHead') && bytes.includes('OpusTags'));
});

test('a document is a PDF whose table is where it says', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'document', text: 'the bill'});
	t.is(told.mimetype, 'application/pdf');
	t.regex(told.filename ?? '', /^document-[0-9A-F]{6}\.pdf$/);
	const text = (await buffer((await bench.engine.media.open('s', told.url, signal())).content)).toString('latin1');
	const [, start] = /startxref\n(\d+)\n%%EOF\n$/.exec(text) ?? [];
	t.true(text.startsWith('%PDF-1.4\n'));
	t.is(text.slice(Number(start), Number(start) + 4), 'xref');
});

test('the same seed gives the same files, and every message has another', async (t) => {
	const play = async (seed: string): Promise<readonly string[]> => {
		await using bench = await linkedBench(seed);
		const files: string[] = [];
		for (const type of ['image', 'image', 'video', 'voice', 'document'] as const) {
			files.push((await receive(bench, {type})).fileSha256);
		}
		files.push((await receive(bench, {type: 'document', sizeBytes: 100_000})).fileSha256);
		return files;
	};
	const first = await play('one');
	t.deepEqual(await play('one'), first);
	t.is(new Set([...first, ...(await play('two'))]).size, 2 * first.length);
});

test('a file can be fetched for 180 s, then only again from the message', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'image'});
	await bench.clock.advance(LIFETIME_MS - 1);
	const before = await buffer((await bench.engine.media.open('s', told.url, signal())).content);
	await bench.clock.advance(1);
	await t.throwsAsync(bench.engine.media.open('s', told.url, signal()), {code: 'MEDIA_NOT_FOUND'});
	const target = {chatId: CONTACT, messageId: told.messageId};
	const again = await bench.engine.media.openOfMessage('s', target, signal());
	t.true(told.url.endsWith(`/${again.filename}`));
	t.deepEqual(await contentOf(t, again, told), before);
	await bench.clock.advance(LIFETIME_MS - 1);
	t.deepEqual(await contentOf(t, await bench.engine.media.open('s', told.url, signal()), told), before);
});

test('chaos: expired files can be fetched again, files that are gone cannot, and both can be undone', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'image'});
	const target = {chatId: CONTACT, messageId: told.messageId};
	const {media} = bench.engine;
	for (const availability of ['expired', 'gone'] as const) {
		await bench.engine.setChaos('s', {media: availability});
		await t.throwsAsync(media.open('s', told.url, signal()), {instanceOf: EngineError, code: 'MEDIA_NOT_FOUND'});
		const again = media.openOfMessage('s', target, signal());
		await (availability === 'gone' ? t.throwsAsync(again, {code: 'MEDIA_NOT_FOUND'}) : t.notThrowsAsync(again));
	}
	await bench.engine.setChaos('s', {media: 'served'});
	await t.notThrowsAsync(media.open('s', told.url, signal()));
});

test('a contact can send a file that is given', async (t) => {
	await using bench = await linkedBench();
	const bytes = Buffer.from('name;price\nbread;2\n');
	const media = {data: bytes.toString('base64'), mimetype: 'text/csv', filename: 'list ü.csv'};
	const told = await receive(bench, {media, text: 'prices'});
	t.like(told, {mimetype: 'text/csv', filename: 'list ü.csv'});
	t.true(told.url.endsWith('.csv'));
	t.deepEqual(await contentOf(t, await bench.engine.media.open('s', told.url, signal()), told), bytes);
	t.true('documentWithCaptionMessage' in (bench.payloads('message')[0]?.['_data'] as {message: object}).message);

	for (const [mimetype, kind, extension] of [
		['image/png', 'imageMessage', 'png'],
		['video/mp4', 'videoMessage', 'mp4'],
		['audio/mpeg', 'audioMessage', 'mpga'],
		['application/x-unknown-thing', 'documentMessage', 'false'],
	] as const) {
		const {messageId, url} = await receive(bench, {media: {data: media.data, mimetype}});
		const payload = bench.payloads('message').find(({id}) => id === messageId);
		t.true(kind in (payload?.['_data'] as {message: object}).message, mimetype);
		t.true(url.endsWith(`.${extension}`), url);
	}
});

test('what a contact cannot send is refused, and is no event', async (t) => {
	await using bench = await linkedBench();
	const data = Buffer.alloc(10, 'x').toString('base64');
	const refused: Omit<SimulatedMessage, 'from'>[] = [
		{media: {data: 'no base64!', mimetype: 'image/png'}},
		{media: {data: '', mimetype: 'image/png'}},
		{media: {data: Buffer.alloc(MAX_KEPT_FILE_BYTES + 1).toString('base64'), mimetype: 'image/png'}},
		{type: 'text', media: {data, mimetype: 'image/png'}},
		{type: 'image', sizeBytes: 10},
		{sizeBytes: 10, media: {data, mimetype: 'text/plain'}},
		...[0, -1, 1.5, Number.NaN, 100 * 1024 * 1024 + 1].map((sizeBytes) => ({sizeBytes})),
	];
	for (const message of refused) {
		const call = bench.engine.receive('s', {from: CONTACT, ...message});
		await t.throwsAsync(call, {instanceOf: ValidationError}, JSON.stringify(message).slice(0, 100));
	}
	t.deepEqual(bench.payloads('message'), []);
});

test('a document of 100 MB is made while it is read, in pieces of 64 KiB at most', async (t) => {
	await using bench = await linkedBench();
	const sizeBytes = 100 * 1024 * 1024;
	const told = await receive(bench, {sizeBytes});
	t.like(told, {mimetype: 'application/octet-stream', fileLength: String(sizeBytes)});
	t.true(told.url.endsWith('.bin'));
	const hash = createHash('sha256');
	let largest = 0;
	for await (const chunk of (await bench.engine.media.open('s', told.url, signal())).content) {
		hash.update(chunk);
		largest = Math.max(largest, chunk.length);
	}
	t.is(hash.digest('base64'), told.fileSha256);
	t.true(largest <= 64 * 1024, String(largest));
});

test('of large files that are sent only the measure is kept; small ones can be fetched', async (t) => {
	await using bench = await linkedBench();
	for (const [sizeBytes, key] of [
		[MAX_KEPT_FILE_BYTES, '3EB0AAAA'],
		[MAX_KEPT_FILE_BYTES + 1, '3EB0BBBB'],
	] as const) {
		const piece = Buffer.alloc(sizeBytes / 4 + 1, key).subarray(0, Math.ceil(sizeBytes / 4));
		const bytes = Buffer.concat([piece, piece, piece, piece]).subarray(0, sizeBytes);
		const open = async function* () {
			for (let start = 0; start < sizeBytes; start += piece.length) {
				yield await Promise.resolve(bytes.subarray(start, start + piece.length));
			}
		};
		const file = {mimetype: 'video/mp4', filename: 'film.mp4', sizeBytes, open};
		const {id} = await bench.sendContent('s', CONTACT, {kind: 'video', file, caption: null}, key);
		await bench.clock.advance(0);
		const payload = bench.payloads('message.any').find((any) => any['id'] === id);
		const {media} = payload as {media: {url: string | null; mimetype: string}};
		t.is(media.mimetype, 'video/mp4');
		const again = bench.engine.media.openOfMessage('s', {chatId: CONTACT, messageId: id ?? ''}, signal());
		if (key === '3EB0AAAA') {
			t.deepEqual(await buffer((await bench.engine.media.open('s', media.url ?? '', signal())).content), bytes);
			await t.notThrowsAsync(again);
		} else {
			t.is(media.url, null);
			await t.throwsAsync(again, {code: 'MEDIA_NOT_FOUND'});
		}
	}
});

test('of files that are kept the oldest are forgotten beyond 8 MB', async (t) => {
	await using bench = await linkedBench();
	const targets: {chatId: string; messageId: string}[] = [];
	for (let n = 0; n < 10; n++) {
		const data = Buffer.alloc(1_000_000, String(n)).toString('base64');
		const {messageId} = await receive(bench, {media: {data, mimetype: 'text/plain'}});
		targets.push({chatId: CONTACT, messageId});
	}
	const found = await Promise.all(
		targets.map((target) =>
			bench.engine.media.openOfMessage('s', target, signal()).then(
				() => true,
				() => false,
			),
		),
	);
	t.deepEqual(found, [false, false, ...Array<boolean>(8).fill(true)]);
});

test('an empty file is refused', async (t) => {
	await using bench = await linkedBench();
	const file = {mimetype: 'text/plain', filename: 'nothing.txt', sizeBytes: 0, open: () => emptiness()};
	const call = bench.sendContent('s', CONTACT, {kind: 'document', file, caption: null});
	await t.throwsAsync(call, {instanceOf: EngineError, code: 'CONTENT_INVALID'});
	t.deepEqual(bench.payloads('message.any'), []);
});

async function* emptiness(): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(new Uint8Array());
}

test('after a restart of the process drawn files can be fetched again, given ones are gone', async (t) => {
	const before = await linkedBench();
	const drawn = await receive(before, {type: 'image'});
	const given = await receive(before, {media: {data: 'aGVsbG8=', mimetype: 'image/png'}});
	await before.clock.advance(2000);
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS);
	const {media} = after.engine;
	await t.throwsAsync(media.open('s', drawn.url, signal()), {code: 'MEDIA_NOT_FOUND'});
	const again = await media.openOfMessage('s', {chatId: CONTACT, messageId: drawn.messageId}, signal());
	t.truthy(await contentOf(t, again, drawn));
	const lost = media.openOfMessage('s', {chatId: CONTACT, messageId: given.messageId}, signal());
	await t.throwsAsync(lost, {code: 'MEDIA_NOT_FOUND'});
});

test('a session has its own files only, and none after a logout', async (t) => {
	await using bench = await linkedBench();
	await bench.link('other');
	const {url} = await receive(bench, {type: 'image'});
	const name = url.slice(url.lastIndexOf('/') + 1);
	const {media} = bench.engine;
	for (const call of [
		() => media.open('other', url, signal()),
		() => media.open('other', url.replace('/s/', '/other/'), signal()),
		() => media.openByName('other', name, signal()),
		() => media.open('s', 'http://localhost:3000/api/files/s/../s/x.jpeg', signal()),
		() => media.open('s', 'nonsense', signal()),
	]) {
		await t.throwsAsync(call(), {code: 'MEDIA_NOT_FOUND'}, call.toString());
	}
	await bench.engine.sessions.stop('s');
	await t.notThrowsAsync(media.open('s', url, signal()), 'WAHA serves files of stopped sessions, too');
	await bench.engine.sessions.logout('s');
	await t.throwsAsync(media.open('s', url, signal()), {code: 'MEDIA_NOT_FOUND'});
});

test('a forwarded file has the same bytes', async (t) => {
	await using bench = await linkedBench();
	const told = await receive(bench, {type: 'image', text: 'look'});
	const chatId = '15550002222@c.us';
	const forward = {chatId, messageId: told.messageId};
	await bench.engine.messages.forward('s', forward, '3EB0AAAA', signal());
	await bench.clock.advance(0);
	const sent = bench.payloads('message.any').find(({fromMe}) => fromMe === true);
	const {url} = sent?.['media'] as {url: string};
	t.true(url.endsWith('/3EB0AAAA.jpeg'));
	t.truthy(await contentOf(t, await bench.engine.media.open('s', url, signal()), told));
	const {imageMessage} = (sent?.['_data'] as {message: {imageMessage: {contextInfo: object}}}).message;
	t.like(imageMessage.contextInfo, {isForwarded: true});
});
