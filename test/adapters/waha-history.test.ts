import test, {type ExecutionContext} from 'ava';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import {FakeWahaServer} from '../support/fake-waha-server.ts';
import type {FakeFault, FakeWahaOptions} from '../support/fake-waha.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {startWahaFixture, type WahaFixture} from '../support/waha-fixture.ts';

const SESSION = 'u_1_s_1';
const CHAT = '15550001111@c.us';
const OTHER = '15550002222@c.us';
const GROUP = '120363000000000001@g.us';
const MESSAGES = `/api/${SESSION}/chats/${encodeURIComponent(CHAT)}/messages`;
const ENGINES = ['GOWS', 'NOWEB', 'WEBJS'] as const;

for (const engine of ENGINES) {
	test(`${engine}: chats come with their counts and latest messages, without what is internal`, async (t) => {
		await using fixture = await startLinked({engine});
		fixture.waha.receive(SESSION, {from: OTHER, pushName: 'Ada', content: text('early'), timestamp: 1_783_400_000});
		fixture.waha.receive(SESSION, {from: OTHER, pushName: 'Ada', content: text('later'), timestamp: 1_783_400_010});
		const group = fixture.waha.receive(SESSION, {
			from: OTHER,
			chatId: GROUP,
			content: {
				kind: 'file',
				type: 'document',
				mimetype: 'application/pdf',
				filename: 'a.pdf',
				caption: '',
				bytes: Buffer.from('pdf'),
			},
			timestamp: 1_783_400_020,
		});
		const chats = await fixture.engine.history.chats(SESSION, {limit: 7, offset: 0});
		t.like(chats, [
			{id: GROUP, isGroup: true, timestamp: 1_783_400_020, unread: 1},
			{id: OTHER, name: 'John Doe', isGroup: false, timestamp: 1_783_400_010, unread: 2},
		]);
		t.is(chats[1]?.lastMessage?.body, 'later');
		const {lastMessage} = chats[0] ?? {};
		t.like(lastMessage, {id: group.id, body: '', hasMedia: true, participant: OTHER});
		t.deepEqual(lastMessage?.['media'], {url: null, mimetype: 'application/pdf', filename: 'a.pdf'});
		t.notRegex(JSON.stringify(chats), /_data|_chat|mediaKey|mmg\.whatsapp|localhost|s\.whatsapp\.net/);

		const [request] = fixture.waha.requestsTo('GET', `/api/${SESSION}/chats/overview`);
		t.deepEqual(Object.fromEntries(request?.query ?? []), {limit: '7', offset: '0', merge: 'true'});
	});

	test(`${engine}: a page of messages is asked for newest first, and never makes WAHA fetch files`, async (t) => {
		await using fixture = await startLinked({engine});
		for (const [body, timestamp] of [
			['one', 1_783_400_001],
			['two', 1_783_400_002],
			['three', 1_783_400_003],
		] as const) {
			fixture.waha.receive(SESSION, {from: CHAT, content: text(body), timestamp});
		}
		const {history} = fixture.engine;
		const slice = {limit: 10, offset: 1, untilTimestamp: 1_783_400_002};
		const messages = await history.messages(SESSION, CHAT, slice);
		t.deepEqual(
			messages.map(({body, timestamp}) => ({body, timestamp})),
			[{body: 'one', timestamp: 1_783_400_001}],
		);
		await history.messages(SESSION, CHAT, {limit: 1, offset: 0});
		const fixed = {downloadMedia: 'false', merge: 'true', sortBy: 'timestamp', sortOrder: 'desc'};
		t.deepEqual(
			fixture.waha.requestsTo('GET', MESSAGES).map(({query}) => Object.fromEntries(query)),
			[
				{...fixed, limit: '10', offset: '1', 'filter.timestamp.lte': '1783400002'},
				{...fixed, limit: '1', offset: '0'},
			],
		);
	});

	test(`${engine}: a message is found by its full id and its key, and is not in another chat`, async (t) => {
		await using fixture = await startLinked({engine});
		const theirs = fixture.waha.receive(SESSION, {from: CHAT, content: text('theirs')});
		const {id} = await fixture.engine.messages.send(
			SESSION,
			{chatId: CHAT, content: {kind: 'text', text: 'ours'}},
			'3EB0A0F1B2C3D4E5F6071829',
			AbortSignal.timeout(30_000),
		);
		const {history} = fixture.engine;
		for (const [full, body] of [
			[theirs.id, 'theirs'],
			[id ?? '', 'ours'],
		] as const) {
			const key = full.split('_')[2] ?? '';
			t.like(await history.findMessage(SESSION, CHAT, full), {id: full, body});
			t.like(await history.findMessage(SESSION, CHAT, key), {id: full, body});
			t.is(await history.findMessage(SESSION, OTHER, key), undefined);
		}
		t.is(await history.findMessage(SESSION, CHAT, '3EB0AAAAAAAAAAAAAAAA'), undefined);
		t.true(fixture.waha.requests.every(({query}) => query.get('downloadMedia') !== 'true'));
	});

	test(`${engine}: contacts are people, under the ids that tenants know`, async (t) => {
		await using fixture = await startLinked({engine});
		const {contacts} = fixture.waha.session(SESSION).chats;
		for (const id of [GROUP, OTHER, '172078351257794@lid', '0@c.us', '1@newsletter', 'status@broadcast', CHAT]) {
			contacts.set(id, `name of ${id}`);
		}
		contacts.set('15550003333@c.us', '');
		t.deepEqual(await fixture.engine.history.contacts(SESSION, {limit: 10, offset: 0}), [
			{id: CHAT, name: `name of ${CHAT}`, phoneNumber: '15550001111'},
			{id: OTHER, name: `name of ${OTHER}`, phoneNumber: '15550002222'},
			{id: '15550003333@c.us', name: null, phoneNumber: '15550003333'},
			{id: '172078351257794@lid', name: 'name of 172078351257794@lid', phoneNumber: null},
		]);
	});

	test(`${engine}: a profile picture is asked for by session and contact`, async (t) => {
		await using fixture = await startLinked({engine});
		fixture.waha.receive(SESSION, {from: CHAT, content: text('hello')});
		const {history} = fixture.engine;
		t.is(await history.profilePicture(SESSION, CHAT), `https://pps.whatsapp.net/v/${CHAT}.jpg`);
		t.is(await history.profilePicture(SESSION, OTHER), null);
		const [request] = fixture.waha.requestsTo('GET', '/api/contacts/profile-picture');
		t.deepEqual(Object.fromEntries(request?.query ?? []), {contactId: CHAT, session: SESSION});
	});
}

test('pages of contacts are pages of people, however many groups lie between them', async (t) => {
	await using fixture = await startLinked();
	const {contacts} = fixture.waha.session(SESSION).chats;
	const people = Array.from({length: 900}, (_, index) => `${15_550_100_000 + index}@c.us`);
	for (const [index, id] of people.entries()) {
		contacts.set(id, 'somebody');
		// Before most people in the order of ids.
		contacts.set(`${120_363_000 + index}@g.us`, 'a group');
	}
	const read = async (limit: number, offset: number): Promise<readonly string[]> =>
		(await fixture.engine.history.contacts(SESSION, {limit, offset})).map(({id}) => id);
	t.deepEqual(await read(3, 0), people.slice(0, 3));
	t.deepEqual(await read(100, 850), people.slice(850));
	t.deepEqual(await read(10, 900), []);
	t.deepEqual(await read(2000, 0), people);
});

test('contacts that ignore the page that was asked for, and an object instead of a list, are read all the same', async (t) => {
	const all = Array.from({length: 700}, (_, index) => `${15_550_100_000 + index}@s.whatsapp.net`);
	let requests = 0;
	await using server = await FakeWahaServer.start((_request, response) => {
		requests += 1;
		response.end(JSON.stringify(Object.fromEntries(all.map((id) => [id, {id, notify: 'somebody'}]))));
	});
	using engine = new WahaEngine({baseUrl: server.url, apiKey: 'k', clock: new ManualClock(), engine: 'NOWEB'});
	const contacts = await engine.history.contacts(SESSION, {limit: 1000, offset: 0});
	t.is(contacts.length, 700);
	t.deepEqual(contacts[0], {id: '15550100000@c.us', name: 'somebody', phoneNumber: '15550100000'});
	t.is(requests, 1);
});

test('an object instead of a list of chats is read all the same', async (t) => {
	await using fixture = await startLinked({engine: 'NOWEB'});
	const chat = {id: CHAT, name: null, picture: null, lastMessage: {}, _chat: {unreadCount: 2}};
	fixture.waha.failNext('GET', `/api/${SESSION}/chats/overview`, answer(200, {[CHAT]: chat}));
	t.deepEqual(await fixture.engine.history.chats(SESSION, {limit: 10, offset: 0}), [
		{id: CHAT, name: null, isGroup: false, timestamp: 0, unread: 2, lastMessage: null},
	]);
});

test('what goes wrong is never an empty list', async (t) => {
	await using fixture = await startLinked();
	const {history} = fixture.engine;
	const slice = {limit: 10, offset: 0};
	const calls = [
		['/api/u_1_s_1/chats/overview', () => history.chats(SESSION, slice)],
		[MESSAGES, () => history.messages(SESSION, CHAT, slice)],
		['/api/contacts/all', () => history.contacts(SESSION, slice)],
	] as const;
	const faults: readonly [FakeFault, EngineErrorCode][] = [
		[{kind: 'exception', message: 'boom'}, 'ENGINE_UNAVAILABLE'],
		[{kind: 'answer', status: 200, body: '<html>nginx</html>'}, 'ENGINE_UNAVAILABLE'],
		[{kind: 'answer', status: 200, body: ''}, 'ENGINE_UNAVAILABLE'],
		[answer(501, {statusCode: 501}), 'NOT_SUPPORTED'],
		[answer(422, {error: 'not as expected', session: SESSION, status: 'FAILED'}), 'SESSION_NOT_CONNECTED'],
	];
	for (const [path, call] of calls) {
		for (const [fault, code] of faults) {
			fixture.waha.failNext('GET', path, fault);
			await fails(t, call(), code);
		}
	}
});

test('a message is not said to be missing when WAHA only fails', async (t) => {
	await using fixture = await startLinked();
	const path = `${MESSAGES}/3EB0AAAAAAAAAAAAAAAA`;
	fixture.waha.failNext('GET', path, {kind: 'exception', message: 'boom'});
	const find = (): Promise<unknown> => fixture.engine.history.findMessage(SESSION, CHAT, '3EB0AAAAAAAAAAAAAAAA');
	await fails(t, find(), 'ENGINE_UNAVAILABLE');
	t.is(await find(), undefined);
});

function text(body: string): {kind: 'text'; text: string} {
	return {kind: 'text', text: body};
}

function answer(status: number, body: object): FakeFault {
	return {kind: 'answer', status, body: JSON.stringify(body)};
}

async function startLinked(options: FakeWahaOptions = {}): Promise<WahaFixture> {
	const fixture = await startWahaFixture(options);
	await fixture.linkSession(SESSION);
	return fixture;
}

async function fails(t: ExecutionContext, call: Promise<unknown>, code: EngineErrorCode): Promise<void> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
}
