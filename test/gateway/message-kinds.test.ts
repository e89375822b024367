import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import type {MediaKey} from '../../domain/ports/media-store.ts';
import {EXAMPLE_FILES} from '../../gateway/http/routes/example-files.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, createLinkedConnection, type Tenant} from '../support/gateway-harness.ts';

// Every kind of message, from the request to the phone that shows it.

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const CHAT = '15550110000@c.us';

interface Sent {
	readonly id: string;
	readonly commandId: string;
}

type Shown = Readonly<Record<string, unknown>>;

/** A tenant's linked phone, and what it can be told. */
interface Phone extends Tenant {
	send(name: string, body: object): Promise<Sent>;
	shown(id: string): Promise<Shown>;
	/** The bytes of a message's file, with their type. */
	file(id: string): Promise<{readonly type: string | null; readonly content: string}>;
	readonly connectionId: string;
}

async function createPhone(): Promise<Phone> {
	const tenant = await gateway.createTenant();
	const {id: connectionId} = await createLinkedConnection(tenant);
	const {client} = tenant;
	const path = (id: string): string => `/connections/${connectionId}/messages/${encodeURIComponent(id)}`;
	return {
		...tenant,
		connectionId,
		send: (name, body) => client.call('POST', `/connections/${connectionId}/${name}`, {...body, skipPresence: true}),
		shown: (id) => client.call('GET', path(id)),
		file: async (id) => {
			const response = await client.fetch('GET', `${path(id)}/media`);
			return {
				type: response.headers.get('content-type'),
				content: Buffer.from(await response.arrayBuffer()).toString('base64'),
			};
		},
	};
}

for (const [name, body, type] of [
	['send-image', {data: EXAMPLE_FILES.picture, caption: 'Look'}, 'image/webp'],
	['send-image', {data: EXAMPLE_FILES.picture, mimetype: 'image/png'}, 'image/png'],
	['send-video', {data: EXAMPLE_FILES.film, filename: 'a.txt'}, 'video/mp4'],
	['send-audio', {data: EXAMPLE_FILES.voice}, 'audio/ogg; codecs=opus'],
	['send-document', {data: EXAMPLE_FILES.text, filename: 'table.csv'}, 'text/csv'],
	['send-document', {data: EXAMPLE_FILES.text}, 'text/plain'],
	['send-sticker', {data: EXAMPLE_FILES.picture}, 'image/webp'],
	['send-media', {type: 'voice', mediaData: EXAMPLE_FILES.voice}, 'audio/ogg; codecs=opus'],
] as const) {
	test(`${name} ${Object.keys(body).join(', ')}: the recipient gets the bytes as ${type}`, async (t) => {
		const phone = await createPhone();
		const {id} = await phone.send(name, {chatId: CHAT, ...body});
		const shown = await phone.shown(id);
		t.like(shown, {id, fromMe: true, hasMedia: true, body: 'caption' in body ? body.caption : ''});
		const {type: served, content} = await phone.file(id);
		t.is(served, type);
		t.is(content, 'mediaData' in body ? body.mediaData : body.data);
	});
}

test('a document without a name gets one', async (t) => {
	const phone = await createPhone();
	const named = await phone.shown(
		(await phone.send('send-document', {chatId: CHAT, data: EXAMPLE_FILES.text, filename: 'a.txt'})).id,
	);
	t.like(named['media'], {filename: 'a.txt'});
	const unnamed = await phone.shown((await phone.send('send-document', {chatId: CHAT, data: EXAMPLE_FILES.text})).id);
	t.like(unnamed['media'], {filename: 'file.txt'});
});

test('a file by URL is fetched once and sent, with what its server says of its name', async (t) => {
	let asked = 0;
	const server = createServer((_request, response) => {
		asked++;
		response.setHeader('content-type', 'text/html');
		response.setHeader('content-disposition', 'attachment; filename="hello.txt"');
		response.end('Hello\n');
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
	const phone = await createPhone();
	const {id} = await phone.send('send-document', {chatId: CHAT, url});
	t.like((await phone.shown(id))['media'], {filename: 'hello.txt', mimetype: 'text/plain'});
	t.is((await phone.file(id)).content, EXAMPLE_FILES.text);
	t.is(asked, 1);
	const missing = await phone.client.fetch('POST', `/connections/${phone.connectionId}/send-image`, {
		chatId: CHAT,
		url: 'http://127.0.0.1:1/nothing',
		skipPresence: true,
	});
	t.is(missing.status, 422);
	t.like(await missing.json(), {code: 'MEDIA_FETCH_FAILED'});
	server.close();
});

test('an upload is gone from the store once it is sent, and once it is refused', async (t) => {
	const phone = await createPhone();
	const {mediaStore} = gateway.dependencies;
	const uploads: MediaKey[] = [];
	const put = mediaStore.put.bind(mediaStore);
	mediaStore.put = (key, file) => {
		if (key.connectionId === phone.connectionId && key.filename.startsWith('outgoing-')) uploads.push(key);
		return put(key, file);
	};
	await phone.send('send-image', {chatId: CHAT, data: EXAMPLE_FILES.picture});
	await t.throwsAsync(phone.send('send-image', {chatId: '15550110001', data: EXAMPLE_FILES.picture}), {
		message: /answered 422.*RECIPIENT_NOT_ON_WHATSAPP/,
	});
	await t.throwsAsync(phone.send('send-image', {chatId: 'nobody', data: EXAMPLE_FILES.picture}), {
		message: /answered 400/,
	});
	mediaStore.put = put;
	t.is(uploads.length, 3);
	for (const key of uploads) {
		await eventually(async () => (await mediaStore.find(key)) === undefined);
	}
	t.pass();
});

test('places, people and polls are shown as they were sent', async (t) => {
	const phone = await createPhone();
	const place = {latitude: 52.52, longitude: 13.405, name: 'Berlin', address: 'Street 1'};
	t.like((await phone.shown((await phone.send('send-location', {chatId: CHAT, ...place})).id))['location'], {
		latitude: String(place.latitude),
		longitude: String(place.longitude),
	});
	const card = {contactName: 'Doe; Jane, \\', contactPhone: '+1 (555) 000-1111'};
	const contact = await phone.shown((await phone.send('send-contact', {chatId: CHAT, ...card})).id);
	const [vcard] = contact['vCards'] as readonly string[];
	t.regex(vcard ?? '', /^BEGIN:VCARD\n/);
	t.true(vcard?.includes('\nFN:Doe\\; Jane\\, \\\\\n'), vcard);
	t.true(vcard?.includes('waid=15550001111:+15550001111\n'), vcard);
	const poll = {question: 'Lunch?', options: ['Yes', 'No'], multipleAnswers: true};
	const {id} = await phone.send('send-poll', {chatId: CHAT, ...poll});
	t.is((await phone.shown(id))['id'], id);
});

test('a text quotes and mentions', async (t) => {
	const phone = await createPhone();
	const first = await phone.send('send', {chatId: CHAT, text: 'What?'});
	const {id} = await phone.send('send', {
		chatId: CHAT,
		text: '@15550110000 that',
		replyTo: first.id,
		mentions: ['15550110000'],
	});
	const quoted = {id: first.id.split('_').at(-1)};
	t.like((await phone.shown(id))['replyTo'], quoted);
	for (const replyTo of [quoted.id, first.commandId]) {
		const {id: other} = await phone.send('send', {chatId: CHAT, text: 'that', replyTo});
		t.like((await phone.shown(other))['replyTo'], quoted);
	}
});

test('a message is edited, reacted to, forwarded and taken back', async (t) => {
	const phone = await createPhone();
	const {id, commandId} = await phone.send('send', {chatId: CHAT, text: 'first'});
	const key = id.split('_').at(-1);
	const edited = await phone.client.fetch('PUT', `/connections/${phone.connectionId}/messages/${id}`, {
		chatId: CHAT,
		text: 'second',
	});
	t.is(edited.status, 200);
	t.is((await phone.shown(id))['body'], 'second');
	t.deepEqual(Object.keys(await phone.send('edit', {messageId: id, text: 'third'})), ['id', 'timestamp', 'commandId']);
	t.is((await phone.shown(id))['body'], 'third');

	t.is((await phone.send('edit', {chatId: CHAT, messageId: key, text: 'by its key'})).id, id);
	t.is((await phone.shown(id))['body'], 'by its key');
	t.is((await phone.send('edit', {messageId: commandId, text: 'third'})).id, id);
	t.is((await phone.shown(id))['body'], 'third');

	t.deepEqual(await phone.send('react', {chatId: CHAT, messageId: id, reaction: '👍'}), {success: true} as never);
	t.deepEqual(await phone.send('react', {messageId: id, reaction: ''}), {success: true} as never);

	const forwarded = await phone.send('forward', {chatId: '15550110005', messageId: id});
	t.regex(forwarded.id, /^true_15550110005@c\.us_/);
	t.is((await phone.shown(forwarded.id))['body'], 'third');

	t.deepEqual(await phone.send('revoke', {messageId: id}), {success: true} as never);
	const gone = await phone.client.fetch('POST', `/connections/${phone.connectionId}/edit`, {messageId: id, text: 'x'});
	t.is(gone.status, 422);
	t.like(await gone.json(), {code: 'MESSAGE_NOT_EDITABLE'});
	const unknown = await phone.client.fetch('POST', `/connections/${phone.connectionId}/react`, {
		messageId: `true_${CHAT}_3EB0FFFFFFFFFFFFFFFFFFFF`,
		reaction: '👍',
	});
	t.is(unknown.status, 404);
	t.like(await unknown.json(), {code: 'MESSAGE_NOT_FOUND'});
});

test('somebody else’s message cannot be edited', async (t) => {
	const phone = await createPhone();
	await phone.client.call('POST', `/simulator/connections/${phone.connectionId}/message-from`, {
		from: CHAT,
		text: 'Hi',
	});
	const [received] = await eventually(async () => {
		const path = `/connections/${phone.connectionId}/chats/${CHAT}/messages`;
		const messages = await phone.client.call<{id: string}[]>('GET', path);
		return messages.length > 0 && messages;
	});
	const response = await phone.client.fetch('POST', `/connections/${phone.connectionId}/edit`, {
		messageId: received?.id,
		text: 'x',
	});
	t.is(response.status, 422);
	t.like(await response.json(), {code: 'MESSAGE_NOT_EDITABLE'});
});

test('reading and typing show', async (t) => {
	const phone = await createPhone();
	const {simulator} = gateway.dependencies;
	const {sessionName} = await gateway.dependencies.connections.get(phone.user.id, phone.connectionId);
	t.deepEqual(await phone.send('typing', {chatId: CHAT}), {success: true} as never);
	t.deepEqual(await simulator?.typingIn(sessionName), [CHAT]);
	t.deepEqual(await phone.send('typing/stop', {chatId: '+15550110000'}), {success: true} as never);
	t.deepEqual(await simulator?.typingIn(sessionName), []);
	t.deepEqual(await phone.send('mark-read', {chatId: CHAT}), {success: true} as never);
});
