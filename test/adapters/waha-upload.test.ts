import {createHash, type Hash} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import {setImmediate as turn} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {toBase64Pieces} from '../../adapters/waha/base64-pieces.ts';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import type {OpenFile, SendResult} from '../../domain/messaging/outbound.ts';
import {eventually} from '../support/eventually.ts';
import {FakeWahaServer} from '../support/fake-waha-server.ts';
import {ManualClock} from '../support/manual-clock.ts';

const CHAT = '15550001111@c.us';
const PIECE_BYTES = 100_000;
const LARGE_BYTES = 30_000_000;

/** What kernels hold of a connection on both sides, at most. */
const IN_FLIGHT_BYTES = 15_000_000;

// Serial: the others would slow down the measurement.
test.serial('a file of 30 MB is read as fast as it is taken, and arrives whole', async (t) => {
	const file = new WatchedFile(LARGE_BYTES);
	const receiver = new SlowReceiver();
	await using server = await FakeWahaServer.start((request, response) => {
		void receiver.read(request, () => file.readBytes).then(() => response.writeHead(201).end('{"id":"true_x_1"}'));
	});
	using engine = engineAt(server);
	const sent = send(engine, file);

	const stalledAt = await whenStill(() => file.readBytes);
	t.true(stalledAt > 0 && stalledAt < IN_FLIGHT_BYTES, `${stalledAt} bytes were read while nobody took any`);
	receiver.begin();
	t.is((await sent).id, 'true_x_1');
	t.is(file.readBytes, LARGE_BYTES);
	t.true(receiver.maxAheadBytes < IN_FLIGHT_BYTES, `${receiver.maxAheadBytes} bytes were on their way at once`);
	t.is(receiver.contentLength, receiver.bodyBytes);
	t.true(receiver.chunks > 100, `${receiver.chunks} chunks`);
	t.is(receiver.fileHash, file.hash);
	t.like(receiver.frame, {chatId: CHAT, caption: '', file: {mimetype: 'application/pdf', filename: 'Grüße "1".pdf'}});
});

test('a send that is called off ends the reading of its file', async (t) => {
	const file = new WatchedFile(LARGE_BYTES);
	await using server = await FakeWahaServer.start((request) => request.pause());
	using engine = engineAt(server);
	const caller = new AbortController();
	const sent = fails(t, send(engine, file, caller.signal), 'ENGINE_UNAVAILABLE', 'none');
	await whenStill(() => file.readBytes);
	caller.abort();
	await sent;
	await eventually(() => file.isClosed);
	t.true(file.readBytes < LARGE_BYTES);
});

test('a connection that breaks before the file is through has sent nothing: it is tried again from its start', async (t) => {
	const file = new WatchedFile(5_000_000);
	let requests = 0;
	await using server = await FakeWahaServer.start((request, response) => {
		requests += 1;
		if (requests === 1) {
			request.once('data', () => request.socket.resetAndDestroy());
			return;
		}
		request.resume().once('end', () => response.writeHead(201).end('{"id":"true_x_2"}'));
	});
	using engine = engineAt(server);
	t.is((await send(engine, file)).id, 'true_x_2');
	t.is(file.opened, 2);
});

test('a connection that breaks after the file went through may have sent it: never again', async (t) => {
	const file = new WatchedFile(300_000);
	let requests = 0;
	await using server = await FakeWahaServer.start((request) => {
		requests += 1;
		request.resume().once('end', () => request.socket.resetAndDestroy());
	});
	using engine = engineAt(server);
	await fails(t, send(engine, file), 'OUTCOME_UNKNOWN', 'possible');
	t.is(requests, 1);
});

test('a refusal that comes before the end of the file is heard, and ends the reading', async (t) => {
	const file = new WatchedFile(LARGE_BYTES);
	await using server = await FakeWahaServer.start((_request, response) => response.writeHead(413).end());
	using engine = engineAt(server);
	await fails(t, send(engine, file), 'MEDIA_TOO_LARGE', 'none');
	await eventually(() => file.isClosed);
	t.true(file.readBytes < LARGE_BYTES);
});

test('a file that is not as large as it said is not sent', async (t) => {
	let whole = 0;
	await using server = await FakeWahaServer.start((request) => request.resume().once('end', () => (whole += 1)));
	using engine = engineAt(server);
	for (const sizeBytes of [999_999, 1_000_001]) {
		const file = {...plain(new WatchedFile(1_000_000)), sizeBytes};
		await fails(t, send(engine, file), 'CONTENT_INVALID', 'none');
	}
	t.is(whole, 0);
});

test('a file that cannot be read fails with its own error, and is not tried again', async (t) => {
	await using server = await FakeWahaServer.start((request) => request.resume());
	using engine = engineAt(server);
	const failure = new Error('the disk is gone');
	let opened = 0;
	const file: OpenFile = {
		...plain(new WatchedFile(1_000_000)),
		open: async function* () {
			opened += 1;
			yield await Promise.resolve(Buffer.alloc(1000));
			throw failure;
		},
	};
	t.is(await t.throwsAsync(send(engine, file)), failure);
	t.is(opened, 1);
});

test('the largest file that WAHA takes is sent, and one byte more is not even opened', async (t) => {
	const limitBytes = 37 * 1024 * 1024;
	let bodyBytes = 0;
	await using server = await FakeWahaServer.start((request, response) => {
		request.on('data', (chunk: Buffer) => (bodyBytes += chunk.length));
		request.once('end', () =>
			response.writeHead(201).end('{"key":{"id":"3EB0","remoteJid":"15550001111@s.whatsapp.net","fromMe":true}}'),
		);
	});
	using engine = engineAt(server);
	await send(engine, new WatchedFile(limitBytes));
	t.true(bodyBytes < 50 * 1024 * 1024, `${bodyBytes} bytes are more than WAHA takes`);

	const tooLarge = new WatchedFile(limitBytes + 1);
	const error = await fails(t, send(engine, tooLarge), 'MEDIA_TOO_LARGE', 'none');
	t.regex(error?.message ?? '', /38 MB.*37 MB/);
	t.is(tooLarge.opened, 0);
});

test.serial('a file has more time than a text', async (t) => {
	await using server = await FakeWahaServer.start((request) => request.resume());
	using engine = new WahaEngine({
		baseUrl: server.url,
		apiKey: 'k',
		clock: new ManualClock(),
		deadlines: {sendMs: 1, mediaMs: 500},
	});
	const startMs = performance.now();
	await fails(t, send(engine, new WatchedFile(1000)), 'OUTCOME_UNKNOWN', 'possible');
	t.true(performance.now() - startMs >= 490);
});

test('base64 is the same however the bytes come', async (t) => {
	const bytes = Buffer.from(Array.from({length: 100_001}, (_, index) => (index * 31) % 256));
	for (const sizes of [[1], [2], [3], [1, 2, 7, 0], [48 * 1024], [48 * 1024 + 1], [100_001]]) {
		const pieces: Buffer[] = [];
		for await (const piece of toBase64Pieces(inPieces(bytes, sizes))) pieces.push(piece);
		t.is(Buffer.concat(pieces).toString(), bytes.toString('base64'), sizes.join());
		t.true(pieces.every(({length}) => length <= 64 * 1024));
	}
	t.true((await toBase64Pieces(inPieces(Buffer.alloc(0), [1])).next()).done);
});

/** A file that counts what is read of it. */
class WatchedFile implements OpenFile {
	readonly mimetype = 'application/pdf';
	readonly filename = 'Grüße "1".pdf';
	readonly sizeBytes: number;
	readBytes = 0;
	opened = 0;
	isClosed = false;
	readonly #hash = createHash('sha256');

	constructor(sizeBytes: number) {
		this.sizeBytes = sizeBytes;
	}

	get hash(): string {
		return this.#hash.digest('hex');
	}

	readonly open = async function* (this: WatchedFile): AsyncGenerator<Uint8Array> {
		this.opened += 1;
		try {
			for (let bytes = 0; bytes < this.sizeBytes; bytes += PIECE_BYTES) {
				const piece = Buffer.alloc(Math.min(PIECE_BYTES, this.sizeBytes - bytes), `${bytes} `);
				this.#hash.update(piece);
				this.readBytes += piece.length;
				await turn();
				yield piece;
			}
		} finally {
			this.isClosed = true;
		}
	}.bind(this);
}

/** Reads a request only once it may, and takes its body to pieces without holding it. */
class SlowReceiver {
	chunks = 0;
	bodyBytes = 0;
	contentLength = 0;
	maxAheadBytes = 0;
	#head = '';
	#tail = '';
	#rest = '';
	readonly #hash: Hash = createHash('sha256');
	readonly #begun = Promise.withResolvers<undefined>();

	begin(): void {
		this.#begun.resolve(undefined);
	}

	async read(request: IncomingMessage, readBytes: () => number): Promise<void> {
		this.contentLength = Number(request.headers['content-length']);
		await this.#begun.promise;
		for await (const chunk of request as AsyncIterable<Buffer>) {
			this.chunks += 1;
			this.bodyBytes += chunk.length;
			this.maxAheadBytes = Math.max(this.maxAheadBytes, readBytes() - (this.bodyBytes * 3) / 4);
			this.#take(chunk.toString('latin1'));
		}
	}

	get fileHash(): string {
		return this.#hash.digest('hex');
	}

	/** The body with an empty file. */
	get frame(): unknown {
		return JSON.parse(Buffer.from(this.#head + this.#tail, 'latin1').toString()) as unknown;
	}

	#take(text: string): void {
		const start = '"data":"';
		let data = text;
		if (!this.#head.endsWith(start)) {
			const whole = this.#head + text;
			const end = whole.indexOf(start) + start.length;
			[this.#head, data] = [whole.slice(0, end), whole.slice(end)];
		}
		const quote = data.indexOf('"');
		if (quote !== -1) [data, this.#tail] = [data.slice(0, quote), data.slice(quote)];
		const base64 = this.#rest + data;
		const wholeLength = base64.length - (base64.length % 4);
		this.#hash.update(base64.slice(0, wholeLength), 'base64');
		this.#rest = base64.slice(wholeLength);
	}
}

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
	for (let start = 0, index = 0; start < bytes.length; index++) {
		const size = sizes[index % sizes.length] ?? 1;
		yield await Promise.resolve(bytes.subarray(start, start + size));
		start += size;
	}
}

/** Waits until a figure is not growing any more. */
async function whenStill(figure: () => number): Promise<number> {
	let last = figure();
	let sameSince = performance.now();
	await eventually(() => {
		if (figure() !== last) [last, sameSince] = [figure(), performance.now()];
		return last > 0 && performance.now() - sameSince > 500;
	});
	return last;
}

function plain({mimetype, filename, sizeBytes, open}: OpenFile): OpenFile {
	return {mimetype, filename, sizeBytes, open};
}

function engineAt({url}: FakeWahaServer): WahaEngine {
	return new WahaEngine({baseUrl: url, apiKey: 'k', clock: new ManualClock()});
}

function send(
	engine: WahaEngine,
	file: OpenFile,
	signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<SendResult> {
	const content = {kind: 'document', file, caption: null} as const;
	return engine.messages.send('u_1_s_1', {chatId: CHAT, content}, '3EB0A0F1B2C3D4E5F6071829', signal);
}

async function fails(
	t: ExecutionContext,
	call: Promise<unknown>,
	code: EngineErrorCode,
	sideEffect: EngineError['sideEffect'],
): Promise<EngineError | undefined> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
	t.is(error.sideEffect, sideEffect);
	return error;
}
