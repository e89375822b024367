import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {Readable} from 'node:stream';
import test, {type ExecutionContext} from 'ava';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {OpenFile, OutboundContent} from '../../domain/messaging/outbound.ts';
import {ACK_DELAYS, SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '11111111111@c.us';

/** Keys and types of everything in a value, in the order in which they stand; `path: type`. */
function shapeOf(value: unknown, path = ''): string[] {
	if (Array.isArray(value)) {
		return value.flatMap((item, index) => shapeOf(item, `${path}[${index}]`));
	}
	if (typeof value === 'object' && value !== null) {
		return Object.entries(value).flatMap(([key, item]) => [`${path}.${key}`, ...shapeOf(item, `${path}.${key}`)]);
	}
	return [`${path}: ${value === null ? 'null' : typeof value}`];
}

/** The event as WAHA would post it; tenants' metadata is not the simulator's. */
function asPosted(event: UpstreamEvent): Record<string, unknown> {
	const {id, timestampMs, session, me, payload, engine, environment} = event;
	const posted = {id, timestamp: timestampMs, event: event.event, session, me, payload, engine, environment};
	return JSON.parse(JSON.stringify(posted)) as Record<string, unknown>;
}

function readSample(name: string): Record<string, unknown> {
	const path = new URL(`../support/events/${name}.json`, import.meta.url);
	const {metadata: _, ...sample} = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
	return sample;
}

/** Finds keys, types, nesting and order equal, and equal values under the `fixed` paths. */
function looksLike(
	t: ExecutionContext,
	event: UpstreamEvent | undefined,
	name: string,
	fixed: readonly string[],
): void {
	if (event === undefined) {
		t.fail(`there is no event to compare with ${name}`);
		return;
	}
	const [posted, sample] = [asPosted(event), readSample(name)];
	t.deepEqual(shapeOf(posted), shapeOf(sample), name);
	for (const path of ['event', 'engine', ...fixed]) {
		t.deepEqual(at(posted, path), at(sample, path), `${name}: ${path}`);
	}
	t.regex(event.id, /^evt_[0-9a-hjkmnp-tv-z]{26}$/);
	t.deepEqual(without(posted['environment'], 'worker'), without(sample['environment'], 'worker'));
}

function at(value: unknown, path: string): unknown {
	return path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);
}

function without(value: unknown, key: string): unknown {
	return {...(value as object), [key]: undefined};
}

const MESSAGE_CONSTANTS = ['fromMe', 'source', 'body', 'hasMedia', 'ack', 'ackName', '_data.status', '_data.broadcast'];

test('a text from a contact looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.engine.receive('default', {from: '11111111111', text: 'Hi there!'});
	const event = bench.events.find(({event}) => event === 'message');
	const paths = [...MESSAGE_CONSTANTS, 'from', '_data.key.remoteJid', '_data.message.conversation'];
	looksLike(
		t,
		event,
		'message.text.no-metadata.noweb',
		paths.map((path) => `payload.${path}`),
	);
});

test('a text from a contact is a message and a message.any, with one id', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {messageId} = await bench.engine.receive('default', {from: '11111111111'});
	const [message, any, ...more] = bench.events.filter(({event}) => event.startsWith('message'));
	t.deepEqual(more, []);
	t.deepEqual([message?.event, any?.event], ['message', 'message.any']);
	t.is(message?.id, any?.id);
	t.deepEqual(message?.payload, any?.payload);
	t.is((message?.payload as {id: string}).id, messageId);
	t.regex(messageId, /^false_11111111111@c\.us_3A[0-9A-F]{18}$/);
});

test('a text from somebody who is known by @lid only looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.engine.receive('default', {from: '123123123123123@lid', text: 'Hello from a LID chat'});
	const event = bench.events.find(({event}) => event === 'message');
	const paths = [...MESSAGE_CONSTANTS, 'from', '_data.key.remoteJid', '_data.key.addressingMode'];
	looksLike(
		t,
		event,
		'message.text.lid.noweb',
		paths.map((path) => `payload.${path}`),
	);
});

test('an image from a contact looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {messageId} = await bench.engine.receive('default', {from: CONTACT, type: 'image', text: 'Check this out!'});
	const event = bench.events.find(({event}) => event === 'message');
	const paths = [...MESSAGE_CONSTANTS, 'media.mimetype', '_data.message.imageMessage.caption'];
	looksLike(
		t,
		event,
		'message.image.noweb',
		paths.map((path) => `payload.${path}`),
	);
	const {media} = event?.payload as {media: {url: string}};
	t.is(media.url, `http://localhost:3000/api/files/default/${messageId.split('_')[2] ?? ''}.jpeg`);
});

test('an image without a caption has no body, as with NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.engine.receive('default', {from: CONTACT, type: 'image'});
	const [payload] = bench.payloads('message');
	t.is(payload?.['body'], null);
	t.true(payload?.['hasMedia']);
	t.false('caption' in (at(payload, '_data.message.imageMessage') as object));
});

test('a sent text looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.send('default', CONTACT);
	const paths = [...MESSAGE_CONSTANTS, 'id', 'from', '_data.key', '_data.message'];
	looksLike(
		t,
		bench.events.find(({event}) => event === 'message.any'),
		'message.any.from-me-api.noweb',
		paths.map((path) => `payload.${path}`),
	);
});

test('a sent text that quotes has the quote where NOWEB has it', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {messageId} = await bench.engine.receive('default', {from: CONTACT, text: 'Coming?'});
	await bench.send('default', CONTACT, {text: 'Yes!', replyTo: messageId});
	const sent = bench.payloads('message.any').find(({fromMe}) => fromMe === true);
	const sample = readSample('message.quoted-reply.noweb')['payload'];
	for (const path of ['replyTo', '_data.message']) {
		t.deepEqual(shapeOf(at(sent, path)), shapeOf(at(sample, path)), path);
	}
	t.like(sent?.['replyTo'], {id: messageId.split('_')[2], participant: CONTACT, body: 'Coming?'});
});

test('acknowledgements look like those of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {id} = await bench.send('default', CONTACT);
	await bench.clock.advance(ACK_DELAYS.serverMs + ACK_DELAYS.deviceMs + ACK_DELAYS.readMs);
	for (const ack of [4, -1, 0]) await bench.engine.acknowledge('default', id ?? '', ack);
	const acks = bench.events.filter(({event}) => event === 'message.ack');
	t.is(acks.length, 6);
	for (const [index, name] of ['server', 'device', 'read', 'played', 'error', 'pending'].entries()) {
		looksLike(t, acks[index], `message.ack.${name}.noweb`, [
			'payload.from',
			'payload.fromMe',
			'payload.ack',
			'payload.ackName',
		]);
	}
});

test('a reaction, and taking it back, look like those of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {id} = await bench.send('default', CONTACT);
	await bench.engine.react('default', id ?? '', '+1 111 111 1111', '🙏');
	await bench.engine.react('default', id ?? '', CONTACT, '');
	const reactions = bench.events.filter(({event}) => event === 'message.reaction');
	const paths = ['payload.from', 'payload.fromMe', 'payload.source', 'payload.reaction'];
	looksLike(t, reactions[0], 'message.reaction.noweb', paths);
	looksLike(t, reactions[1], 'message.reaction.removed.noweb', paths);
});

/** One of each content in its own sample; what NOWEB writes of it does not depend on who sends. */
const CONTENTS: readonly {readonly sample: string; readonly content: OutboundContent<OpenFile>}[] = [
	{sample: 'image', content: {kind: 'image', file: fileOf('image/jpeg'), caption: 'Check this out!'}},
	{sample: 'document', content: {kind: 'document', file: fileOf('application/pdf'), caption: 'Invoice for July'}},
	{sample: 'voice', content: {kind: 'audio', file: fileOf('audio/ogg; codecs=opus'), voice: true}},
	{sample: 'sticker', content: {kind: 'sticker', file: fileOf('image/webp')}},
	{
		sample: 'location',
		content: {
			kind: 'location',
			latitude: 38.8937255,
			longitude: -77.0969763,
			name: 'Our office',
			address: 'Wilson Blvd',
		},
	},
	{sample: 'vcard', content: {kind: 'contact', name: 'Jane Doe', phone: '911111111111'}},
	{
		sample: 'poll-created',
		content: {kind: 'poll', question: 'How are you?', options: ['Awesome!', 'Good!', 'Bad'], multipleAnswers: false},
	},
];

function fileOf(mimetype: string): OpenFile {
	const bytes = Buffer.from('bytes of a file');
	return {mimetype, filename: 'a.file', sizeBytes: bytes.length, open: () => Readable.from([bytes])};
}

for (const {sample, content} of CONTENTS) {
	test(`a sent ${sample} has the fields of NOWEB's`, async (t) => {
		await using bench = new SimulatorBench();
		await bench.link('default');
		await bench.sendContent('default', CONTACT, content);
		const [posted] = bench.payloads('message.any').map((payload) => JSON.parse(JSON.stringify(payload)) as unknown);
		const expected = readSample(`message.${sample}.noweb`)['payload'];
		t.deepEqual(Object.keys(posted as object), Object.keys(expected as object));
		for (const path of ['body', 'hasMedia', 'media', 'location', 'vCards', 'replyTo', '_data.message']) {
			t.deepEqual(shapeOf(at(posted, path)), shapeOf(at(expected, path)), path);
		}
		t.is(at(posted, 'body'), at(expected, 'body'));
		t.like(posted, {fromMe: true, source: 'api', ack: 0, ackName: 'PENDING'});
	});
}

test('a sent picture looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const file = fileOf('image/jpeg');
	const content = {kind: 'image', file, caption: 'Have a look'} as const;
	await bench.sendContent('default', CONTACT, content, '3EB0F00D5DF33062A506');
	const paths = [...MESSAGE_CONSTANTS, 'id', 'from', 'media', '_data.key'];
	looksLike(
		t,
		bench.events.find(({event}) => event === 'message.any'),
		'message.any.from-me-image.noweb',
		paths.map((path) => `payload.${path}`),
	);
	const raw = at(bench.payloads('message.any')[0], '_data.message.imageMessage');
	const fileSha256 = createHash('sha256').update('bytes of a file').digest('base64');
	t.like(raw, {fileSha256, fileLength: '15'}, 'the figures are those of the file');
});

test('a text that is sent to a group looks like one of NOWEB, and so does its being read', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const me = await bench.engine.me('default');
	const {id} = await bench.send('default', '1231231232@g.us', {text: 'Hi all', key: '3EB0F00D5DF33062A505'});
	t.is(id, `true_1231231232@g.us_3EB0F00D5DF33062A505_${me?.id ?? ''}`);
	const paths = [...MESSAGE_CONSTANTS, 'from', 'to', '_data.key.remoteJid', '_data.message'];
	looksLike(
		t,
		bench.events.find(({event}) => event === 'message.any'),
		'message.any.from-me-group.noweb',
		paths.map((path) => `payload.${path}`),
	);
	await bench.clock.advance(60_000);
	t.deepEqual(bench.acks, [], 'message.ack is for direct chats');
	const acks = bench.events.filter(({event}) => event === 'message.ack.group');
	t.deepEqual(
		acks.map(({payload}) => (payload as {ackName: string}).ackName),
		['SERVER', 'READ'],
	);
	looksLike(t, acks[1], 'message.ack.group.read.noweb', [
		'payload.from',
		'payload.to',
		'payload.ack',
		'payload.ackName',
	]);
	t.is((acks[1]?.payload as {id: string | null}).id, id);
});

test('a text that somebody writes in a group looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const group = '1231231232@g.us';
	const {messageId} = await bench.engine.receive('default', {from: '99999@lid', group, text: '测试信息'});
	t.regex(messageId, /^false_1231231232@g\.us_3A[0-9A-F]{18}_99999@lid$/);
	const paths = [
		...MESSAGE_CONSTANTS,
		'from',
		'to',
		'participant',
		'_data.key.participant',
		'_data.key.addressingMode',
	];
	looksLike(
		t,
		bench.events.find(({event}) => event === 'message'),
		'message.group.noweb',
		paths.map((path) => `payload.${path}`),
	);
	await bench.engine.react('default', messageId, '99999@lid', '👍');
	t.like(bench.payloads('message.reaction')[0], {from: group, to: group, participant: '99999@lid'});
});

test('mentions are where NOWEB has them, everybody in a group included', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const mentions = ['79222222222@c.us'];
	await bench.sendContent(
		'default',
		'1231231232@g.us',
		{kind: 'text', text: '@79222222222 please look'},
		'A1',
		mentions,
	);
	await bench.sendContent('default', '1231231232@g.us', {kind: 'text', text: 'everybody'}, 'A2', ['all']);
	const [one, all] = bench.payloads('message.any').map((payload) => at(payload, '_data.message'));
	t.deepEqual(one, at(readSample('message.group.mention.noweb'), 'payload._data.message'));
	const jids = at(all, 'extendedTextMessage.contextInfo.mentionedJid') as string[];
	t.true(jids.length === 2 && jids.every((jid) => jid.endsWith('@lid')), String(jids));
});

test('a channel tells nothing of who got a message', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.send('default', '123123123123@newsletter', {text: 'Channel news'});
	await bench.clock.advance(60_000);
	const [payload] = bench.payloads('message.any');
	t.like(payload, {ack: null, ackName: 'UNKNOWN'});
	t.is(at(payload, '_data.status'), null);
	t.deepEqual(
		bench.events.filter(({event}) => event.startsWith('message.ack')),
		[],
	);
});

test('an own reaction looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {messageId} = await bench.engine.receive('default', {from: CONTACT});
	const target = {chatId: CONTACT, messageId};
	await bench.engine.messages.react('default', target, '👍', AbortSignal.timeout(10_000));
	const [event] = bench.events.filter(({event}) => event === 'message.reaction');
	const paths = ['payload.from', 'payload.fromMe', 'payload.source', 'payload.reaction.text'];
	looksLike(t, event, 'message.reaction.from-me.noweb', paths);
	t.is(at(event?.payload, 'reaction.messageId'), messageId);
});

test('editing and deleting an own text look like those of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	const {id} = await bench.send('default', CONTACT, {key: 'AAAAAAAAAAAAAAAAAAAA'});
	const target = {chatId: CONTACT, messageId: id ?? ''};
	const {messages} = bench.engine;
	await messages.edit('default', target, 'New body', AbortSignal.timeout(10_000));
	await messages.revoke('default', target, AbortSignal.timeout(10_000));
	for (const [name, path] of [
		['message.edited', '_data'],
		['message.revoked', 'after._data'],
	] as const) {
		const posted = JSON.parse(JSON.stringify(bench.payloads(name)[0])) as object;
		const sample = readSample(`${name}.noweb`)['payload'];
		// Only others have a name.
		const withoutNames = shapeOf(sample).filter((line) => !line.includes('.pushName'));
		t.deepEqual(shapeOf(posted), withoutNames, name);
		t.true(at(posted, path.replace('_data', 'fromMe')));
	}
	t.like(bench.payloads('message.edited')[0], {
		editedMessageId: 'AAAAAAAAAAAAAAAAAAAA',
		body: 'New body',
		source: 'api',
	});
	t.like(bench.payloads('message.revoked')[0], {revokedMessageId: 'AAAAAAAAAAAAAAAAAAAA', before: null});
});

test('every status of a session looks like one of NOWEB', async (t) => {
	await using bench = new SimulatorBench();
	const last = (): UpstreamEvent | undefined => bench.events.at(-1);
	await bench.engine.sessions.ensure('default', {callbackUrl: '', ingestionKey: ''});
	await bench.clock.advance(0);
	looksLike(t, last(), 'session.status.starting.noweb', ['me', 'payload.name', 'payload.status', 'payload.data']);
	await bench.clock.advance(START_MS);
	looksLike(t, last(), 'session.status.scan-qr-code.noweb', ['me', 'payload.status', 'payload.statuses.0.status']);
	await bench.clock.advance(60_000);
	looksLike(t, last(), 'session.status.scan-qr-code-refresh.noweb', [
		'me',
		'payload.status',
		'payload.statuses.0.status',
	]);
	await bench.clock.advance(100_000);
	looksLike(t, last(), 'session.status.failed.noweb', ['me', 'payload.status', 'payload.statuses.0.status']);

	await bench.engine.sessions.start('default');
	await bench.clock.advance(START_MS);
	await bench.engine.scan('default');
	await bench.clock.advance(0);
	looksLike(t, last(), 'session.status.working.noweb', ['payload.status', 'payload.statuses.1.status', 'payload.data']);
	await bench.engine.goOffline('default');
	await bench.clock.advance(0);
	looksLike(t, last(), 'session.status.starting-reconnect.noweb', ['payload.status', 'payload.statuses.1.status']);
	await bench.engine.goOnline('default');
	await bench.clock.advance(START_MS);
	await bench.engine.restrict('default', new Date(bench.clock.now() + 3_600_000));
	await bench.clock.advance(0);
	looksLike(t, last(), 'session.status.working-restricted-newer-release.noweb', [
		'payload.status',
		'payload.data.reachoutTimelock.enforcementType',
		'payload.data.reachoutTimelock.isActive',
	]);
	await bench.engine.sessions.stop('default');
	await bench.clock.advance(0);
	looksLike(t, last(), 'session.status.stopped.noweb', ['me', 'payload.status', 'payload.statuses.1.status']);
});

test('the statuses carry the moments at which they were entered', async (t) => {
	await using bench = new SimulatorBench();
	const before = bench.clock.now();
	await bench.link('default');
	t.deepEqual(bench.payloads('session.status').at(-1)?.['statuses'], [
		{status: 'STARTING', timestamp: before},
		{status: 'SCAN_QR_CODE', timestamp: before + START_MS},
		{status: 'WORKING', timestamp: before + START_MS},
	]);
});

test('the comparison with samples notices a key too many, one too few and another type', (t) => {
	const sample = {a: 1, b: {c: null, d: ['x']}};
	for (const other of [
		{...sample, e: 1},
		{a: 1},
		{...sample, a: '1'},
		{a: 1, b: {c: null, d: [1]}},
		{a: 1, b: {c: 0, d: ['x']}},
	]) {
		t.notDeepEqual(shapeOf(other), shapeOf(sample));
	}
});
