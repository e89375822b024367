import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {createServer, request, type ClientRequest, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {buffer, text} from 'node:stream/consumers';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {fileOf, type FileSource, type OutboundFile} from '../../domain/messaging/outbound.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {sampleConnection} from '../support/samples.ts';
import {WritingFixture} from '../support/writing-fixture.ts';

const fixture = await WritingFixture.create();

test.after.always(() => fixture[Symbol.asyncDispose]());

const MB = 1024 * 1024;
const CHAT = '15550110000@c.us';
const CONTENT = randomBytes(100_000);
const DATA = CONTENT.toString('base64');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

/** The file of the command that came last. */
function lastFile(): OutboundFile {
	const command = fixture.last();
	const file = command.kind === 'message.send' ? fileOf(command.message.content) : undefined;
	if (file === undefined) throw new Error('the last command has no file');
	return file;
}

async function contentOf(source: FileSource): Promise<Buffer> {
	if (source.kind !== 'stored') throw new Error('the file is not stored');
	return buffer(await fixture.media.open({connectionId: fixture.connectionId, filename: source.filename}));
}

/** Waits until only `filenames` are left, and forgets them. */
async function expectLeft(
	t: {is: (actual: unknown, expected: unknown, message?: string) => unknown},
	count: number,
): Promise<void> {
	await eventually(() => fixture.media.filenames.length === count);
	t.is(fixture.media.filenames.length, count);
	await fixture.media.removeAll(fixture.connectionId);
}

for (const [name, field, more, facts] of [
	['send-image', 'data', {}, {mimetype: null, filename: null}],
	[
		'send-document',
		'data',
		{filename: 'a.pdf', mimetype: 'application/pdf'},
		{filename: 'a.pdf', mimetype: 'application/pdf'},
	],
	['send-video', 'data', {caption: 'c', url: null}, {mimetype: null, filename: null}],
	['send-audio', 'data', {mimetype: 'audio/ogg; codecs=opus'}, {mimetype: 'audio/ogg; codecs=opus', filename: null}],
	['send-sticker', 'data', {}, {mimetype: null, filename: null}],
	['send-media', 'mediaData', {type: 'file', filename: 'b.bin'}, {mimetype: null, filename: 'b.bin'}],
] as const) {
	test.serial(
		`${name}: ${field} reaches the dispatcher as a stored file, wherever it stands in the body`,
		async (t) => {
			for (const body of [
				{[field]: DATA, chatId: CHAT, ...more},
				{chatId: CHAT, ...more, [field]: DATA},
			]) {
				const response = await fixture.post(name, body);
				t.is(response.status, 201);
				const {source, ...rest} = lastFile();
				t.deepEqual(rest, facts);
				t.like(source, {kind: 'stored', sha256: SHA256});
				t.deepEqual(await contentOf(source), CONTENT);
				await expectLeft(t, 1);
			}
		},
	);
}

test.serial('a form carries a file too', async (t) => {
	const body = new URLSearchParams({chatId: CHAT, data: DATA, caption: 'a b'}).toString();
	const type = 'application/x-www-form-urlencoded; charset=utf-8';
	t.is((await fixture.postRaw('send-image', body, {'content-type': type})).status, 201);
	t.deepEqual(await contentOf(lastFile().source), CONTENT);
	t.is(
		(await fixture.postRaw('send-image', `chatId=${CHAT}&data=QQ==&data=${DATA}`, {'content-type': type})).status,
		201,
	);
	t.deepEqual(await contentOf(lastFile().source), CONTENT);
	await expectLeft(t, 2);
});

test.serial('of two uploads in one field the last is sent, and the first is removed', async (t) => {
	const response = await fixture.postRaw('send-image', `{"chatId":"${CHAT}","data":"QUJD","data":"${DATA}"}`);
	t.is(response.status, 201);
	t.deepEqual(await contentOf(lastFile().source), CONTENT);
	await expectLeft(t, 1);
	const nothing = await fixture.postRaw('send-image', `{"chatId":"${CHAT}","data":"QUJD","data":null}`);
	t.is(nothing.status, 400);
	const many = await fixture.postRaw('send-image', `{"chatId":"${CHAT}",${'"data":"QUJD",'.repeat(1000)}"x":1}`);
	t.is(many.status, 400);
	t.like(await many.json(), {message: 'data must be given once'});
	await expectLeft(t, 0);
});

test.serial(
	'an empty field is none: nothing is stored of it, and another of its name counts in its place',
	async (t) => {
		const form = {'content-type': 'application/x-www-form-urlencoded'};
		const url = 'https://files.example/a.png';
		for (const response of [
			await fixture.post('send-image', {chatId: CHAT, url, data: ''}),
			await fixture.postRaw('send-image', `{"chatId":"${CHAT}","data":"","url":"${url}","data":""}`),
			await fixture.postRaw('send-image', `data=&chatId=${CHAT}&url=${url}`, form),
		]) {
			t.is(response.status, 201);
			t.deepEqual(lastFile().source, {kind: 'url', url});
			await expectLeft(t, 0);
		}
		for (const body of [
			`{"chatId":"${CHAT}","data":"","data":"${DATA}"}`,
			`{"data":"${DATA}","chatId":"${CHAT}","url":""}`,
		]) {
			t.is((await fixture.postRaw('send-image', body)).status, 201);
			t.deepEqual(await contentOf(lastFile().source), CONTENT);
			await expectLeft(t, 1);
		}
		const last = await fixture.postRaw('send-image', `{"chatId":"${CHAT}","data":"${DATA}","data":""}`);
		t.is(last.status, 400);
		t.like(await last.json(), {message: 'chatId and one of url or data are required'});
		await expectLeft(t, 0);
	},
);

for (const [title, body] of [
	['another field is wrong', `{"data":"${DATA}","chatId":"nobody"}`],
	['a field is missing', `{"data":"${DATA}"}`],
	['there is a URL too', `{"chatId":"${CHAT}","data":"${DATA}","url":"https://a.example"}`],
	['the body is cut off', `{"chatId":"${CHAT}","data":"${DATA}"`],
	['the body is cut off within it', `{"chatId":"${CHAT}","data":"${DATA}`],
	['the rest is no JSON', `{"chatId":"${CHAT}","data":"${DATA}",}`],
	['a text has lone surrogates', `{"chatId":"${CHAT}","data":"${DATA}","caption":"\\ud83d"}`],
	['a text has a NUL', `{"chatId":"${CHAT}","data":"${DATA}","caption":"\\u0000"}`],
	['it ends in another alphabet', `{"chatId":"${CHAT}","data":"${DATA.slice(0, -4)}(==)"}`],
	['it is not all of the body', `[{"chatId":"${CHAT}","data":"${DATA}"}]`],
	['it is deeper than it should be', `{"chatId":"${CHAT}","x":{"data":"${DATA}"}}`],
] as const) {
	test.serial(`nothing is left of an upload when ${title}`, async (t) => {
		const response = await fixture.postRaw('send-image', body);
		t.is(response.status, 400);
		t.like(await response.json(), {code: 'VALIDATION_FAILED', error: 'Bad Request'});
		await expectLeft(t, 0);
	});
}

test.serial('ten thousand levels of nesting beside an upload do no harm', async (t) => {
	const deep = '['.repeat(10_000) + ']'.repeat(10_000);
	const response = await fixture.postRaw('send-image', `{"chatId":"${CHAT}","deep":${deep},"data":"${DATA}"}`);
	t.is(response.status, 201);
	await expectLeft(t, 1);
	for (const body of ['['.repeat(10_000), '{"a":'.repeat(10_000), '{"data":['.repeat(10_000)]) {
		t.is((await fixture.postRaw('send-image', body)).status, 400);
	}
	await expectLeft(t, 0);
});

test.serial('nothing is left of an upload that no command came of', async (t) => {
	const body = {chatId: CHAT, data: DATA};
	fixture.lacking.set('send.image', 'not here');
	t.is((await fixture.post('send-image', body)).status, 501);
	fixture.lacking.clear();
	t.is((await fixture.post('send-image', body, {'idempotency-key': 'a b'})).status, 400);

	const {id} = sampleConnection();
	const unassigned = sampleConnection({id, userId: fixture.tenant.user.id});
	await fixture.gateway.stores.connectionStore.insert(unassigned);
	const refused = await fixture.client.fetch('POST', `/connections/${id}/send-image`, body);
	t.is(refused.status, 503);
	t.like(await refused.json(), {message: 'No worker assigned'});
	await expectLeft(t, 0);
});

test.serial(
	'a repeat under one Idempotency-Key uploads for nothing, gets the same answer, and leaves nothing',
	async (t) => {
		const headers = {'idempotency-key': 'photo-1'};
		const body = {chatId: CHAT, data: DATA};
		const first = (await (await fixture.post('send-image', body, headers)).json()) as {commandId: string};
		await fixture.gateway.stores.commandStore.claim(first.commandId, 'dispatcher', new Date());
		const end = {status: 'sent', messageId: 'true_1@c.us_3EB0', sentTimestamp: 1_795_000_000} as const;
		await fixture.gateway.stores.commandStore.finish(first.commandId, end, new Date());
		t.deepEqual(fixture.media.filenames.length, 1, 'the file of the first is the dispatcher’s');
		await fixture.media.removeAll(fixture.connectionId);

		t.deepEqual(await (await fixture.post('send-image', body, headers)).json(), first);
		const other = await fixture.post('send-image', {...body, data: 'QUJD'}, headers);
		t.is(other.status, 409);
		await expectLeft(t, 0);
	},
);

test.serial('a body of another type, charset or encoding is 415', async (t) => {
	const body = JSON.stringify({chatId: CHAT, data: DATA});
	for (const headers of [
		{'content-type': 'text/plain'},
		{'content-type': 'multipart/form-data; boundary=x'},
		{'content-type': 'application/json; charset=utf-16'},
		{'content-type': 'application/json', 'content-encoding': 'gzip'},
	]) {
		const isPacked = 'content-encoding' in headers;
		const response = await fixture.postRaw('send-image', isPacked ? gzipSync(body) : body, headers);
		t.is(response.status, 415, JSON.stringify(headers));
		t.like(await response.json(), {code: 'UNSUPPORTED_MEDIA_TYPE', error: 'Unsupported Media Type'});
	}
	const charset = {'content-type': 'application/json; charset="UTF-8"'};
	t.is((await fixture.postRaw('send-image', body, charset)).status, 201);
	await expectLeft(t, 1);
});

test.serial('a store that is away is 503 with Retry-After', async (t) => {
	fixture.media.away = true;
	const response = await fixture.post('send-image', {chatId: CHAT, data: DATA});
	fixture.media.away = false;
	t.is(response.status, 503);
	t.is(response.headers.get('retry-after'), '10');
	t.like(await response.json(), {code: 'MEDIA_STORE_UNAVAILABLE'});
	await expectLeft(t, 0);
});

test.serial('a file that cannot be removed now is told in the log, and the answer stays', async (t) => {
	const {log} = fixture.gateway;
	const remove = fixture.media.remove.bind(fixture.media);
	fixture.media.remove = () => Promise.reject(new Error('the disk is away'));
	const response = await fixture.post('send-image', {chatId: 'nobody', data: DATA});
	t.is(response.status, 400);
	await eventually(() => log.of('http.upload.kept').length === 1);
	fixture.media.remove = remove;
	await expectLeft(t, 1);
});

test.serial('more than 50 MB is 413 at once where it is announced, and when it is reached where not', async (t) => {
	const chunk = Buffer.alloc(MB, 'QUJD');
	const chunks = function* (): Generator<Buffer> {
		yield Buffer.from(`{"chatId":"${CHAT}","data":"`);
		for (let sent = 0; sent < 60; sent++) yield chunk;
		yield Buffer.from('"}');
	};
	const announced = await fixture.postRaw('send-image', Buffer.concat([...chunks()]));
	const streamed = await fixture.postRaw('send-image', ReadableStream.from(chunks()) as never);
	for (const response of [announced, streamed]) {
		t.is(response.status, 413);
		t.like(await response.json(), {
			message: 'request entity too large',
			error: 'Payload Too Large',
			statusCode: 413,
			code: 'PAYLOAD_TOO_LARGE',
		});
	}
	await expectLeft(t, 0);
});

test.serial(
	'a client that writes everything before it reads gets its 413, on a connection that lives on',
	async (t) => {
		const sending = open({'content-length': 55 * MB});
		const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
		const written = once(sending, 'finish');
		sending.end(Buffer.alloc(55 * MB, ' '));
		await written;
		const [response] = await answered;
		t.is(response.statusCode, 413);
		t.is(response.headers.connection, 'keep-alive');
		t.like(JSON.parse(await text(response)), {code: 'PAYLOAD_TOO_LARGE'});
	},
);

test.serial('what is not an upload is limited to 1 MB', async (t) => {
	const padding = 'x'.repeat(MB);
	for (const body of [
		{chatId: CHAT, data: DATA, caption: padding},
		{chatId: CHAT, mediaData: Buffer.from(padding).toString('base64')},
	]) {
		const response = await fixture.post('send-image', body);
		t.is(response.status, 413);
	}
	t.is((await fixture.post('send', {chatId: CHAT, text: padding})).status, 413);
	await expectLeft(t, 0);
});

test.serial('a client that goes away in the middle of its upload, or right after it, leaves nothing', async (t) => {
	const before = fixture.commands.length;
	const puts: Promise<unknown>[] = [];
	const {media} = fixture;
	const put = media.put.bind(media);
	media.put = (key, file) => {
		const putting = put(key, file);
		puts.push(putting);
		return putting;
	};
	for (const start of [`{"chatId":"${CHAT}","data":"${DATA}`, `{"chatId":"${CHAT}","data":"${DATA}",`]) {
		const sending = open({'content-length': 10 * MB});
		sending.on('error', () => undefined);
		sending.write(start);
		await eventually(() => puts.length > 0);
		const putting = puts.pop() ?? Promise.reject(new Error('nothing is stored'));
		const isWhole = start.endsWith(',');
		if (isWhole) await putting;
		sending.destroy();
		if (!isWhole) await t.throwsAsync(putting, {message: 'The request was aborted'});
		await expectLeft(t, 0);
	}
	media.put = put;
	t.is(fixture.commands.length, before);
});

test.serial('a body that trickles in is cut by the server’s time limit, and nothing is left of it', async (t) => {
	const server = createServer({requestTimeout: 500, connectionsCheckingInterval: 50}, fixture.listener);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const sending = open({'content-length': MB}, (server.address() as AddressInfo).port);
	const cut = once(sending, 'close');
	sending.on('error', () => undefined).on('response', (response) => response.resume());
	sending.write(`{"chatId":"${CHAT}","data":"QUJD","caption":"`);
	const trickle = setInterval(() => sending.write('x'), 20);
	await eventually(() => fixture.media.filenames.length === 1);
	await cut;
	clearInterval(trickle);
	await expectLeft(t, 0);
	server.close();
});

test.serial('a route without uploads, and an unknown connection, read no upload', async (t) => {
	const text = await fixture.post('send', {chatId: CHAT, text: 'x', data: DATA});
	t.is(text.status, 201);
	const foreign = await fixture.gateway.createTenant();
	const response = await fixture.postRaw('send-image', JSON.stringify({chatId: CHAT, data: DATA}), {
		authorization: `Bearer ${foreign.token}`,
	});
	t.is(response.status, 403);
	t.is(((await response.json()) as ErrorBody).message, 'You do not own this connection');
	await expectLeft(t, 0);
});

/** A request whose body the test writes. */
function open(headers: Record<string, string | number>, port = Number(new URL(fixture.url).port)): ClientRequest {
	return request({
		host: '127.0.0.1',
		port,
		method: 'POST',
		path: `/api/connections/${fixture.connectionId}/send-image`,
		headers: {authorization: `Bearer ${fixture.tenant.token}`, 'content-type': 'application/json', ...headers},
	});
}
