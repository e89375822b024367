import test from 'ava';
import type {ChatMessage} from '../../domain/ports/whatsapp-engine.ts';
import {presentMessage} from '../../gateway/http/resources/chat-message.ts';
import {CHAT_ID, sampleMessage} from '../support/chat-history.ts';

const CONNECTION_URL = 'https://gateway.example/api/connections/c1';
/** @param chatId null = not named */
const present = (changes: Partial<ChatMessage>, chatId: string | null = CHAT_ID): Record<string, unknown> =>
	presentMessage(sampleMessage('A', 1_774_612_800, changes), {
		connectionUrl: CONNECTION_URL,
		chatId: chatId ?? undefined,
	});

test('a message is told in the words of events and in those of newer clients', (t) => {
	t.deepEqual(present({body: 'hello', from: CHAT_ID, senderPushName: 'Jane', ack: 2}), {
		id: `false_${CHAT_ID}_A`,
		timestamp: 1_774_612_800,
		fromMe: false,
		body: 'hello',
		hasMedia: false,
		from: CHAT_ID,
		ack: 2,
		media: null,
		chatId: CHAT_ID,
		type: 'text',
		text: 'hello',
		senderJid: CHAT_ID,
		senderPushName: 'Jane',
		quotedMessageId: null,
	});
});

test('a file has a link that leads to its message, whatever the engine says of it', (t) => {
	const url = `${CONNECTION_URL}/messages/false_15550110000%40c.us_A/media?chatId=15550110000%40c.us`;
	const told = {url: null, filename: 'a.png', mimetype: 'image/png'};
	t.deepEqual(present({hasMedia: true, media: told})['media'], {...told, url});
	for (const media of [null, undefined]) {
		t.deepEqual(present({hasMedia: true, media})['media'], {url, filename: null, mimetype: null});
	}
	t.is(present({hasMedia: false, media: told})['media'], null);
	t.like(present({hasMedia: true}, null), {media: {url}, chatId: CHAT_ID});
	const asNamed = url.replace(/chatId=.*$/, 'chatId=1%40lid');
	t.like(present({hasMedia: true}, '1@lid'), {chatId: '1@lid', media: {url: asNamed}});
	t.like(present({id: 'KEY', hasMedia: true}, null), {
		chatId: null,
		media: {url: `${CONNECTION_URL}/messages/KEY/media`},
	});
});

for (const [type, changes] of [
	['image', {hasMedia: true, media: {mimetype: 'image/jpeg'}}],
	['sticker', {hasMedia: true, media: {mimetype: 'image/webp'}}],
	['video', {hasMedia: true, media: {mimetype: 'video/mp4'}}],
	['audio', {hasMedia: true, media: {mimetype: 'audio/ogg; codecs=opus'}}],
	['document', {hasMedia: true, media: {mimetype: 'application/pdf'}}],
	['document', {hasMedia: true, media: null}],
	['location', {body: '/9j/4AAQ', location: {latitude: '1', longitude: '2'}}],
	['contact', {body: 'BEGIN:VCARD', vCards: ['BEGIN:VCARD']}],
	['text', {body: 'x', location: null, vCards: []}],
	['unknown', {body: ''}],
] as const) {
	test(`${JSON.stringify(changes)} is ${type}`, (t) => {
		t.is(present(changes)['type'], type);
	});
}

test('the text is what somebody wrote: a caption too, and no thumbnail or card', (t) => {
	t.is(present({body: 'look', hasMedia: true, media: {mimetype: 'image/png'}})['text'], 'look');
	t.is(present({body: ''})['text'], null);
	t.is(present({body: '/9j/4AAQ', location: {latitude: '1', longitude: '2'}})['text'], null);
	t.is(present({body: 'BEGIN:VCARD', vCards: ['BEGIN:VCARD']})['text'], null);
});

test('the sender is whoever wrote in a group, and nobody for a message of our own', (t) => {
	const group = '120363025246125888@g.us';
	t.is(present({from: group, participant: CHAT_ID}, group)['senderJid'], CHAT_ID);
	t.like(present({fromMe: true, from: '15550001111@c.us'}), {senderJid: null, senderPushName: null});
	t.is(present({replyTo: {id: 'QUOTED', body: ''}})['quotedMessageId'], 'QUOTED');
});
