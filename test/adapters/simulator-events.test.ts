import {readFileSync} from 'node:fs';
import test, {type ExecutionContext} from 'ava';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
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

test('an image without a caption has an empty body', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('default');
	await bench.engine.receive('default', {from: CONTACT, type: 'image'});
	const [payload] = bench.payloads('message');
	t.is(payload?.['body'], '');
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
