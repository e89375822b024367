import test from 'ava';
import {isOfChat, lookupIdsOf, toChat, toChatMessage, toContact} from '../../adapters/waha/waha-messages-mapper.ts';
import {loadSampleEvents} from '../support/sample-events.ts';

const CHAT = '11111111111@c.us';
const ID = `false_${CHAT}_3EB0A0F1B2C3D4E5F60718`;

/** What a message must not tell: raw data of engines, keys and addresses of files, stacks. */
const INTERNAL = /_data|mediaKey|mmg\.whatsapp\.net|localhost|api\/files|s3|stack|callErrorFromStatus|mediaUrl/i;

for (const {name, envelope} of loadSampleEvents()) {
	const payload = envelope['payload'] as Readonly<Record<string, unknown>>;
	if (
		!/^message\.(?:text|any|image|video|voice|document|sticker|location|vcard|group|quoted|poll|media|empty)/.test(name)
	) {
		continue;
	}
	test(`${name} is told without what is internal`, (t) => {
		const message = toChatMessage(payload);
		t.is(message?.id, payload['id'] as string);
		t.is(message?.timestamp, payload['timestamp'] as number);
		t.is(message?.fromMe, payload['fromMe'] as boolean);
		t.is(message?.hasMedia, payload['hasMedia'] as boolean);
		t.is(message?.body, (payload['body'] as string | null | undefined) ?? '');
		t.notRegex(JSON.stringify(message), INTERNAL);
		for (const field of ['from', 'to', 'participant', 'source', 'ack', 'ackName', 'location', 'vCards']) {
			t.deepEqual(message?.[field], payload[field], field);
		}
	});
}

test('what the sender calls himself is told, wherever the engine has it, and nothing of our own messages', (t) => {
	for (const raw of [{pushName: 'Jane'}, {Info: {PushName: 'Jane'}}, {notifyName: 'Jane'}]) {
		t.is(toChatMessage({id: ID, _data: raw})?.['senderPushName'], 'Jane');
		t.is(toChatMessage({id: `true_${CHAT}_A`, _data: raw})?.['senderPushName'], null);
	}
	for (const raw of [{}, {pushName: ''}, {Info: null}, null, undefined]) {
		t.is(toChatMessage({id: ID, _data: raw})?.['senderPushName'], null);
	}
});

test('of a file its type and its name remain', (t) => {
	const media = {
		url: 'http://localhost:3000/api/files/default/3EB0.pdf',
		filename: 'a.pdf',
		mimetype: 'application/pdf',
		s3: {Bucket: 'b', Key: 'k'},
		error: {details: 'stack'},
	};
	const message = toChatMessage({id: ID, timestamp: 1, fromMe: false, hasMedia: true, media, mediaUrl: media.url});
	t.deepEqual(message?.['media'], {url: null, filename: 'a.pdf', mimetype: 'application/pdf'});
	t.deepEqual(toChatMessage({id: ID, hasMedia: true, media: {}})?.['media'], {
		url: null,
		filename: null,
		mimetype: null,
	});
	t.is(toChatMessage({id: ID, hasMedia: true, media: null})?.['media'], null);
});

test('a quoted message is told as carefully', (t) => {
	const media = {url: 'http://localhost:3000/api/files/default/A.jpeg', mimetype: 'image/jpeg'};
	const replyTo = {id: 'A', participant: '1@lid', body: null, hasMedia: true, media, _data: {mediaKey: 'k'}};
	t.deepEqual(toChatMessage({id: ID, replyTo})?.['replyTo'], {
		id: 'A',
		participant: '1@lid',
		body: '',
		hasMedia: true,
		media: {url: null, mimetype: 'image/jpeg', filename: null},
	});
	for (const none of [null, undefined, {}, 'A']) t.is(toChatMessage({id: ID, replyTo: none})?.['replyTo'], null);
});

test('messages of all engines have full ids and seconds', (t) => {
	const webjs = {id: {fromMe: true, remote: CHAT, id: 'A', _serialized: `true_${CHAT}_A`}, timestamp: 1_783_400_401.7};
	t.like(toChatMessage(webjs), {id: `true_${CHAT}_A`, fromMe: true, timestamp: 1_783_400_401});
	const key = {remoteJid: '11111111111@s.whatsapp.net', fromMe: false, id: 'A'};
	t.like(toChatMessage({key, messageTimestamp: {low: 1_783_400_401, high: 0}}), {
		id: `false_${CHAT}_A`,
		fromMe: false,
		timestamp: 1_783_400_401,
	});
	t.is(toChatMessage({id: ID, timestamp: 1_783_400_401_892})?.timestamp, 1_783_400_401);
	t.deepEqual(toChatMessage({id: ID}), {
		id: ID,
		timestamp: 0,
		fromMe: false,
		body: '',
		hasMedia: false,
		media: null,
		replyTo: null,
		senderPushName: null,
	});
	for (const none of [undefined, null, {}, [], 'text', {id: ''}]) t.is(toChatMessage(none), undefined);
});

test('a chat has the time of its latest message, else its own', (t) => {
	const chat = {id: CHAT, name: 'John', picture: null, lastMessage: {id: ID, timestamp: 5e8, body: 'x'}, _chat: {}};
	t.like(toChat(chat), {id: CHAT, name: 'John', timestamp: 5e8, unread: 0, lastMessage: {id: ID, body: 'x'}});
	const empty = {id: '11111111111@s.whatsapp.net', lastMessage: {}};
	t.like(toChat({...empty, _chat: {conversationTimestamp: {low: 7e8, high: 0}}}), {id: CHAT, timestamp: 7e8});
	t.like(toChat({...empty, _chat: {timestamp: 7e8, name: 'Group'}}), {
		timestamp: 7e8,
		name: 'Group',
		lastMessage: null,
	});
	t.like(toChat({...empty, _chat: null}), {timestamp: 0, name: null});
	for (const none of [undefined, null, {}, {name: 'no id'}]) t.is(toChat(none), undefined);
});

test('a chat tells how much of it is unread, and that somebody marked it so', (t) => {
	const unreadOf = (unreadCount: unknown): number | undefined => toChat({id: CHAT, _chat: {unreadCount}})?.unread;
	t.is(unreadOf(3), 3);
	t.is(unreadOf('3'), 3);
	t.is(unreadOf(-1), 1);
	for (const none of [undefined, null, 'many', {}, 0.5]) t.is(unreadOf(none), 0);
});

test('a contact is named as it is best known', (t) => {
	t.deepEqual(toContact({id: '11111111111:3@s.whatsapp.net', name: '', pushname: 'John'}), {
		id: CHAT,
		name: 'John',
		phoneNumber: '11111111111',
	});
	t.is(toContact({id: CHAT, pushname: 'John', name: 'John Doe'})?.name, 'John Doe');
	t.is(toContact({id: CHAT, notify: 'John'})?.name, 'John');
	t.is(toContact({id: {_serialized: CHAT, user: '11111111111'}})?.id, CHAT);
	t.deepEqual(toContact({id: '1@lid'}), {id: '1@lid', name: null, phoneNumber: null});
	for (const id of ['1@g.us', '1@newsletter', 'status@broadcast', '0@c.us', '', undefined, 7]) {
		t.is(toContact({id, name: 'x'}), undefined, String(id));
	}
});

test('WEBJS is asked for full ids only', (t) => {
	t.deepEqual(lookupIdsOf('WEBJS', CHAT, 'A'), [`true_${CHAT}_A`, `false_${CHAT}_A`]);
	t.deepEqual(lookupIdsOf('WEBJS', CHAT, ID), [ID]);
	for (const engine of ['GOWS', 'NOWEB'] as const) t.deepEqual(lookupIdsOf(engine, CHAT, 'A'), ['A']);
});

test('a message belongs to its chat, under whichever id the person goes', (t) => {
	const message = {id: ID, timestamp: 0, fromMe: false, body: '', hasMedia: false};
	t.true(isOfChat(message, CHAT));
	t.true(isOfChat(message, '11111111111@s.whatsapp.net'));
	t.true(isOfChat(message, '172078351257794@lid'));
	t.false(isOfChat(message, '22222222222@c.us'));
	t.false(isOfChat(message, '11111111111@g.us'));
});
