import test from 'ava';
import {Conversations, type MessagePage} from '../../domain/conversations/conversations.ts';
import {
	EngineError,
	NotSupportedError,
	NoWorkerAvailableError,
	ValidationError,
	type EngineErrorCode,
} from '../../domain/errors.ts';
import type {CommandRecord} from '../../domain/messaging/command.ts';
import type {CommandStore} from '../../domain/ports/command-store.ts';
import type {EngineHistory, EngineSession} from '../../domain/ports/whatsapp-engine.ts';
import {CHAT_ID, ChatHistory, sampleChat, sampleMessage} from '../support/chat-history.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {sampleCommand, sampleConnection} from '../support/samples.ts';
import {SCRIPTED_WORKER, scriptedEngines, type EngineScript} from '../support/scripted-engine.ts';

const ME = {id: '15550001111@c.us', pushName: 'Shop'};
const LINKED = sampleConnection({workerId: SCRIPTED_WORKER.id, status: 'connected', me: ME});
const FULL_ID = `false_${CHAT_ID}_A`;

interface Setup {
	readonly history?: Partial<EngineHistory>;
	readonly sessions?: EngineScript['sessions'];
	readonly sent?: CommandRecord;
	readonly clock?: ManualClock;
}

function conversationsOver({history = {}, sessions = {}, sent, clock = new ManualClock()}: Setup): Conversations {
	return new Conversations({engines: scriptedEngines({history, sessions}), commands: commandsWith(sent), clock});
}

/** A store that knows one send at most, by whatever it is asked for. */
function commandsWith(sent?: CommandRecord): Pick<CommandStore, 'find' | 'findByMessageKey'> {
	return {find: () => Promise.resolve(sent), findByMessageKey: () => Promise.resolve(undefined)};
}

/** A send of the linked connection. */
function sentCommand(changes: Partial<CommandRecord> = {}): CommandRecord {
	return sampleCommand({connectionId: LINKED.id, chatId: CHAT_ID, ...changes});
}

function failing(code: EngineErrorCode): EngineHistory {
	const fail = (): Promise<never> => Promise.reject(new EngineError(code, `engine says ${code}`));
	return {chats: fail, messages: fail, findMessage: fail, contacts: fail, profilePicture: fail};
}

/** Everything that is a list. */
const LISTS: Readonly<Record<string, (conversations: Conversations, connection: typeof LINKED) => Promise<unknown>>> = {
	chats: (conversations, connection) => conversations.chats(connection, {limit: 20, offset: 0, unreadOnly: false}),
	'unread chats': (conversations, connection) =>
		conversations.chats(connection, {limit: 20, offset: 0, unreadOnly: true}),
	'latest messages': (conversations, connection) => conversations.latest(connection, CHAT_ID, 50),
	messages: async (conversations, connection) =>
		(await conversations.messages(connection, CHAT_ID, {limit: 50})).messages,
	contacts: (conversations, connection) => conversations.contacts(connection, {limit: 20, offset: 0}),
};

for (const [name, read] of Object.entries(LISTS)) {
	test(`${name}: empty, without asking the engine, while no phone is linked`, async (t) => {
		const conversations = conversationsOver({});
		for (const status of ['pending', 'scan_qr', 'stopped', 'failed'] as const) {
			t.deepEqual(await read(conversations, sampleConnection({workerId: SCRIPTED_WORKER.id, status})), [], status);
		}
	});

	test(`${name}: an engine that fails is that failure, never an empty list`, async (t) => {
		for (const code of ['ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT', 'ENGINE_REFUSED', 'SESSION_NOT_FOUND'] as const) {
			const conversations = conversationsOver({history: failing(code)});
			for (const status of ['connected', 'failed'] as const) {
				await t.throwsAsync(read(conversations, {...LINKED, status}), {instanceOf: EngineError, code});
			}
		}
	});

	test(`${name}: a linked phone without a worker is an outage`, async (t) => {
		await t.throwsAsync(read(conversationsOver({}), {...LINKED, workerId: null}), {instanceOf: NoWorkerAvailableError});
	});

	test(`${name}: a session that is not connected is asked whether a phone is linked at all`, async (t) => {
		const says = (session: EngineSession | undefined): Conversations =>
			conversationsOver({
				history: failing('SESSION_NOT_CONNECTED'),
				sessions: {find: () => Promise.resolve(session)},
			});
		const unlinked = {name: LINKED.sessionName, status: 'SCAN_QR_CODE', me: null} as const;
		t.deepEqual(await read(says(unlinked), LINKED), []);
		t.deepEqual(await read(says({...unlinked, status: 'FAILED'}), LINKED), []);
		for (const session of [{...unlinked, status: 'FAILED', me: ME} as const, undefined]) {
			await t.throwsAsync(read(says(session), LINKED), {instanceOf: EngineError, code: 'SESSION_STARTING'});
		}
	});

	test(`${name}: an engine that does not answer is given up after 20 s`, async (t) => {
		const clock = new ManualClock();
		const never = (): Promise<never> => new Promise(() => undefined);
		const history = {chats: never, messages: never, contacts: never};
		const reading = t.throwsAsync(read(conversationsOver({history, clock}), LINKED), {code: 'ENGINE_TIMEOUT'});
		await clock.advance(20_000);
		await reading;
	});
}

test('what the engine cannot do says so, with the note of its table', async (t) => {
	const engines = scriptedEngines({}, {contacts: {level: 'no', note: 'WEBJS would have it'}});
	const conversations = new Conversations({engines, commands: commandsWith(), clock: new ManualClock()});
	await t.throwsAsync(conversations.contacts(LINKED, {limit: 1, offset: 0}), {
		instanceOf: NotSupportedError,
		message: /WEBJS would have it/,
	});
});

test('unread chats are counted by the filtered list, over as many slices of the engine as it takes', async (t) => {
	const chats = Array.from({length: 350}, (_, index) =>
		sampleChat(`${index}@c.us`, {unread: index % 70 === 69 ? 2 : 0}),
	);
	const conversations = conversationsOver({history: new ChatHistory({chats})});
	const unread = async (limit: number, offset: number): Promise<readonly string[]> =>
		(await conversations.chats(LINKED, {limit, offset, unreadOnly: true})).map(({id}) => id);
	t.deepEqual(await unread(2, 0), ['69@c.us', '139@c.us']);
	t.deepEqual(await unread(2, 2), ['209@c.us', '279@c.us']);
	t.deepEqual(await unread(2, 4), ['349@c.us']);
	t.deepEqual(await unread(2, 5), []);
});

test('the search for unread chats ends after the latest 1,000 chats', async (t) => {
	const chats = Array.from({length: 3000}, (_, index) => sampleChat(`${index}@c.us`, {unread: index === 1000 ? 1 : 0}));
	const history = new ChatHistory({chats});
	t.deepEqual(await conversationsOver({history}).chats(LINKED, {limit: 20, offset: 0, unreadOnly: true}), []);
	t.is(history.reads, 10);
});

test('pages go through the whole history once, and the last one tells where it starts', async (t) => {
	const messages = Array.from({length: 23}, (_, index) => sampleMessage(String(index), 1000 - Math.floor(index / 4)));
	const history = new ChatHistory({messages});
	const pages = await readAll(conversationsOver({history}), 5);
	t.deepEqual(
		pages.flatMap((page) => page.messages),
		messages,
	);
	t.deepEqual(
		pages.map(({historyStartsAt}) => historyStartsAt),
		[null, null, null, null, 995],
	);
});

test('a page that ends with the history is the last one', async (t) => {
	const messages = ['A', 'B', 'C', 'D'].map((name, index) => sampleMessage(name, 1000 - index));
	const pages = await readAll(conversationsOver({history: new ChatHistory({messages})}), 2);
	t.is(pages.length, 2);
	t.is(pages[1]?.historyStartsAt, 997);
});

test('many messages of one second are all given, once, whatever the size of a page', async (t) => {
	const messages = Array.from({length: 17}, (_, index) => sampleMessage(String(index), 1000));
	for (const limit of [1, 3, 16, 17, 18]) {
		const pages = await readAll(conversationsOver({history: new ChatHistory({messages})}), limit);
		t.deepEqual(
			pages.flatMap((page) => page.messages),
			messages,
		);
	}
});

test('messages that arrive between two pages move nothing', async (t) => {
	const messages = ['A', 'B', 'C', 'D'].map((name, index) => sampleMessage(name, 1000 - index));
	const history = new ChatHistory({messages});
	const conversations = conversationsOver({history});
	const first = await conversations.messages(LINKED, CHAT_ID, {limit: 2});
	for (const name of ['new', 'newer']) history.receive(sampleMessage(name, 1001));
	const second = await conversations.messages(LINKED, CHAT_ID, {limit: 2, before: first.nextBefore ?? ''});
	t.deepEqual([...first.messages, ...second.messages], messages);
});

test('nor do those of the same second, which is still going on', async (t) => {
	const messages = Array.from({length: 9}, (_, index) => sampleMessage(String(index), 1000));
	const history = new ChatHistory({messages});
	const conversations = conversationsOver({history});
	const seen: unknown[] = [];
	let page = await conversations.messages(LINKED, CHAT_ID, {limit: 2});
	for (let round = 0; page.nextBefore !== null; round++) {
		seen.push(...page.messages);
		for (const name of ['new', 'newer', 'newest']) history.receive(sampleMessage(`${name}${round}`, 1000));
		page = await conversations.messages(LINKED, CHAT_ID, {limit: 2, before: page.nextBefore});
	}
	t.deepEqual([...seen, ...page.messages], messages);
	t.is(page.historyStartsAt, 1000);
});

test('a page begins where it should although its message was deleted', async (t) => {
	const messages = ['A', 'B', 'C', 'D'].map((name, index) => sampleMessage(name, 1000 - index));
	const before = (await conversationsOver({history: new ChatHistory({messages})}).messages(LINKED, CHAT_ID, {limit: 2}))
		.nextBefore;
	const without = new ChatHistory({messages: messages.filter(({body}) => body !== 'text of B')});
	const page = await conversationsOver({history: without}).messages(LINKED, CHAT_ID, {limit: 2, before: before ?? ''});
	t.deepEqual(page.messages, messages.slice(2));
});

test('an engine that leaves out rows of a slice does not end the history before its end', async (t) => {
	const messages = Array.from({length: 12}, (_, index) => sampleMessage(String(index), 1000 - index));
	const whole = new ChatHistory({messages});
	const history: Partial<EngineHistory> = {
		messages: async (...call) => (await whole.messages(...call)).filter(({id}) => !/_[27]$/.test(id)),
	};
	const pages = await readAll(conversationsOver({history}), 4);
	t.deepEqual(
		pages.flatMap((page) => page.messages.map(({timestamp}) => timestamp)),
		[1000, 999, 997, 996, 995, 994, 992, 991, 990, 989],
	);
	t.is(pages.at(-1)?.historyStartsAt, 989);
});

test('a chat without messages is one page with nothing', async (t) => {
	t.deepEqual(await conversationsOver({history: new ChatHistory({})}).messages(LINKED, CHAT_ID, {limit: 5}), {
		messages: [],
		nextBefore: null,
		historyStartsAt: null,
	});
});

test('a cursor that is none of ours is told', async (t) => {
	const conversations = conversationsOver({history: new ChatHistory({})});
	for (const before of [
		'',
		'x',
		'%00',
		Buffer.from('1.-1.x').toString('base64url'),
		Buffer.from('1.0.x').toString('base64url'),
		Buffer.from('1000.1').toString('base64url'),
	]) {
		await t.throwsAsync(conversations.messages(LINKED, CHAT_ID, {limit: 5, before}), {instanceOf: ValidationError});
	}
});

test('a message is found by its full id, and by its key with the chat', async (t) => {
	const message = sampleMessage('A', 1000);
	const conversations = conversationsOver({history: new ChatHistory({messages: [message]})});
	t.deepEqual(await conversations.message(LINKED, FULL_ID), {message, sent: undefined});
	t.deepEqual(await conversations.message(LINKED, 'A', CHAT_ID), {message, sent: undefined});
	await t.throwsAsync(conversations.message(LINKED, 'A'), {instanceOf: ValidationError, message: /chatId is required/});
	await t.throwsAsync(conversations.message(LINKED, 'B', CHAT_ID), {code: 'MESSAGE_NOT_FOUND'});
});

test('what cannot be a message id is not even asked for', async (t) => {
	const conversations = conversationsOver({});
	for (const id of ['', '.', '..', '../x', 'a/b', 'a\0', 'a b', '😀', 'x'.repeat(301), 'true_x@c.us_../..']) {
		await t.throwsAsync(conversations.message(LINKED, id, CHAT_ID), {code: 'MESSAGE_NOT_FOUND'}, id);
		await t.throwsAsync(conversations.target(LINKED, id, CHAT_ID), {code: 'MESSAGE_NOT_FOUND'}, id);
	}
});

test('a message that was sent through here is asked for by what WhatsApp calls it, whatever it was asked by', async (t) => {
	const message = sampleMessage('KEY', 1000, {fromMe: true});
	const history = new ChatHistory({messages: [message]});
	const unsure = sentCommand({messageKey: 'KEY', status: 'unknown'});
	t.deepEqual(await conversationsOver({history, sent: unsure}).message(LINKED, unsure.id), {message, sent: unsure});
	const sent = sentCommand({messageId: message.id, status: 'sent'});
	t.deepEqual(await conversationsOver({history, sent}).message(LINKED, sent.id), {message, sent});
});

test('a message that was sent through here is known while the engine does not know it, is away, or no phone is linked', async (t) => {
	const sent = sentCommand();
	const expected = {message: undefined, sent};
	const unlinked = {...LINKED, status: 'scan_qr', workerId: null} as const;
	t.deepEqual(await conversationsOver({history: new ChatHistory({}), sent}).message(LINKED, sent.id), expected);
	t.deepEqual(
		await conversationsOver({history: failing('ENGINE_UNAVAILABLE'), sent}).message(LINKED, sent.id),
		expected,
	);
	t.deepEqual(await conversationsOver({sent}).message({...LINKED, workerId: null}, sent.id), expected);
	t.deepEqual(await conversationsOver({sent}).message(unlinked, sent.id), expected);
	await t.throwsAsync(conversationsOver({}).message(unlinked, FULL_ID), {code: 'MESSAGE_NOT_FOUND'});
	await t.throwsAsync(conversationsOver({history: failing('ENGINE_UNAVAILABLE')}).message(LINKED, FULL_ID), {
		code: 'ENGINE_UNAVAILABLE',
	});
});

test('a target has the full id: as it was given, as the engine says, or as the send noted it', async (t) => {
	const lid = '123456789012345@lid';
	const nothing = conversationsOver({});
	t.deepEqual(await nothing.target(LINKED, FULL_ID), {chatId: CHAT_ID, messageId: FULL_ID});
	t.deepEqual(await nothing.target(LINKED, FULL_ID, lid), {chatId: lid, messageId: FULL_ID});
	const known = conversationsOver({history: new ChatHistory({messages: [sampleMessage('A', 1000)]})});
	t.deepEqual(await known.target(LINKED, 'A', CHAT_ID), {chatId: CHAT_ID, messageId: FULL_ID});
	const sent = sentCommand({messageId: `true_${CHAT_ID}_B`});
	const unasked = conversationsOver({sent});
	t.deepEqual(await unasked.target(LINKED, sent.id), {chatId: CHAT_ID, messageId: `true_${CHAT_ID}_B`});
	t.deepEqual(await unasked.target(LINKED, sent.id, lid), {chatId: lid, messageId: `true_${CHAT_ID}_B`});
	const unsure = sentCommand({messageKey: 'A', status: 'unknown'});
	const doubtful = conversationsOver({
		history: new ChatHistory({messages: [sampleMessage('A', 1000, {fromMe: true})]}),
		sent: unsure,
	});
	t.deepEqual(await doubtful.target(LINKED, unsure.id), {chatId: CHAT_ID, messageId: `true_${CHAT_ID}_A`});
});

test('there is no target without an id or a chat, and an engine that is away says nothing of either', async (t) => {
	const sent = sentCommand({status: 'sent'});
	const nothing = new ChatHistory({});
	const nameless = {instanceOf: EngineError, code: 'MESSAGE_NOT_FOUND', message: /did not tell the id/};
	await t.throwsAsync(conversationsOver({history: nothing, sent}).target(LINKED, sent.id), nameless);
	await t.throwsAsync(conversationsOver({history: nothing}).target(LINKED, 'A', CHAT_ID), {
		code: 'MESSAGE_NOT_FOUND',
		message: 'Message not found',
	});
	await t.throwsAsync(conversationsOver({history: nothing}).target(LINKED, 'A'), {
		instanceOf: ValidationError,
		message: /^chatId is required/,
	});
	await t.throwsAsync(conversationsOver({}).target(LINKED, 'true_nobody@c.us_A'), {
		instanceOf: ValidationError,
		message: /^the chat in messageId "nobody@c.us" is not/,
	});
	const away = conversationsOver({history: failing('ENGINE_UNAVAILABLE'), sent});
	await t.throwsAsync(away.target(LINKED, sent.id), {code: 'ENGINE_UNAVAILABLE'});
	const foreign = conversationsOver({history: nothing, sent: {...sent, connectionId: 'another'}});
	await t.throwsAsync(foreign.target(LINKED, sent.id, CHAT_ID), {message: 'Message not found'});
});

async function readAll(conversations: Conversations, limit: number): Promise<readonly MessagePage[]> {
	const pages: MessagePage[] = [];
	let before: string | undefined;
	do {
		const page: MessagePage = await conversations.messages(LINKED, CHAT_ID, {limit, before});
		pages.push(page);
		before = page.nextBefore ?? undefined;
	} while (before !== undefined && pages.length < 100);
	return pages;
}
