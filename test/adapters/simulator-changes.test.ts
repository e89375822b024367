import test from 'ava';
import {EngineError} from '../../domain/errors.ts';
import {REVOCABLE_MS} from '../../domain/messaging/change-windows.ts';
import type {OpenFile, OutboundContent} from '../../domain/messaging/outbound.ts';
import {SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';
const MINUTE_MS = 60_000;

const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function linkedBench(): Promise<SimulatorBench> {
	const bench = new SimulatorBench();
	await bench.link('s');
	return bench;
}

/** An own text, as what is to be changed. */
async function sendText(bench: SimulatorBench, key = '3EB0AAAA'): Promise<{chatId: string; messageId: string}> {
	const {id} = await bench.send('s', CONTACT, {key});
	return {chatId: CONTACT, messageId: id ?? ''};
}

test('a text can be edited for 15 minutes', async (t) => {
	await using bench = await linkedBench();
	const target = await sendText(bench);
	const {messages} = bench.engine;
	await bench.clock.advance(15 * MINUTE_MS);
	const receipt = await messages.edit('s', target, 'another', signal());
	t.deepEqual(receipt, {id: target.messageId, timestamp: Math.floor(bench.clock.now() / 1000)});
	await bench.clock.advance(1);
	const late = await t.throwsAsync(messages.edit('s', target, 'too late', signal()), {instanceOf: EngineError});
	t.is(late.code, 'MESSAGE_NOT_EDITABLE');
	t.deepEqual(
		bench.payloads('message.edited').map(({body}) => body),
		['another'],
	);
});

test('only texts can be edited, with a text, and not once they are deleted', async (t) => {
	await using bench = await linkedBench();
	const poll = {kind: 'poll', question: 'Tea?', options: ['yes', 'no'], multipleAnswers: false} as const;
	const {id} = await bench.sendContent('s', CONTACT, poll);
	const {messages} = bench.engine;
	const editPoll = messages.edit('s', {chatId: CONTACT, messageId: id ?? ''}, 'Coffee?', signal());
	await t.throwsAsync(editPoll, {code: 'MESSAGE_NOT_EDITABLE'});
	const target = await sendText(bench);
	await t.throwsAsync(messages.edit('s', target, '', signal()), {code: 'CONTENT_INVALID'});
	await t.throwsAsync(messages.edit('s', {...target, chatId: '15550002222@c.us'}, 'x', signal()), {
		code: 'MESSAGE_NOT_FOUND',
	});
	await messages.revoke('s', target, signal());
	await t.throwsAsync(messages.edit('s', target, 'x', signal()), {code: 'MESSAGE_NOT_EDITABLE'});
});

test('a message can be deleted for 60 hours, and once', async (t) => {
	await using bench = await linkedBench();
	const [first, second] = [await sendText(bench), await sendText(bench, '3EB0BBBB')];
	const {messages, history} = bench.engine;
	await bench.clock.advance(REVOCABLE_MS);
	await messages.revoke('s', first, signal());
	await messages.revoke('s', first, signal());
	await bench.clock.advance(1);
	t.is(bench.payloads('message.revoked').length, 1);
	await t.throwsAsync(messages.revoke('s', second, signal()), {code: 'MESSAGE_NOT_EDITABLE'});
	const left = await history.messages('s', CONTACT, {limit: 10, offset: 0});
	t.deepEqual(
		left.map(({body}) => body),
		['Hi there!', ''],
	);
	const forward = {chatId: '15550002222@c.us', messageId: first.messageId};
	await t.throwsAsync(messages.forward('s', forward, '3EB0CCCC', signal()), {code: 'MESSAGE_NOT_FOUND'});
});

test('a repeated forward is one message, and test numbers behave as for any send', async (t) => {
	await using bench = await linkedBench();
	const {messageId} = await sendText(bench);
	const {messages} = bench.engine;
	const forward = {chatId: '15550002222@c.us', messageId};
	const receipt = await messages.forward('s', forward, '3EB0BBBB', signal());
	t.is(receipt.id, 'true_15550002222@c.us_3EB0BBBB');
	t.deepEqual(await messages.forward('s', forward, '3EB0BBBB', signal()), receipt);
	await bench.clock.advance(0);
	t.is(bench.payloads('message.any').length, 2);
	const blocked = {chatId: '15550000002@c.us', messageId};
	await t.throwsAsync(messages.forward('s', blocked, '3EB0CCCC', signal()), {code: 'RECIPIENT_BLOCKED'});
});

test('a quote of a message that is not remembered is dropped', async (t) => {
	await using bench = await linkedBench();
	await bench.send('s', CONTACT, {replyTo: `false_${CONTACT}_3AAAAAAAAAAAAAAAAAAA`});
	t.is(bench.payloads('message.any')[0]?.['replyTo'], null);
});

test('a quote shows what was quoted, files included', async (t) => {
	await using bench = await linkedBench();
	const {messageId} = await bench.engine.receive('s', {from: CONTACT, type: 'image', text: 'look'});
	await bench.send('s', CONTACT, {replyTo: messageId, text: 'nice'});
	const answer = bench.payloads('message.any').find(({body}) => body === 'nice');
	t.like(answer?.['replyTo'], {participant: CONTACT, body: 'look', hasMedia: true, media: null});
});

test('typing lasts until a message goes out, or until the session is down', async (t) => {
	await using bench = await linkedBench();
	const {presence} = bench.engine;
	const other = '15550002222@c.us';
	for (const chatId of [CONTACT, other]) await presence.typing('s', chatId, true, signal());
	t.deepEqual(await bench.engine.typingIn('s'), [CONTACT, other]);
	await bench.send('s', CONTACT);
	t.deepEqual(await bench.engine.typingIn('s'), [other]);
	await bench.engine.sessions.restart('s');
	await bench.clock.advance(START_MS);
	t.deepEqual(await bench.engine.typingIn('s'), []);
	await t.throwsAsync(presence.typing('s', 'status@broadcast', true, signal()), {code: 'NOT_SUPPORTED'});
});

const FILE: OpenFile = {
	mimetype: 'image/png',
	filename: 'a.png',
	sizeBytes: 1,
	open: async function* () {
		yield await Promise.resolve(Buffer.from('x'));
	},
};

const INVALID: readonly OutboundContent<OpenFile>[] = [
	{kind: 'text', text: ''},
	{kind: 'location', latitude: 91, longitude: 0, name: null, address: null},
	{kind: 'location', latitude: 0, longitude: -181, name: null, address: null},
	{kind: 'location', latitude: Number.NaN, longitude: 0, name: null, address: null},
	{kind: 'contact', name: 'Ada', phone: '+1 555'},
	{kind: 'sticker', file: FILE},
	{kind: 'poll', question: '', options: ['a', 'b'], multipleAnswers: false},
	{kind: 'poll', question: 'Tea?', options: ['a'], multipleAnswers: false},
	{kind: 'poll', question: 'Tea?', options: ['a', 'a'], multipleAnswers: false},
	{kind: 'poll', question: 'Tea?', options: ['a', ''], multipleAnswers: false},
	{kind: 'poll', question: 'Tea?', options: Array.from({length: 13}, (_, n) => String(n)), multipleAnswers: true},
];

test('what WhatsApp would not take is refused, and nothing goes out', async (t) => {
	await using bench = await linkedBench();
	for (const content of INVALID) {
		const call = bench.sendContent('s', CONTACT, content);
		await t.throwsAsync(call, {instanceOf: EngineError, code: 'CONTENT_INVALID'}, JSON.stringify(content));
	}
	const everybody = bench.sendContent('s', CONTACT, {kind: 'text', text: 'all'}, 'A1', ['all']);
	await t.throwsAsync(everybody, {code: 'CONTENT_INVALID'});
	t.deepEqual(bench.payloads('message.any'), []);
});

test('a session that goes down while a file is read does not send it', async (t) => {
	await using bench = await linkedBench();
	const file: OpenFile = {
		...FILE,
		open: async function* () {
			yield await Promise.resolve(Buffer.from('x'));
			await bench.engine.sessions.stop('s');
		},
	};
	const call = bench.sendContent('s', CONTACT, {kind: 'image', file, caption: null});
	await t.throwsAsync(call, {code: 'SESSION_NOT_CONNECTED'});
	t.deepEqual(bench.payloads('message.any'), []);
});

test('the same key twice at once is one message, with a file as well', async (t) => {
	await using bench = await linkedBench();
	const send = (): Promise<unknown> => bench.sendContent('s', CONTACT, {kind: 'image', file: FILE, caption: null});
	const [first, second] = await Promise.all([send(), send()]);
	t.deepEqual(first, second);
	await bench.clock.advance(0);
	t.is(bench.payloads('message.any').length, 1);
});

test('pairing codes come from the seed, another one each time', async (t) => {
	const play = async (): Promise<readonly string[]> => {
		await using bench = new SimulatorBench();
		await bench.open('s');
		const ask = (): Promise<string> => bench.engine.link.requestPairingCode('s', '15550002222');
		return [await ask(), await ask()];
	};
	const [first, second] = await play();
	t.regex(first ?? '', /^[1-9A-HJ-NP-Z]{4}-[1-9A-HJ-NP-Z]{4}$/);
	t.not(first, second);
	t.deepEqual(await play(), [first, second]);

	await using bench = new SimulatorBench();
	await bench.engine.sessions.ensure('s', {callbackUrl: '', ingestionKey: ''});
	await t.throwsAsync(bench.engine.link.requestPairingCode('s', '15550002222'), {code: 'SESSION_STARTING'});
});

test('test numbers are persons: a group whose id ends like one is reached, and such a person is not in it', async (t) => {
	await using bench = await linkedBench();
	const group = '12036300000000001@g.us';
	t.truthy((await bench.send('s', group)).id);
	const call = bench.engine.receive('s', {from: '15550000001', group});
	await t.throwsAsync(call, {code: 'RECIPIENT_NOT_ON_WHATSAPP'});
});
