import {createHash} from 'node:crypto';
import type {ServerResponse} from 'node:http';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import test, {type ExecutionContext} from 'ava';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import {isRecyclable, type Recyclable} from '../../domain/media/recyclable.ts';
import type {EngineFile} from '../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../support/eventually.ts';
import type {FakeFile} from '../support/fake-waha-content.ts';
import {FakeWahaServer} from '../support/fake-waha-server.ts';
import type {FakeWahaOptions} from '../support/fake-waha.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {startWahaFixture, type WahaFixture} from '../support/waha-fixture.ts';

const SESSION = 'u_1_s_1';
const CHAT = '15550001111@c.us';
const URL_OF_FILE = `http://localhost:3000/api/files/${SESSION}/3EB0.jpeg`;
const LARGE_BYTES = 100_000_000;
const PIECE_BYTES = 100_000;

/** What kernels hold of a connection on both sides, at most. */
const IN_FLIGHT_BYTES = 20_000_000;

for (const engine of ['GOWS', 'NOWEB', 'WEBJS'] as const) {
	test(`${engine}: a file of an event is fetched from the worker, whatever host the event names`, async (t) => {
		await using fixture = await startLinked({engine});
		const {url} = receiveFile(fixture);
		t.regex(url, /^http:\/\/localhost:3000\/api\/files\//);
		const file = await fixture.engine.media.open(SESSION, url, inTime());
		t.like(file, {contentType: 'image/jpeg', sizeBytes: IMAGE.bytes.length});
		t.deepEqual(await buffer(file.content), IMAGE.bytes);
	});

	test(`${engine}: a file that is forgotten is fetched again through its message`, async (t) => {
		await using fixture = await startLinked({engine});
		const {messageId, url} = receiveFile(fixture);
		fixture.waha.expireFiles();
		await fails(t, fixture.engine.media.open(SESSION, url, inTime()), 'MEDIA_NOT_FOUND');
		const again = await fixture.engine.media.openOfMessage(SESSION, {chatId: CHAT, messageId}, inTime());
		t.is(again.filename, url.slice(url.lastIndexOf('/') + 1));
		t.deepEqual(await buffer(again.content), IMAGE.bytes);
		const path = `/api/${SESSION}/chats/${encodeURIComponent(CHAT)}/messages/${encodeURIComponent(messageId)}`;
		t.is(fixture.waha.requestsTo('GET', path)[0]?.query.get('downloadMedia'), 'true');
	});
}

test('a file is gone after its lifetime', async (t) => {
	await using fixture = await startLinked({filesLifetimeMs: 1});
	const {url} = receiveFile(fixture);
	await eventually(async () => {
		await fails(t, fixture.engine.media.open(SESSION, url, inTime()), 'MEDIA_NOT_FOUND');
	});
});

const PATHS: Readonly<Record<string, string>> = {
	[URL_OF_FILE]: `/api/files/${SESSION}/3EB0.jpeg`,
	'http://localhost:3000/api/files/false_1@c.us_3EB0.jpeg': '/api/files/false_1@c.us_3EB0.jpeg',
	'https://waha.internal:8443/api/s3/bucket/a/b.jpeg?versionId=7': '/api/s3/bucket/a/b.jpeg?versionId=7',
	[`http://localhost:3000/api/files/${SESSION}/100%25.jpeg`]: `/api/files/${SESSION}/100%25.jpeg`,
	[`http://localhost:3000/api/files/${SESSION}/a%20b.jpeg#top`]: `/api/files/${SESSION}/a%20b.jpeg`,
};

for (const [url, path] of Object.entries(PATHS)) {
	for (const base of ['', '/waha', '/waha/']) {
		test(`at a server below "${base}", ${url} is asked for there`, async (t) => {
			const asked: (string | undefined)[] = [];
			await using server = await FakeWahaServer.start((request, response) => {
				asked.push(request.url, request.headers['x-api-key'] as string);
				response.end('bytes');
			});
			using engine = engineAt(server.url + base);
			t.is((await buffer((await engine.media.open(SESSION, url, inTime())).content)).toString(), 'bytes');
			t.deepEqual(asked, [base.replace(/\/$/, '') + path, 'k']);
		});
	}
}

test('an address that already has the path of the server is not given it twice', async (t) => {
	let asked: string | undefined;
	await using server = await FakeWahaServer.start((request, response) => {
		asked = request.url;
		response.end('bytes');
	});
	using engine = engineAt(`${server.url}/waha`);
	await engine.media.open(SESSION, `https://public.example/waha/api/files/${SESSION}/a.jpeg`, inTime());
	t.is(asked, `/waha/api/files/${SESSION}/a.jpeg`);
});

const REFUSED = [
	'https://bucket.s3.amazonaws.com/key.jpeg',
	'http://169.254.169.254/latest/meta-data',
	'http://localhost:3000/api/sessions',
	'http://localhost:3000/api/files/../sessions',
	'http://localhost:3000/api/files/%2e%2e/sessions',
	'http://localhost:3000/api/files/..%2fsessions',
	'http://localhost:3000/api/files/a%2f..%2f..%2fsessions',
	'http://localhost:3000/api/files/..%5csessions',
	'http://localhost:3000/api/files/',
	`http://localhost:3000/x/api/files/${SESSION}/a.jpeg`,
	`ftp://localhost/api/files/${SESSION}/a.jpeg`,
	`file:///api/files/${SESSION}/a.jpeg`,
	'http://localhost:3000/api/files/u_someone_s_else/3EB0.jpeg',
	'http://localhost:3000/api/files/u_someone_s_else/a/3EB0.jpeg',
	`http://localhost:3000/api/files/${SESSION}%2f..%2fu_someone_s_else/3EB0.jpeg`,
	`/api/files/${SESSION}/3EB0.jpeg`,
	'no url',
	'',
];

test('what is no file of WAHA, or one of another session, is not fetched from anywhere', async (t) => {
	let requests = 0;
	await using server = await FakeWahaServer.start((_request, response) => {
		requests += 1;
		response.end('bytes');
	});
	using engine = engineAt(server.url);
	for (const url of REFUSED) {
		await fails(t, engine.media.open(SESSION, url, inTime()), 'MEDIA_NOT_FOUND');
	}
	for (const name of ['', '.', '..', '../sessions', 'a/b', 'a\\b', '%2e%2e', 'a%2fb', 'a\0b']) {
		await fails(t, engine.media.openByName(SESSION, name, inTime()), 'MEDIA_NOT_FOUND');
	}
	t.is(requests, 0);
});

test('a file is found by its name as it stands in the URL, and decoded', async (t) => {
	await using fixture = await startLinked({engine: 'WEBJS'});
	const {url} = receiveFile(fixture);
	const name = url.slice(url.lastIndexOf('/') + 1);
	for (const form of [name, encodeURIComponent(name)]) {
		const {content} = await fixture.engine.media.openByName(SESSION, form, inTime());
		t.deepEqual(await buffer(content), IMAGE.bytes);
	}
});

test('a message without a file has none, nor has one whose file WhatsApp does not give any more', async (t) => {
	await using fixture = await startLinked();
	const text = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'hello'}});
	const open = (messageId: string): Promise<EngineFile> =>
		fixture.engine.media.openOfMessage(SESSION, {chatId: CHAT, messageId}, inTime());
	await fails(t, open(text.id), 'MEDIA_NOT_FOUND');
	await fails(t, open(`false_${CHAT}_3EB0AAAAAAAAAAAAAAAA`), 'MESSAGE_NOT_FOUND');

	const {messageId} = receiveFile(fixture);
	const path = `/api/${SESSION}/chats/${encodeURIComponent(CHAT)}/messages/${encodeURIComponent(messageId)}`;
	const media = {url: null, mimetype: 'image/jpeg', error: {details: 'secret stack', code: 2}};
	const body = JSON.stringify({id: messageId, timestamp: 1, fromMe: false, hasMedia: true, media});
	fixture.waha.failNext('GET', path, {kind: 'answer', status: 200, body});
	await fails(t, open(messageId), 'MEDIA_NOT_FOUND');
});

test('a file of no bytes is none, with and without a length', async (t) => {
	for (const headers of [{'content-length': '0'}, {'transfer-encoding': 'chunked'}]) {
		await using server = await FakeWahaServer.start((_request, response) => response.writeHead(200, headers).end());
		using engine = engineAt(server.url);
		await fails(t, engine.media.open(SESSION, URL_OF_FILE, inTime()), 'MEDIA_NOT_FOUND');
	}
});

test('a file has a type and a length only as far as they are told', async (t) => {
	await using server = await FakeWahaServer.start((_request, response) => {
		response.write('in ');
		response.end('pieces');
	});
	using engine = engineAt(server.url);
	const {content, ...file} = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	t.deepEqual(file, {contentType: 'application/octet-stream', sizeBytes: null});
	t.is((await buffer(content)).toString(), 'in pieces');
});

// Serial: the others would slow down the measurement.
test.serial('a file of 100 MB comes as fast as it is read, and whole', async (t) => {
	const source = new LargeAnswer();
	await using server = await FakeWahaServer.start((_request, response) => void source.write(response));
	using engine = engineAt(server.url);
	const {content, sizeBytes} = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	t.is(sizeBytes, LARGE_BYTES);

	const stalledAt = await whenStill(() => source.writtenBytes);
	t.true(stalledAt < IN_FLIGHT_BYTES, `${stalledAt} bytes were sent while nobody read any`);
	const hash = createHash('sha256');
	let [readBytes, chunks, maxAheadBytes] = [0, 0, 0];
	for await (const chunk of content) {
		hash.update(chunk);
		chunks += 1;
		readBytes += chunk.length;
		maxAheadBytes = Math.max(maxAheadBytes, source.writtenBytes - readBytes);
	}
	t.is(readBytes, LARGE_BYTES);
	t.true(chunks > 1000, `${chunks} chunks`);
	t.true(maxAheadBytes < IN_FLIGHT_BYTES, `${maxAheadBytes} bytes were on their way at once`);
	t.is(hash.digest('hex'), source.hash);
});

test.serial('a chunk that is given back is freed at once, and the file stays whole', async (t) => {
	const answer = new LargeAnswer();
	await using server = await FakeWahaServer.start((_request, response) => void answer.write(response));
	using engine = engineAt(server.url);
	const {content} = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	const source = recyclable(content);
	const hash = createHash('sha256');
	let freedBytes = 0;
	for await (const chunk of content) {
		hash.update(chunk);
		const chunkBytes = chunk.length;
		source.recycle(chunk);
		if (chunk.length === 0) freedBytes += chunkBytes;
	}
	t.is(hash.digest('hex'), answer.hash);
	// The first one shares its memory with the headers.
	t.true(freedBytes > 0.99 * LARGE_BYTES, `${freedBytes} bytes were freed`);
});

test('giving back a chunk that shares its memory, here with the headers, takes it from nobody', async (t) => {
	await using server = await FakeWahaServer.start((_request, response) => void response.end('small'));
	using engine = engineAt(server.url);
	const {content} = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	const source = recyclable(content);
	for await (const chunk of content) {
		source.recycle(chunk);
		t.is(Buffer.from(chunk).toString(), 'small');
	}
});

test('whoever stops reading closes the connection, before the first bytes too', async (t) => {
	const sources: LargeAnswer[] = [];
	await using server = await FakeWahaServer.start((_request, response) => {
		const source = new LargeAnswer();
		sources.push(source);
		void source.write(response);
	});
	using engine = engineAt(server.url);
	const first = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	for await (const chunk of first.content) {
		t.true(chunk.length > 0);
		break;
	}
	const second = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	await second.content[Symbol.asyncIterator]().return?.();
	await eventually(() => sources.length === 2 && sources.every(({isClosed}) => isClosed));
	t.true(sources.every(({writtenBytes}) => writtenBytes < LARGE_BYTES));
});

test('a transfer that is called off ends with an error', async (t) => {
	const source = new LargeAnswer();
	await using server = await FakeWahaServer.start((_request, response) => void source.write(response));
	using engine = engineAt(server.url);
	const caller = new AbortController();
	const {content} = await engine.media.open(SESSION, URL_OF_FILE, caller.signal);
	caller.abort();
	await fails(t, drain(content), 'ENGINE_TIMEOUT');
	await eventually(() => source.isClosed);
});

test('a file that breaks off is an error and not a shorter file', async (t) => {
	for (const headers of [{'content-length': '1000'}, {'transfer-encoding': 'chunked'}]) {
		await using server = await FakeWahaServer.start((_request, response) => {
			response.writeHead(200, headers).write('half of', () => response.socket?.destroy());
		});
		using engine = engineAt(server.url);
		// The break may come before the first bytes were given to anyone.
		const read = engine.media.open(SESSION, URL_OF_FILE, inTime()).then(({content}) => drain(content));
		await fails(t, read, 'ENGINE_UNAVAILABLE');
	}
});

test.serial('a file that stalls is given up, but not one whose reader takes its time', async (t) => {
	await using server = await FakeWahaServer.start((request, response) => {
		response.writeHead(200, {'content-length': '10'}).write('begin');
		if (request.url?.endsWith('slow.jpeg') === true) response.end('ended');
	});
	using engine = engineAt(server.url, {stallMs: 200});
	const stalled = await engine.media.open(SESSION, URL_OF_FILE, inTime());
	await fails(t, drain(stalled.content), 'ENGINE_TIMEOUT');

	const {content} = await engine.media.openByName(SESSION, 'slow.jpeg', inTime());
	let text = '';
	for await (const chunk of content) {
		text += Buffer.from(chunk).toString();
		await new Promise((resolve) => setTimeout(resolve, 400));
	}
	t.is(text, 'beginended');
});

test.serial('a file that does not begin is given up', async (t) => {
	await using server = await FakeWahaServer.start((request, response) => {
		if (request.url?.endsWith('headers.jpeg') === true) response.writeHead(200).flushHeaders();
	});
	using engine = engineAt(server.url, {readMs: 200});
	for (const name of ['nothing.jpeg', 'headers.jpeg']) {
		await fails(t, engine.media.openByName(SESSION, name, inTime()), 'ENGINE_TIMEOUT');
	}
});

test('a transfer that is called off while the worker does not answer ends at once', async (t) => {
	const asked = Promise.withResolvers<undefined>();
	const closed = Promise.withResolvers<undefined>();
	await using server = await FakeWahaServer.start((request) => {
		request.socket.once('close', closed.resolve);
		asked.resolve(undefined);
	});
	using engine = engineAt(server.url);
	const caller = new AbortController();
	const opened = engine.media.open(SESSION, URL_OF_FILE, caller.signal);
	await asked.promise;
	caller.abort();
	await fails(t, opened, 'ENGINE_TIMEOUT');
	await t.notThrowsAsync(closed.promise);
	await fails(t, engine.media.open(SESSION, URL_OF_FILE, AbortSignal.abort()), 'ENGINE_TIMEOUT');
});

test('a refusal without an end is read no further than what can matter', async (t) => {
	const source = new LargeAnswer();
	await using server = await FakeWahaServer.start((_request, response) => void source.write(response, 500));
	using engine = engineAt(server.url);
	await fails(t, engine.media.open(SESSION, URL_OF_FILE, inTime()), 'ENGINE_UNAVAILABLE');
	await eventually(() => source.isClosed);
	t.true(source.writtenBytes < IN_FLIGHT_BYTES, `${source.writtenBytes} bytes were sent`);
});

test('opening a file is repeated when its connection breaks', async (t) => {
	let requests = 0;
	await using server = await FakeWahaServer.start((request, response) => {
		requests += 1;
		if (requests === 1) request.socket.resetAndDestroy();
		else response.end('bytes');
	});
	using engine = engineAt(server.url);
	t.is((await buffer((await engine.media.open(SESSION, URL_OF_FILE, inTime())).content)).toString(), 'bytes');
});

const ANSWERS: readonly {title: string; status: number; body: string; code: EngineErrorCode}[] = [
	{title: 'a wrong key', status: 401, body: '{"message":"Unauthorized","statusCode":401}', code: 'ENGINE_REFUSED'},
	{title: 'a page of something else', status: 404, body: '<html>nginx</html>', code: 'ENGINE_UNAVAILABLE'},
	{
		title: 'a wrong base URL',
		status: 404,
		body: '{"message":"Cannot GET /x/api/files","error":"Not Found","statusCode":404}',
		code: 'ENGINE_UNAVAILABLE',
	},
	{title: 'an exception', status: 500, body: '{"exception":{"message":"boom"}}', code: 'ENGINE_UNAVAILABLE'},
	{title: 'a redirect, which is not followed', status: 302, body: '', code: 'ENGINE_REFUSED'},
];

for (const {title, status, body, code} of ANSWERS) {
	test(`instead of a file: ${title}`, async (t) => {
		await using server = await FakeWahaServer.start((_request, response) => {
			response.writeHead(status, {location: '/api/files/s/other.jpeg'}).end(body);
		});
		using engine = engineAt(server.url);
		await fails(t, engine.media.open(SESSION, URL_OF_FILE, inTime()), code);
	});
}

const IMAGE: FakeFile = {
	kind: 'file',
	type: 'image',
	mimetype: 'image/jpeg',
	filename: null,
	caption: 'Check this out!',
	bytes: Buffer.alloc(50_000, 'picture '),
};

/** An answer of 100 MB that counts what it could hand over. */
class LargeAnswer {
	writtenBytes = 0;
	isClosed = false;
	readonly #hash = createHash('sha256');

	get hash(): string {
		return this.#hash.digest('hex');
	}

	async write(response: ServerResponse, status = 200): Promise<void> {
		response.writeHead(status, {'content-type': 'video/mp4', 'content-length': LARGE_BYTES});
		// Whether the reader stayed to the end is what the tests look at.
		await pipeline(Readable.from(this.#pieces(), {highWaterMark: 1}), response).catch(() => undefined);
		this.isClosed = true;
	}

	async *#pieces(): AsyncGenerator<Buffer> {
		while (this.writtenBytes < LARGE_BYTES) {
			const piece = Buffer.alloc(PIECE_BYTES, `${this.writtenBytes} `);
			this.#hash.update(piece);
			this.writtenBytes += PIECE_BYTES;
			yield await Promise.resolve(piece);
		}
	}
}

function recyclable(content: object): Recyclable {
	if (!isRecyclable(content)) throw new Error('its chunks cannot be given back');
	return content;
}

/** Waits until a figure is not growing any more. */
async function whenStill(figure: () => number): Promise<number> {
	let last = figure();
	let sameSince = performance.now();
	await eventually(() => {
		if (figure() !== last) [last, sameSince] = [figure(), performance.now()];
		return performance.now() - sameSince > 500;
	});
	return last;
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<number> {
	let bytes = 0;
	for await (const chunk of content) bytes += chunk.length;
	return bytes;
}

async function startLinked(options: FakeWahaOptions = {}): Promise<WahaFixture> {
	const fixture = await startWahaFixture(options);
	await fixture.linkSession(SESSION);
	return fixture;
}

function receiveFile(fixture: WahaFixture): {messageId: string; url: string} {
	const message = fixture.waha.receive(SESSION, {from: CHAT, content: IMAGE});
	return {messageId: message.id, url: message.mediaUrl ?? ''};
}

function engineAt(baseUrl: string, deadlines: {readMs?: number; stallMs?: number} = {}): WahaEngine {
	return new WahaEngine({baseUrl, apiKey: 'k', clock: new ManualClock(), deadlines});
}

function inTime(): AbortSignal {
	return AbortSignal.timeout(30_000);
}

async function fails(t: ExecutionContext, call: Promise<unknown>, code: EngineErrorCode): Promise<void> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
}
