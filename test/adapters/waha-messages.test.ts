import test, {type ExecutionContext} from 'ava';
import type {WahaEngineName} from '../../adapters/waha/waha-capabilities.ts';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import {toVcard} from '../../domain/messaging/vcard.ts';
import type {OpenFile, OutboundContent, OutboundMessage, SendResult} from '../../domain/messaging/outbound.ts';
import type {Operation} from '../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../support/eventually.ts';
import type {FakeFault, FakeWahaOptions} from '../support/fake-waha.ts';
import {startWahaFixture, type WahaFixture} from '../support/waha-fixture.ts';

const SESSION = 'u_1_s_1';
const CHAT = '15550001111@c.us';
const KEY = '3EB0A0F1B2C3D4E5F6071829';
const ENGINES = ['GOWS', 'NOWEB', 'WEBJS'] as const;
const BYTES = Buffer.from('the bytes of a file');
const DATA = BYTES.toString('base64');

/** Of a proxy in front of a worker, with status 200. */
const PAGE = '<html>secret of nginx</html>';

/** What no engine answers to a send. */
const NO_ANSWERS = [PAGE, '{"id":"true_', 'OK', '"OK"', 'true', '1', '[]'];

interface Wanted {
	readonly title: string;
	readonly content: OutboundContent<OpenFile>;
	readonly path: string;
	readonly body: object;
}

const BODIES: readonly Wanted[] = [
	{
		title: 'a text',
		content: {kind: 'text', text: 'Hi there!'},
		path: '/api/sendText',
		body: {text: 'Hi there!', linkPreview: true, linkPreviewHighQuality: false},
	},
	{
		title: 'a picture',
		content: {kind: 'image', file: file('image/png', 'a.png'), caption: 'Look'},
		path: '/api/sendImage',
		body: {caption: 'Look', file: {mimetype: 'image/png', filename: 'a.png', data: DATA}},
	},
	{
		title: 'a picture without a caption, which is said',
		content: {kind: 'image', file: file('image/png', 'a.png'), caption: null},
		path: '/api/sendImage',
		body: {caption: '', file: {mimetype: 'image/png', filename: 'a.png', data: DATA}},
	},
	{
		title: 'a document',
		content: {kind: 'document', file: file('application/pdf', 'Счёт № 15 "copy".pdf'), caption: 'July'},
		path: '/api/sendFile',
		body: {caption: 'July', file: {mimetype: 'application/pdf', filename: 'Счёт № 15 "copy".pdf', data: DATA}},
	},
	{
		title: 'a video that WhatsApp plays',
		content: {kind: 'video', file: file('video/mp4', 'a.mp4'), caption: null},
		path: '/api/sendVideo',
		body: {caption: '', asNote: false, convert: false, file: {mimetype: 'video/mp4', filename: 'a.mp4', data: DATA}},
	},
	{
		title: 'any other video',
		content: {kind: 'video', file: file('video/webm', 'a.webm'), caption: null},
		path: '/api/sendVideo',
		body: {caption: '', asNote: false, convert: true, file: {mimetype: 'video/webm', filename: 'a.webm', data: DATA}},
	},
	{
		title: 'a voice note that WhatsApp plays',
		content: {kind: 'audio', file: file('audio/ogg; codecs=opus', 'a.ogg'), voice: true},
		path: '/api/sendVoice',
		body: {convert: false, file: {mimetype: 'audio/ogg; codecs=opus', filename: 'a.ogg', data: DATA}},
	},
	{
		title: 'any other voice note',
		content: {kind: 'audio', file: file('audio/mpeg', 'a.mp3'), voice: true},
		path: '/api/sendVoice',
		body: {convert: true, file: {mimetype: 'audio/mpeg', filename: 'a.mp3', data: DATA}},
	},
	{
		title: 'an Ogg file that may hold anything, as a voice note',
		content: {kind: 'audio', file: file('audio/ogg', 'a.ogg'), voice: true},
		path: '/api/sendVoice',
		body: {convert: true, file: {mimetype: 'audio/ogg', filename: 'a.ogg', data: DATA}},
	},
	{
		title: 'audio that is no voice note',
		content: {kind: 'audio', file: file('audio/mpeg', 'a.mp3'), voice: false},
		path: '/api/sendFile',
		body: {caption: '', file: {mimetype: 'audio/mpeg', filename: 'a.mp3', data: DATA}},
	},
	{
		title: 'a place',
		content: {kind: 'location', latitude: 52.5, longitude: -13.4, name: 'Office', address: '1100 Wilson Blvd'},
		path: '/api/sendLocation',
		body: {latitude: 52.5, longitude: -13.4, title: 'Office, 1100 Wilson Blvd'},
	},
	{
		title: 'a place without a name',
		content: {kind: 'location', latitude: 0, longitude: 0, name: null, address: null},
		path: '/api/sendLocation',
		body: {latitude: 0, longitude: 0, title: ''},
	},
	{
		title: 'a contact',
		content: {kind: 'contact', name: 'Ada; the\nfirst', phone: '15550004444'},
		path: '/api/sendContactVcard',
		body: {contacts: [{vcard: toVcard({name: 'Ada; the\nfirst', phone: '15550004444'})}]},
	},
	{
		title: 'a poll',
		content: {kind: 'poll', question: 'Tea?', options: ['yes', 'no'], multipleAnswers: true},
		path: '/api/sendPoll',
		body: {poll: {name: 'Tea?', options: ['yes', 'no'], multipleAnswers: true}},
	},
];

for (const engine of ENGINES) {
	test(`${engine}: every kind of message goes out with every field that WAHA needs, and no other`, async (t) => {
		await using fixture = await startLinked({engine});
		for (const {title, content, path, body} of BODIES) {
			const receipt = await send(fixture, {chatId: CHAT, content});
			const asked = fixture.waha.requestsTo('POST', path).at(-1);
			const id = engine === 'WEBJS' ? {} : {id: KEY};
			t.deepEqual(asked?.body, {session: SESSION, chatId: CHAT, ...body, ...id}, title);
			t.is(asked?.headers['content-type'], 'application/json', title);
			t.regex(receipt.id ?? '', /^true_15550001111@c\.us_3EB0[0-9A-F]{20}$/, title);
			t.true(Number.isInteger(receipt.timestamp) && receipt.timestamp > 1e9 && receipt.timestamp < 1e11, title);
		}
	});

	test(`${engine}: everything can quote, and what has a text can mention`, async (t) => {
		await using fixture = await startLinked({engine});
		const replyTo = `false_${CHAT}_3EB0AAAAAAAAAAAAAAAA`;
		for (const {title, content, path} of BODIES) {
			await send(fixture, {chatId: CHAT, content, replyTo});
			t.is(fixture.waha.requestsTo('POST', path).at(-1)?.body['reply_to'], replyTo, title);

			const mentions = ['15550003333@c.us'];
			const mentioning = send(fixture, {chatId: CHAT, content, mentions});
			if (['text', 'image', 'video', 'document'].includes(content.kind)) {
				await mentioning;
				t.deepEqual(fixture.waha.requestsTo('POST', path).at(-1)?.body['mentions'], mentions, title);
			} else {
				await fails(t, mentioning, 'CONTENT_INVALID');
			}
		}
	});

	test(`${engine}: the receipt of an edit names the edited message, and the time of the edit`, async (t) => {
		await using fixture = await startLinked({engine});
		const {id} = await send(fixture);
		await fixture.clock.advance(60_000);
		const receipt = await edit(fixture, id ?? '');
		t.is(receipt.id, id);
		if (engine === 'WEBJS') t.is(receipt.timestamp, Math.floor(fixture.clock.now() / 1000));
		const [request] = fixture.waha.requestsTo('PUT', pathOf(id ?? ''));
		t.deepEqual(request?.body, {text: 'another', linkPreview: true, linkPreviewHighQuality: false});
	});

	test(`${engine}: an edit and a deletion whose answers are empty have happened`, async (t) => {
		await using fixture = await startLinked({engine});
		const id = (await send(fixture)).id ?? '';
		fixture.waha.failNext('PUT', pathOf(id), {kind: 'empty'});
		t.is((await edit(fixture, id)).id, id);
		fixture.waha.failNext('DELETE', pathOf(id), {kind: 'empty'});
		await t.notThrowsAsync(revoke(fixture, id));
	});

	test(`${engine}: WAHA is not asked to change what WhatsApp would not, nor what is not there`, async (t) => {
		await using fixture = await startLinked({engine});
		const theirs = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'theirs'}}).id;
		const own = (await send(fixture)).id ?? '';
		const contact = {kind: 'contact', name: 'Ada', phone: '15550004444'} as const;
		const card = (await send(fixture, {chatId: CHAT, content: contact}, `${KEY}00`)).id ?? '';
		const unknown = `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`;
		await fails(t, edit(fixture, theirs), 'MESSAGE_NOT_EDITABLE');
		await fails(t, revoke(fixture, theirs), 'MESSAGE_NOT_EDITABLE');
		await fails(t, edit(fixture, card), 'MESSAGE_NOT_EDITABLE');
		for (const change of [edit, revoke, react]) await fails(t, change(fixture, unknown), 'MESSAGE_NOT_FOUND');

		await fixture.clock.advance(16 * 60 * 1000);
		t.regex((await fails(t, edit(fixture, own), 'MESSAGE_NOT_EDITABLE'))?.message ?? '', /15 minutes/);
		await fixture.clock.advance(60 * 60 * 60 * 1000);
		t.regex((await fails(t, revoke(fixture, own), 'MESSAGE_NOT_EDITABLE'))?.message ?? '', /60 hours/);
		const changes = fixture.waha.requests.filter(({method}) => method === 'PUT' || method === 'DELETE');
		t.deepEqual(changes, []);
	});

	test(`${engine}: a reaction is set and taken back by the full id`, async (t) => {
		await using fixture = await startLinked({engine});
		const {id} = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'a joke'}});
		await react(fixture, id);
		await fixture.engine.messages.react(SESSION, {chatId: CHAT, messageId: id}, '', inTime());
		t.deepEqual(
			fixture.waha.requestsTo('PUT', '/api/reaction').map(({body}) => body),
			['👍', ''].map((reaction) => ({session: SESSION, messageId: id, reaction})),
		);
	});

	test(`${engine}: what the table says cannot be done is refused with its note, and WAHA is not asked`, async (t) => {
		await using fixture = await startLinked({engine});
		const before = fixture.waha.requests.length;
		const table = fixture.engine.capabilities();
		const content = {kind: 'sticker', file: file('image/webp', 'a.webp')} as const;
		const calls: Partial<Record<Operation, () => Promise<unknown>>> = {
			'send.sticker': () => send(fixture, {chatId: CHAT, content}),
			forward: () => forward(fixture, `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`),
		};
		for (const [operation, call] of Object.entries(calls)) {
			const {level, note} = table[operation as Operation];
			if (level !== 'no') continue;
			const error = await fails(t, call(), 'NOT_SUPPORTED');
			t.true(note !== undefined && error?.message.includes(note), error?.message);
		}
		t.is(table['send.sticker'].level, 'no');
		t.is(fixture.waha.requests.length, before);
	});

	test(`${engine}: reading and typing concern one chat`, async (t) => {
		await using fixture = await startLinked({engine});
		const {presence} = fixture.engine;
		await presence.markRead(SESSION, CHAT, inTime());
		await presence.typing(SESSION, CHAT, true, inTime());
		await presence.typing(SESSION, CHAT, false, inTime());
		const body = {session: SESSION, chatId: CHAT};
		for (const path of ['/api/sendSeen', '/api/startTyping', '/api/stopTyping']) {
			t.deepEqual(
				fixture.waha.requestsTo('POST', path).map((request) => request.body),
				[body],
				path,
			);
		}
	});
}

test('NOWEB: a forwarded message has the id that was asked for', async (t) => {
	await using fixture = await startLinked({engine: 'NOWEB'});
	const {id} = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'pass it on'}});
	const chatId = '15550005555@c.us';
	t.is((await forward(fixture, id, chatId)).id, `true_${chatId}_${KEY}`);
	const [request] = fixture.waha.requestsTo('POST', '/api/forwardMessage');
	t.deepEqual(request?.body, {session: SESSION, chatId, messageId: id, id: KEY});
});

test('WEBJS: a forwarded message has gone out, but nobody is told its id', async (t) => {
	await using fixture = await startLinked({engine: 'WEBJS'});
	const {id} = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'pass it on'}});
	const receipt = await forward(fixture, id);
	t.deepEqual(receipt, {id: null, timestamp: Math.floor(fixture.clock.now() / 1000)});
	await eventually(() => fixture.events(SESSION).some(({event}) => event === 'message.any'));
});

for (const engine of ['NOWEB', 'WEBJS'] as const) {
	test(`${engine}: what is not there cannot be forwarded, and nothing went out`, async (t) => {
		await using fixture = await startLinked({engine});
		const error = await fails(t, forward(fixture, `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`), 'MESSAGE_NOT_FOUND');
		t.is(error?.sideEffect, 'none');
	});
}

test('a forward whose connection breaks is never repeated', async (t) => {
	await using fixture = await startLinked({engine: 'NOWEB'});
	const {id} = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'pass it on'}});
	fixture.waha.failNext('POST', '/api/forwardMessage', {kind: 'reset'});
	await fails(t, forward(fixture, id), 'OUTCOME_UNKNOWN');
	t.is(fixture.waha.requestsTo('POST', '/api/forwardMessage').length, 1);
});

test('a change whose connection breaks may be tried again by its caller, and is not by us', async (t) => {
	await using fixture = await startLinked();
	const id = (await send(fixture)).id ?? '';
	fixture.waha.failNext('PUT', pathOf(id), {kind: 'reset'});
	const error = await fails(t, edit(fixture, id), 'ENGINE_TIMEOUT');
	t.true(error?.retryable);
	t.is(error?.sideEffect, 'possible');
	t.is(fixture.waha.requestsTo('PUT', pathOf(id)).length, 1);
});

const REFUSALS: readonly {title: string; fault: FakeFault; code: EngineErrorCode}[] = [
	{
		title: 'a message that is gone since',
		fault: answer(404, {message: 'Message not found', error: 'Not Found', statusCode: 404}),
		code: 'MESSAGE_NOT_FOUND',
	},
	{
		title: 'what the engine does not change',
		fault: answer(422, {statusCode: 422, message: 'secret', error: 'Unprocessable Entity'}),
		code: 'MESSAGE_NOT_EDITABLE',
	},
	{
		title: 'a session that is not ready',
		fault: answer(422, {error: 'Session status is not as expected', session: SESSION, status: 'STARTING'}),
		code: 'SESSION_STARTING',
	},
	{title: 'an operation that a release lacks', fault: answer(501, {statusCode: 501}), code: 'NOT_SUPPORTED'},
	{title: 'an exception', fault: {kind: 'exception', message: 'secret'}, code: 'ENGINE_UNAVAILABLE'},
];

for (const {title, fault, code} of REFUSALS) {
	test(`the refusal of a change: ${title}`, async (t) => {
		await using fixture = await startLinked();
		const id = (await send(fixture)).id ?? '';
		for (const [method, change] of [
			['PUT', edit],
			['DELETE', revoke],
		] as const) {
			fixture.waha.failNext(method, pathOf(id), fault);
			const error = await fails(t, change(fixture, id), code);
			t.false(error?.message.includes('secret'));
		}
	});
}

test('WhatsApp error 463 restricts the account, for files too', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', '/api/sendImage', {
		kind: 'exception',
		message: '2 UNKNOWN: server returned error 463',
	});
	const content = {kind: 'image', file: file('image/png', 'a.png'), caption: null} as const;
	await fails(t, send(fixture, {chatId: CHAT, content}), 'ACCOUNT_RESTRICTED');
});

test('what is too large for the body parser is said to be too large', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', '/api/sendText', {kind: 'exception', message: 'request entity too large'});
	const error = await fails(t, send(fixture), 'MEDIA_TOO_LARGE');
	t.is(error?.sideEffect, 'none');
});

for (const engine of ENGINES) {
	test(`${engine}: nobody knows what became of a message when something else than the engine answers`, async (t) => {
		await using fixture = await startLinked({engine});
		const original = fixture.waha.receive(SESSION, {from: CHAT, content: {kind: 'text', text: 'pass it on'}}).id;
		const content = {kind: 'image', file: file('image/png', 'a.png'), caption: null} as const;
		const calls = [
			['/api/sendText', () => send(fixture)],
			['/api/sendImage', () => send(fixture, {chatId: CHAT, content})],
			...(engine === 'GOWS' ? [] : ([['/api/forwardMessage', () => forward(fixture, original)]] as const)),
		] as const;
		const unreadable = [...NO_ANSWERS, ...(engine === 'WEBJS' ? [] : ['', 'null', '{}', '{"status":"ok"}'])];
		for (const [path, call] of calls) {
			for (const body of unreadable) {
				fixture.waha.failNext('POST', path, {kind: 'answer', status: 200, body});
				const error = await fails(t, call(), 'OUTCOME_UNKNOWN');
				t.is(error?.sideEffect, 'possible');
				t.false(`${error?.message} ${(error?.cause as Error).message}`.includes('secret'), body);
			}
			t.is(fixture.waha.requestsTo('POST', path).length, unreadable.length, path);
		}
	});

	test(`${engine}: nothing has changed as far as anybody knows when something else than JSON answers`, async (t) => {
		await using fixture = await startLinked({engine});
		const id = (await send(fixture)).id ?? '';
		const {presence} = fixture.engine;
		const calls = [
			['PUT', pathOf(id), () => edit(fixture, id)],
			['DELETE', pathOf(id), () => revoke(fixture, id)],
			['PUT', '/api/reaction', () => react(fixture, id)],
			['POST', '/api/sendSeen', () => presence.markRead(SESSION, CHAT, inTime())],
			['POST', '/api/startTyping', () => presence.typing(SESSION, CHAT, true, inTime())],
			['POST', '/api/stopTyping', () => presence.typing(SESSION, CHAT, false, inTime())],
		] as const;
		for (const [method, path, call] of calls) {
			fixture.waha.failNext(method, path, {kind: 'answer', status: 200, body: PAGE});
			t.true((await fails(t, call(), 'ENGINE_UNAVAILABLE'))?.retryable, path);
			fixture.waha.failNext(method, path, {kind: 'answer', status: 200, body: ''});
			await t.notThrowsAsync(call(), path);
		}
	});
}

test('WEBJS: a picture whose answer is empty is a success without an id', async (t) => {
	await using fixture = await startLinked({engine: 'WEBJS'});
	fixture.waha.failNext('POST', '/api/sendImage', {kind: 'empty'});
	const content = {kind: 'image', file: file('image/png', 'a.png'), caption: null} as const;
	t.is((await send(fixture, {chatId: CHAT, content})).id, null);
});

const LEVELS: Readonly<Record<WahaEngineName, readonly string[]>> = {
	GOWS: [
		'client-message-id degraded',
		'forward no',
		'send.audio degraded',
		'send.location degraded',
		'send.sticker no',
	],
	NOWEB: ['client-message-id degraded', 'send.audio degraded', 'send.location degraded', 'send.sticker no'],
	WEBJS: [
		'client-message-id no',
		'forward degraded',
		'messages degraded',
		'send.audio degraded',
		'send.location degraded',
		'send.sticker no',
		'send.video degraded',
	],
};

for (const engine of ENGINES) {
	test(`${engine}: all that it lacks, each with a note`, async (t) => {
		await using fixture = await startWahaFixture({engine});
		const lacking = Object.entries(fixture.engine.capabilities()).filter(([, {level}]) => level !== 'yes');
		t.deepEqual(lacking.map(([operation, {level}]) => `${operation} ${level}`).sort(), LEVELS[engine]);
		t.true(lacking.every(([, {note = ''}]) => note.length > 20));
	});
}

function file(mimetype: string, filename: string): OpenFile {
	return {
		mimetype,
		filename,
		sizeBytes: BYTES.length,
		open: async function* () {
			for (const byte of BYTES) yield await Promise.resolve(Buffer.of(byte));
		},
	};
}

async function startLinked(options: FakeWahaOptions = {}): Promise<WahaFixture> {
	const fixture = await startWahaFixture(options);
	await fixture.linkSession(SESSION);
	return fixture;
}

function send(
	{engine}: WahaFixture,
	message: OutboundMessage<OpenFile> = {chatId: CHAT, content: {kind: 'text', text: 'Hi there!'}},
	key = KEY,
): Promise<SendResult> {
	return engine.messages.send(SESSION, message, key, inTime());
}

function forward({engine}: WahaFixture, messageId: string, chatId = CHAT): Promise<SendResult> {
	return engine.messages.forward(SESSION, {chatId, messageId}, KEY, inTime());
}

function edit({engine}: WahaFixture, messageId: string): Promise<SendResult> {
	return engine.messages.edit(SESSION, {chatId: CHAT, messageId}, 'another', inTime());
}

function revoke({engine}: WahaFixture, messageId: string): Promise<void> {
	return engine.messages.revoke(SESSION, {chatId: CHAT, messageId}, inTime());
}

function react({engine}: WahaFixture, messageId: string): Promise<void> {
	return engine.messages.react(SESSION, {chatId: CHAT, messageId}, '👍', inTime());
}

function pathOf(messageId: string): string {
	return `/api/${SESSION}/chats/${encodeURIComponent(CHAT)}/messages/${encodeURIComponent(messageId)}`;
}

function inTime(): AbortSignal {
	return AbortSignal.timeout(30_000);
}

function answer(status: number, body: object): FakeFault {
	return {kind: 'answer', status, body: JSON.stringify(body)};
}

async function fails(
	t: ExecutionContext,
	call: Promise<unknown>,
	code: EngineErrorCode,
): Promise<EngineError | undefined> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
	return error;
}
