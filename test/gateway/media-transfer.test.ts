import {once} from 'node:events';
import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {Conversations} from '../../domain/conversations/conversations.ts';
import {EngineError} from '../../domain/errors.ts';
import {Media} from '../../domain/media/media.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import type {EngineFile, EngineMedia} from '../../domain/ports/whatsapp-engine.ts';
import {mediaRoutes} from '../../gateway/http/routes/media.ts';
import {sendContent} from '../../gateway/http/send-content.ts';
import {CHAT_ID, ChatHistory, sampleMessage} from '../support/chat-history.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {openRequest, rawRequest} from '../support/raw-request.ts';
import {RouteServer} from '../support/route-server.ts';
import {sampleConnection} from '../support/samples.ts';
import {SCRIPTED_WORKER, scriptedEngines} from '../support/scripted-engine.ts';

// Files that come through from an engine, with everything that can go wrong on either side.

const CHUNK = Buffer.alloc(64 * 1024, 'x');

const CONNECTION = sampleConnection({
	workerId: SCRIPTED_WORKER.id,
	status: 'connected',
	me: {id: '15550001111@c.us', pushName: null},
});

const PATH = `/api/connections/${CONNECTION.id}/media/file.mp4`;

/** What the engine gave so far, and whether its transfer was ended from this side. */
class Upstream {
	given = 0;
	ended = false;
	signal: AbortSignal | undefined;
	readonly #chunks: number;
	readonly #fault: Error | undefined;

	/** @param chunks of 64 KiB; @param fault what happens then, default the end */
	constructor(chunks: number, fault?: Error) {
		this.#chunks = chunks;
		this.#fault = fault;
	}

	file(signal: AbortSignal, sizeBytes: number | null = this.#chunks * CHUNK.length): EngineFile {
		this.signal = signal;
		return {contentType: 'video/mp4', sizeBytes, content: this.#content()};
	}

	async *#content(): AsyncGenerator<Uint8Array> {
		try {
			for (; this.given < this.#chunks; this.given++) yield await Promise.resolve(CHUNK);
			if (this.#fault !== undefined) throw this.#fault;
		} finally {
			this.ended = true;
		}
	}
}

function serve(media: Partial<EngineMedia>, history = new ChatHistory({})): Promise<RouteServer> {
	const engines = scriptedEngines({media, history});
	const clock = new ManualClock();
	const store = {find: () => Promise.resolve(undefined)} as unknown as MediaStore;
	const nothing = (): Promise<undefined> => Promise.resolve(undefined);
	const commands = {find: nothing, findByMessageKey: nothing};
	const conversations = new Conversations({engines, commands, clock});
	return RouteServer.start(mediaRoutes({media: new Media({store, engines, clock}), conversations}), CONNECTION);
}

function serveUpstream(upstream: Upstream, sizeBytes?: number | null): Promise<RouteServer> {
	return serve({openByName: (_session, _name, signal) => Promise.resolve(upstream.file(signal, sizeBytes))});
}

test('a file that the store lacks comes through from the engine; parts of it cannot be asked for', async (t) => {
	const upstream = new Upstream(3);
	await using server = await serveUpstream(upstream);
	const {status, headers, body} = await rawRequest(server.url, PATH, {headers: {range: 'bytes=0-5'}});
	t.is(status, 200);
	t.is(headers['accept-ranges'], 'none');
	t.is(headers['content-length'], String(3 * CHUNK.length));
	t.is(headers['content-disposition'], 'inline; filename="file.mp4"');
	t.is(headers.etag, undefined);
	t.is(body.length, 3 * CHUNK.length);
	await eventually(() => upstream.signal?.aborted === true);
});

test('a file of unknown size is sent in chunks', async (t) => {
	await using server = await serveUpstream(new Upstream(3), null);
	const {status, headers, body} = await rawRequest(server.url, PATH);
	t.is(status, 200);
	t.is(headers['content-length'], undefined);
	t.is(headers['transfer-encoding'], 'chunked');
	t.is(body.length, 3 * CHUNK.length);
});

test('HEAD ends the engine’s transfer without reading it', async (t) => {
	const upstream = new Upstream(3);
	await using server = await serveUpstream(upstream);
	const {status, headers} = await rawRequest(server.url, PATH, {method: 'HEAD'});
	t.is(status, 200);
	t.is(headers['content-length'], String(3 * CHUNK.length));
	await eventually(() => upstream.signal?.aborted === true);
	t.is(upstream.given, 0);
});

test('nothing is read from the engine that a slow client does not take', async (t) => {
	const upstream = new Upstream(4000);
	await using server = await serveUpstream(upstream);
	const response = await openRequest(server.url, PATH);
	const held = await untilStill(() => upstream.given);
	t.true(held < 400, `${held} of 4000 chunks were read for a client that takes nothing`);
	t.is(await countBytes(response), 4000 * CHUNK.length);
	t.true(upstream.ended);
});

test('a client that goes away ends the engine’s transfer', async (t) => {
	const upstream = new Upstream(4000);
	await using server = await serveUpstream(upstream);
	const response = await openRequest(server.url, PATH);
	response.destroy();
	await eventually(() => upstream.ended && upstream.signal?.aborted === true);
	t.true(upstream.given < 4000);
	t.deepEqual(server.log.of('http.failed'), []);
});

test('a client that goes away while the engine hangs ends the transfer too', async (t) => {
	let signal: AbortSignal | undefined;
	const content = (async function* (): AsyncGenerator<Uint8Array> {
		yield CHUNK;
		await new Promise((_resolve, reject) => {
			signal?.addEventListener('abort', () => {
				reject(new Error('called off'));
			});
		});
	})();
	await using server = await serve({
		openByName: (_session, _name, given) => {
			signal = given;
			return Promise.resolve({contentType: 'video/mp4', sizeBytes: 10 * CHUNK.length, content});
		},
	});
	const response = await openRequest(server.url, PATH);
	response.destroy();
	await eventually(() => signal?.aborted === true);
	t.deepEqual(await content.next(), {done: true, value: undefined});
});

test('a client that goes away before the engine answers ends the question', async (t) => {
	let signal: AbortSignal | undefined;
	await using server = await serve({
		openByName: (_session, _name, given) => {
			signal = given;
			return new Promise(() => undefined);
		},
	});
	const leaving = new AbortController();
	const asking = fetch(server.url.replace('/api', PATH), {signal: leaving.signal});
	await eventually(() => signal !== undefined);
	leaving.abort();
	await t.throwsAsync(asking);
	await eventually(() => signal?.aborted === true);
	t.pass();
});

test('an engine that fails half-way cuts the connection: a part never looks like the whole', async (t) => {
	for (const sizeBytes of [10 * CHUNK.length, null]) {
		const upstream = new Upstream(5, new EngineError('ENGINE_UNAVAILABLE', 'the worker is gone'));
		await using server = await serveUpstream(upstream, sizeBytes);
		await cutOff(t, await openRequest(server.url, PATH));
		t.is(server.log.of('http.failed').length, 0, 'it is no defect of ours');
		t.is((await rawRequest(server.url, `${PATH}%ff`)).status, 400, 'and the server goes on');
	}
});

test('a file that is shorter than it should be cuts the connection', async (t) => {
	await using server = await serveUpstream(new Upstream(5), 10 * CHUNK.length);
	await cutOff(t, await openRequest(server.url, PATH, {headers: {connection: 'keep-alive'}}));
});

test('why the engine has no file is told, before anything of it is', async (t) => {
	for (const [code, status] of [
		['MEDIA_NOT_FOUND', 404],
		['ENGINE_UNAVAILABLE', 503],
		['ENGINE_TIMEOUT', 504],
		['ENGINE_REFUSED', 502],
	] as const) {
		await using server = await serve({
			openByName: () => Promise.reject(new EngineError(code, `engine says ${code}`)),
		});
		const {status: answered, headers, body} = await rawRequest(server.url, PATH);
		t.is(answered, status);
		t.is(headers['content-type'], 'application/json; charset=utf-8');
		t.is((JSON.parse(body.toString()) as {code: string}).code, code);
	}
});

test('the file of a message is asked for by chat and full id, however the message was named', async (t) => {
	const asked: unknown[] = [];
	const message = sampleMessage('KEY', 1000, {hasMedia: true});
	await using server = await serve(
		{
			openOfMessage: (_session, target, signal) => {
				asked.push(target);
				return Promise.resolve({...new Upstream(1).file(signal), filename: 'holiday.mp4'});
			},
		},
		new ChatHistory({messages: [message]}),
	);
	const base = `/api/connections/${CONNECTION.id}/messages`;
	for (const path of [
		`${base}/${encodeURIComponent(message.id)}/media`,
		`${base}/${message.id}/media?chatId=%2B1%20555%20011-0000`,
		`${base}/KEY/media?chatId=15550110000@s.whatsapp.net`,
	]) {
		const {status, headers, body} = await rawRequest(server.url, path);
		t.is(status, 200, path);
		t.is(headers['content-disposition'], 'inline; filename="holiday.mp4"');
		t.is(body.length, CHUNK.length);
	}
	t.deepEqual(asked, Array(3).fill({chatId: CHAT_ID, messageId: message.id}));
	t.is((await rawRequest(server.url, `${base}/KEY/media`)).status, 400, 'a bare key needs its chat');
	t.is((await rawRequest(server.url, `${base}/other/media?chatId=15550110000`)).status, 404);
});

test('a transfer in which nothing moves is cut', async (t) => {
	const source = (async function* (): AsyncGenerator<Uint8Array> {
		yield CHUNK;
		await new Promise(() => undefined);
	})();
	const server = createServer((_request, response) => {
		void sendContent(source, response, 50);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	await cutOff(t, await openRequest(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, '/'));
	server.close();
});

/** The connection ends before the answer is complete. */
async function cutOff(t: ExecutionContext, response: IncomingMessage): Promise<void> {
	await t.throwsAsync(countBytes(response), {code: 'ECONNRESET'});
	t.false(response.complete);
}

async function countBytes(response: IncomingMessage): Promise<number> {
	let count = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) count += chunk.length;
	return count;
}

/** What a figure is once it stands still. */
async function untilStill(read: () => number): Promise<number> {
	let last = -1;
	let same = 0;
	await eventually(() => {
		const now = read();
		same = now === last && now > 0 ? same + 1 : 0;
		last = now;
		return same >= 10;
	});
	return last;
}
