import test from 'ava';
import {SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';
const ALL = {limit: 1000, offset: 0} as const;

const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function linkedBench(): Promise<SimulatorBench> {
	const bench = new SimulatorBench();
	await bench.link('s');
	return bench;
}

/** What the store holds of the session's history, in bytes. */
async function storedBytes({state}: SimulatorBench): Promise<number> {
	return Buffer.byteLength((await state.load('simulator.history', 's')) ?? '');
}

test('the phone remembers the latest 100 messages of a chat', async (t) => {
	await using bench = await linkedBench();
	for (let n = 0; n < 120; n++) await bench.engine.receive('s', {from: CONTACT, text: String(n)});
	const messages = await bench.engine.history.messages('s', CONTACT, ALL);
	t.deepEqual(
		messages.map(({body}) => Number(body)),
		Array.from({length: 100}, (_, index) => 119 - index),
	);
	const {messageId} = await bench.engine.receive('s', {from: CONTACT, text: 'the last'});
	t.is((await bench.engine.history.findMessage('s', CONTACT, messageId))?.body, 'the last');
});

test('the phone remembers the latest 50 chats', async (t) => {
	await using bench = await linkedBench();
	const contacts = Array.from({length: 60}, (_, n) => `1555000${2000 + n}@c.us`);
	for (const from of contacts) await bench.engine.receive('s', {from});
	await bench.engine.receive('s', {from: contacts[20] ?? ''});
	const chats = await bench.engine.history.chats('s', ALL);
	t.is(chats.length, 50);
	t.is(chats[0]?.id, contacts[20]);
	t.is(chats[0]?.unread, 2);
	t.is(chats.at(-1)?.id, contacts[10]);
	t.is((await bench.engine.history.contacts('s', ALL)).length, 50);
});

test('long texts make it remember fewer, so that the document stays small', async (t) => {
	await using bench = await linkedBench();
	const text = 'x'.repeat(60_000);
	for (let n = 0; n < 30; n++) await bench.engine.receive('s', {from: CONTACT, text});
	await bench.clock.advance(2000);
	t.true((await storedBytes(bench)) < 1_100_000, String(await storedBytes(bench)));
	const kept = (await bench.engine.history.messages('s', CONTACT, ALL)).length;
	t.true(kept > 10 && kept < 20, String(kept));
	await bench.engine.receive('s', {from: '15550002222@c.us', text: 'x'.repeat(2_000_000)});
	const chats = await bench.engine.history.chats('s', ALL);
	t.deepEqual(
		chats.map(({id, lastMessage}) => [id, lastMessage?.body.length]),
		[['15550002222@c.us', 2_000_000]],
		'the latest message stays, however long',
	);
});

test('history outlives the process: chats, unread counts, acknowledgements, edits, and what is read', async (t) => {
	const before = await linkedBench();
	await before.engine.receive('s', {from: CONTACT, text: 'read'});
	await before.engine.presence.markRead('s', CONTACT, signal());
	await before.engine.receive('s', {from: CONTACT, text: 'unread', type: 'image'});
	const {id} = await before.send('s', CONTACT, {text: 'tpyo'});
	await before.engine.messages.edit('s', {chatId: CONTACT, messageId: id ?? ''}, 'typo', signal());
	await before.clock.advance(5000);
	const chats = await before.engine.history.chats('s', ALL);
	const messages = await before.engine.history.messages('s', CONTACT, ALL);
	t.deepEqual(
		messages.map(({body, ack}) => [body, ack]),
		[
			['typo', 3],
			['unread', 2],
			['read', 3],
		],
	);
	t.is(chats[0]?.unread, 1);

	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS);
	t.deepEqual(await after.engine.history.chats('s', ALL), chats);
	t.deepEqual(await after.engine.history.messages('s', CONTACT, ALL), messages);
});

test('an orderly end writes what was remembered last', async (t) => {
	const before = await linkedBench();
	await before.engine.receive('s', {from: CONTACT, text: 'just now'});
	await before.engine[Symbol.asyncDispose]();
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS);
	t.is((await after.engine.history.chats('s', ALL))[0]?.lastMessage?.body, 'just now');
});

test('a logout forgets everything, and a removed session leaves nothing in the store', async (t) => {
	await using bench = await linkedBench();
	await bench.engine.receive('s', {from: CONTACT});
	await bench.clock.advance(2000);
	t.true((await storedBytes(bench)) > 100);
	await bench.engine.sessions.logout('s');
	await bench.clock.advance(START_MS);
	await bench.engine.scan('s');
	t.deepEqual(await bench.engine.history.chats('s', ALL), []);
	await bench.engine.receive('s', {from: CONTACT});
	await bench.clock.advance(2000);
	await bench.engine.sessions.remove('s');
	await bench.clock.advance(5000);
	t.is(await bench.state.load('simulator', 's'), undefined);
	t.is(await bench.state.load('simulator.history', 's'), undefined);
});

test('untilTimestamp gives what is not later, that second included', async (t) => {
	await using bench = await linkedBench();
	for (const text of ['1', '2', '3']) {
		await bench.engine.receive('s', {from: CONTACT, text});
		await bench.clock.advance(1000);
	}
	const [, second] = await bench.engine.history.messages('s', CONTACT, ALL);
	const until = second?.timestamp ?? 0;
	const bodiesUntil = async (untilTimestamp: number): Promise<readonly string[]> =>
		(await bench.engine.history.messages('s', CONTACT, {...ALL, untilTimestamp})).map(({body}) => body);
	t.deepEqual(await bodiesUntil(until), ['2', '1']);
	t.deepEqual(await bodiesUntil(until - 1), ['1']);
});

test('groups and channels have names, too, but are no contacts', async (t) => {
	await using bench = await linkedBench();
	await bench.engine.receive('s', {from: '123@lid', group: '120363@g.us'});
	await bench.send('s', '120363@newsletter');
	await bench.engine.receive('s', {from: '123123123123123@lid'});
	const chats = await bench.engine.history.chats('s', ALL);
	t.deepEqual(
		chats.map(({id, isGroup, unread}) => ({id, isGroup, unread})),
		[
			{id: '123123123123123@lid', isGroup: false, unread: 1},
			{id: '120363@newsletter', isGroup: false, unread: 0},
			{id: '120363@g.us', isGroup: true, unread: 1},
		],
	);
	t.regex(chats[2]?.name ?? '', /^Group \S+$/);
	t.regex(chats[1]?.name ?? '', /^Channel \S+$/);
	t.deepEqual(await bench.engine.history.contacts('s', ALL), [
		{id: '123123123123123@lid', name: chats[0]?.name ?? '', phoneNumber: null},
	]);
});

test('some have a profile picture and some have none, always the same', async (t) => {
	await using bench = await linkedBench();
	const ids = Array.from({length: 40}, (_, n) => `1555000${3000 + n}@c.us`);
	const pictures = (): Promise<readonly (string | null)[]> =>
		Promise.all(ids.map((id) => bench.engine.history.profilePicture('s', id)));
	const first = await pictures();
	const urls = first.filter((url) => url !== null);
	t.true(urls.length > 15 && urls.length < 39, String(urls.length));
	t.is(new Set(urls).size, urls.length);
	t.deepEqual(await pictures(), first);
});

test('every kind of content is in the history in WAHA’s words', async (t) => {
	await using bench = await linkedBench();
	await bench.sendContent('s', CONTACT, {kind: 'location', latitude: 1, longitude: 2, name: null, address: null}, 'A1');
	await bench.sendContent('s', CONTACT, {kind: 'contact', name: 'Ada', phone: '15550004444'}, 'A2');
	const {messageId} = await bench.engine.receive('s', {from: CONTACT, type: 'voice'});
	const [voice, contact, location] = await bench.engine.history.messages('s', CONTACT, ALL);
	t.like(location, {body: '', location: {latitude: '1', longitude: '2'}, hasMedia: false, media: null});
	t.regex(String((contact?.['vCards'] as string[])[0]), /FN:Ada/);
	const media = {filename: null, mimetype: 'audio/ogg; codecs=opus'};
	t.like(voice, {id: messageId, body: '', hasMedia: true, media, fromMe: false});
});
