import type {ExecutionContext} from 'ava';
import {messageKeyOf} from '../../../domain/messaging/message-id.ts';
import type {ChatMessage} from '../../../domain/ports/whatsapp-engine.ts';
import {CHAT, linkedSession, messageReported, sentId, type Declare} from './fixture.ts';

const OTHER = '15550006666@c.us';
const ALL = {limit: 100, offset: 0} as const;

/** What the phone remembers. */
export function historyContract(declare: Declare): void {
	declare('a new account has no chats, no messages and nobody', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {history} = fixture.engine;
		t.deepEqual(await history.chats(session, ALL), []);
		t.deepEqual(await history.messages(session, CHAT, ALL), []);
		t.deepEqual(await history.contacts(session, ALL), []);
		t.is(await history.findMessage(session, CHAT, `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`), undefined);
	});

	declare('chats have their latest message and come latest first', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.receive(session, {from: OTHER, text: 'early'});
		const id = await sentId(fixture, session, {text: 'late'});
		await messageReported(fixture, session, id);
		const chats = await fixture.engine.history.chats(session, ALL);
		t.deepEqual(
			chats.map(({id: chat, unread, isGroup}) => ({chat, unread, isGroup})),
			[
				{chat: CHAT, unread: 0, isGroup: false},
				{chat: OTHER, unread: 1, isGroup: false},
			],
		);
		for (const {name, timestamp, lastMessage} of chats) {
			t.true(name === null || typeof name === 'string');
			t.is(lastMessage?.timestamp, timestamp);
			checkMessage(t, lastMessage);
		}
		t.is(messageKeyOf(chats[0]?.lastMessage?.id ?? ''), messageKeyOf(id));
		t.is(chats[1]?.lastMessage?.body, 'early');
	});

	declare('lists give the slice that is asked for', async (t, fixture) => {
		const session = await linkedSession(fixture);
		for (const text of ['1', '2', '3']) {
			await fixture.receive(session, {from: CHAT, text});
		}
		await fixture.receive(session, {from: OTHER, text: '4'});
		const {history} = fixture.engine;
		const bodies = async (slice: Parameters<typeof history.messages>[2]): Promise<readonly string[]> =>
			(await history.messages(session, CHAT, slice)).map(({body}) => body);
		t.deepEqual(await bodies(ALL), ['3', '2', '1']);
		t.deepEqual(await bodies({limit: 2, offset: 0}), ['3', '2']);
		t.deepEqual(await bodies({limit: 2, offset: 2}), ['1']);
		t.deepEqual(await bodies({limit: 2, offset: 3}), []);
		const times = (await history.messages(session, CHAT, ALL)).map(({timestamp}) => timestamp);
		t.deepEqual(await bodies({...ALL, untilTimestamp: Math.max(...times)}), ['3', '2', '1']);
		t.deepEqual(await bodies({...ALL, untilTimestamp: Math.min(...times) - 1}), []);

		const chats = await history.chats(session, ALL);
		t.deepEqual(await history.chats(session, {limit: 1, offset: 1}), chats.slice(1));
		const contacts = await history.contacts(session, ALL);
		t.deepEqual(await history.contacts(session, {limit: 1, offset: 1}), contacts.slice(1, 2));
	});

	declare(
		'messages of both sides are in the chat, as WAHA tells them and without what is internal',
		async (t, fixture) => {
			const session = await linkedSession(fixture);
			const incoming = await fixture.receive(session, {from: CHAT, text: 'a file', sizeBytes: 1000});
			const own = await sentId(fixture, session, {text: 'thanks'});
			await messageReported(fixture, session, own);
			const messages = await fixture.engine.history.messages(session, CHAT, ALL);
			for (const message of messages) checkMessage(t, message);
			t.deepEqual(
				messages.map(({id}) => messageKeyOf(id)),
				[own, incoming].map(messageKeyOf),
			);
			t.like(messages[0], {fromMe: true, body: 'thanks', hasMedia: false});
			t.like(messages[1], {fromMe: false, body: 'a file', hasMedia: true});
		},
	);

	declare('one message is found by its full id and by its key, in its own chat only', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {history} = fixture.engine;
		for (const id of [
			await fixture.receive(session, {from: CHAT, text: 'find me'}),
			await sentId(fixture, session, {text: 'find me'}),
		]) {
			for (const form of [id, messageKeyOf(id)]) {
				const found = await history.findMessage(session, CHAT, form);
				checkMessage(t, found);
				t.is(found?.id, id);
				t.is(found?.body, 'find me');
			}
			t.is(await history.findMessage(session, OTHER, messageKeyOf(id)), undefined);
		}
	});

	declare('contacts are people, by id', async (t, fixture) => {
		const session = await linkedSession(fixture);
		for (const from of [OTHER, CHAT]) await fixture.receive(session, {from, text: 'hello'});
		await sentId(fixture, session, {chatId: '120363000000000001@g.us'});
		const contacts = await fixture.engine.history.contacts(session, ALL);
		t.deepEqual(
			contacts.map(({id, phoneNumber}) => ({id, phoneNumber})),
			[
				{id: CHAT, phoneNumber: '15550001111'},
				{id: OTHER, phoneNumber: '15550006666'},
			],
		);
		t.true(contacts.every(({name}) => name === null || name.length > 0));
	});

	declare('a profile picture is an address or null', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {level} = fixture.engine.capabilities()['profile-picture'];
		if (level === 'no') {
			t.pass('the capabilities say so');
			return;
		}
		for (const contact of [CHAT, OTHER]) {
			const url = await fixture.engine.history.profilePicture(session, contact);
			t.true(url === null || url.startsWith('https://'), String(url));
			t.is(await fixture.engine.history.profilePicture(session, contact), url);
		}
	});
}

/** The fields that are always there, and nothing that names a machine. */
function checkMessage(t: ExecutionContext, message: ChatMessage | null | undefined): void {
	t.regex(message?.id ?? '', /^(true|false)_[^_]+@[a-z.]+_[^_]+/);
	t.true(
		Number.isInteger(message?.timestamp) && Number(message?.timestamp) > 1.5e9 && Number(message?.timestamp) < 1e11,
	);
	t.is(typeof message?.fromMe, 'boolean');
	t.is(typeof message?.body, 'string');
	t.is(typeof message?.hasMedia, 'boolean');
	t.false(message !== null && message !== undefined && '_data' in message);
	t.notRegex(JSON.stringify(message), /\/api\/files|"_data"/);
}
