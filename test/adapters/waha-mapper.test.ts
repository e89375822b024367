import test from 'ava';
import {
	toEditResult,
	toSendResult,
	isForwarded,
	toLinkedAccount,
	toPairingCode,
	toSession,
	toStatus,
	toUpstreamEvent,
} from '../../adapters/waha/waha-mapper.ts';
import {toChatId} from '../../adapters/waha/waha-values.ts';

const NOW_MS = 1_783_400_999_999;
const NOW = 1_783_400_999;
const KEY = '3EB0A0F1B2C3D4E5F60718';
const CHAT = '11111111111@c.us';

interface Case {
	readonly title: string;
	readonly body: unknown;
	readonly id: string | null;
	readonly timestamp: number;
}

const webjsId = {fromMe: true, remote: CHAT, id: KEY, _serialized: `true_${CHAT}_${KEY}`};
const {_serialized: _, ...bareWebjsId} = webjsId;

const ANSWERS: readonly Case[] = [
	{
		title: 'NOWEB: a Baileys message',
		body: {
			key: {remoteJid: '11111111111@s.whatsapp.net', fromMe: true, id: KEY},
			message: {extendedTextMessage: {text: 'Hi there!'}},
			messageTimestamp: '1738070128',
			status: 'PENDING',
		},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_738_070_128,
	},
	{
		title: 'NOWEB: the number of the device is no part of the chat',
		body: {key: {remoteJid: '11111111111:12@s.whatsapp.net', fromMe: true, id: KEY}, messageTimestamp: 1_738_070_128},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_738_070_128,
	},
	{
		title: 'NOWEB: a group names the sender, and a Long holds the time',
		body: {
			key: {remoteJid: '123@g.us', fromMe: true, id: KEY, participant: '79222222222:3@s.whatsapp.net'},
			messageTimestamp: {low: 1_738_070_128, high: 0, unsigned: true},
		},
		id: `true_123@g.us_${KEY}_79222222222@c.us`,
		timestamp: 1_738_070_128,
	},
	{
		title: 'NOWEB: a Long beyond 31 bits',
		body: {key: {remoteJid: '1@lid', fromMe: true, id: KEY}, messageTimestamp: {low: -1_794_967_296, high: 0}},
		id: `true_1@lid_${KEY}`,
		timestamp: 2_500_000_000,
	},
	{
		title: 'NOWEB: an own message to a channel',
		body: {key: {remoteJid: '120363@newsletter', fromMe: true, id: KEY}, messageTimestamp: '1738070128'},
		id: `true_120363@newsletter_${KEY}`,
		timestamp: 1_738_070_128,
	},
	{
		title: 'NOWEB: a WAMessage, as polls are answered',
		body: {id: `true_${CHAT}_${KEY}`, timestamp: 1_738_070_128, fromMe: true},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_738_070_128,
	},
	{
		title: 'GOWS: an id ready to use, the time in the raw message',
		body: {id: `true_${CHAT}_${KEY}`, _data: {Info: {ID: KEY, Timestamp: '2026-07-07T05:00:02Z'}}},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_783_400_402,
	},
	{
		title: 'GOWS: a time with an offset',
		body: {id: `true_${CHAT}_${KEY}`, _data: {Info: {Timestamp: '2026-07-07T07:00:02.750+02:00'}}},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_783_400_402,
	},
	{
		title: 'GOWS: a time that was never set',
		body: {id: `true_${CHAT}_${KEY}`, _data: {Info: {Timestamp: '0001-01-01T00:00:00Z'}}},
		id: `true_${CHAT}_${KEY}`,
		timestamp: NOW,
	},
	{
		title: 'GOWS: no raw message',
		body: {id: `true_${CHAT}_${KEY}`, _data: null},
		id: `true_${CHAT}_${KEY}`,
		timestamp: NOW,
	},
	{
		title: 'WEBJS: a serialised object',
		body: {id: webjsId, ack: 0, timestamp: 1_667_561_530, _data: {id: webjsId, t: 1_667_561_530}},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_667_561_530,
	},
	{
		title: 'WEBJS: the name that WhatsApp Web gave the property in July 2026',
		body: {id: {...bareWebjsId, $1: `true_${CHAT}_${KEY}`}, timestamp: 1_667_561_530},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_667_561_530,
	},
	{
		title: 'WEBJS: neither name',
		body: {id: bareWebjsId, timestamp: 1_667_561_530},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_667_561_530,
	},
	{
		title: 'WEBJS: a chat and a sender that are objects',
		body: {
			id: {fromMe: true, remote: {_serialized: '123@g.us'}, id: KEY, participant: {$1: '79222222222@c.us'}},
			timestamp: 1_667_561_530.75,
		},
		id: `true_123@g.us_${KEY}_79222222222@c.us`,
		timestamp: 1_667_561_530,
	},
	{
		title: 'WEBJS: the id only in the raw message',
		body: {_data: {id: webjsId}, timestamp: 1_667_561_530},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_667_561_530,
	},
	{
		title: 'milliseconds where seconds belong',
		body: {id: `true_${CHAT}_${KEY}`, timestamp: 1_667_561_530_999},
		id: `true_${CHAT}_${KEY}`,
		timestamp: 1_667_561_530,
	},
	{title: 'WEBJS: no id of a forwarded message', body: {sent: true}, id: null, timestamp: NOW},
	{title: 'nothing', body: undefined, id: null, timestamp: NOW},
	{title: 'null', body: null, id: null, timestamp: NOW},
	{title: 'an empty object', body: {}, id: null, timestamp: NOW},
	{title: 'an empty id', body: {id: '', key: {id: '', remoteJid: '1@lid'}}, id: null, timestamp: NOW},
	{
		title: 'a time that is none',
		body: {id: 'true_1@lid_A', timestamp: null, messageTimestamp: 'soon'},
		id: 'true_1@lid_A',
		timestamp: NOW,
	},
];

for (const {title, body, ...receipt} of ANSWERS) {
	test(`the answer to a send: ${title}`, (t) => {
		t.deepEqual(toSendResult('WEBJS', body, NOW_MS), receipt);
		for (const engine of ['NOWEB', 'GOWS'] as const) {
			const expected = receipt.id === null ? undefined : receipt;
			t.deepEqual(toSendResult(engine, body, NOW_MS), expected, engine);
		}
	});
}

test('the answer to a send: what no engine says is none', (t) => {
	for (const engine of ['NOWEB', 'GOWS', 'WEBJS'] as const) {
		for (const body of ['', 'OK', 0, 1, true, false, [], [{id: `true_${CHAT}_${KEY}`}]]) {
			t.is(toSendResult(engine, body, NOW_MS), undefined, `${engine} ${JSON.stringify(body)}`);
		}
	}
});

for (const [engine, body, timestamp] of [
	['NOWEB', {key: {remoteJid: '1@lid', fromMe: true, id: 'ACTION'}, messageTimestamp: '1738070128'}, 1_738_070_128],
	['GOWS', {id: 'true_1@lid_ACTION', _data: {Info: {Timestamp: '2026-07-07T05:00:02Z'}}}, 1_783_400_402],
	['WEBJS', {id: webjsId, timestamp: 1_667_561_530}, NOW],
	['WEBJS', undefined, NOW],
] as const) {
	test(`the answer to an edit, ${engine}: ${body === undefined ? 'nothing' : 'the engine’s own'}`, (t) => {
		t.deepEqual(toEditResult(engine, `true_${CHAT}_${KEY}`, body, NOW_MS), {id: `true_${CHAT}_${KEY}`, timestamp});
	});
}

test('only WEBJS says that nothing was forwarded', (t) => {
	t.false(isForwarded({sent: false}));
	for (const body of [{sent: true}, {id: 'true_1@lid_A'}, undefined, null, '']) t.true(isForwarded(body));
});

test('a pairing code has a dash and capitals, or is none', (t) => {
	t.is(toPairingCode({code: 'ABCD-1234'}), 'ABCD-1234');
	t.is(toPairingCode({code: 'abcd1234'}), 'ABCD-1234');
	for (const body of [
		undefined,
		null,
		'',
		{},
		{code: null},
		{code: 'ABC'},
		{code: 'ABCD-12345'},
		{code: 12_345_678.5},
	]) {
		t.is(toPairingCode(body), undefined);
	}
});

test('ids of the engines come in the form that tenants know', (t) => {
	t.is(toChatId('11111111111@s.whatsapp.net'), '11111111111@c.us');
	t.is(toChatId('11111111111:12@s.whatsapp.net'), '11111111111@c.us');
	t.is(toChatId('172078351257794:3@lid'), '172078351257794@lid');
	for (const id of ['11111111111@c.us', '1203@g.us', '1@lid', '1@newsletter', 'status@broadcast']) {
		t.is(toChatId(id), id);
	}
});

test('a session is read with its account, and without one before it is linked', (t) => {
	const me = {id: '79222222222:12@s.whatsapp.net', pushName: 'WAHA', lid: '172078351257794@lid'};
	t.deepEqual(toSession({name: 's', status: 'WORKING', me, config: {}}), {
		name: 's',
		status: 'WORKING',
		me: {id: '79222222222@c.us', pushName: 'WAHA'},
	});
	t.deepEqual(toSession({name: 's', status: 'SCAN_QR_CODE'}), {name: 's', status: 'SCAN_QR_CODE', me: null});
	t.is(toLinkedAccount(undefined), null);
	t.is(toLinkedAccount({pushName: 'WAHA'}), null);
});

test('what is no session is none', (t) => {
	for (const value of [undefined, null, '', [], {}, {name: 's'}, {status: 'WORKING'}, {name: 1, status: 2}]) {
		t.is(toSession(value), undefined);
	}
});

test('a status of a newer release means "not ready"', (t) => {
	t.is(toStatus('WORKING'), 'WORKING');
	t.is(toStatus('PASSKEY_REQUIRED'), 'PASSKEY_REQUIRED');
	t.is(toStatus('SOMETHING_NEW'), 'STARTING');
});

const envelope = {event: 'message', session: 'default'};

test('an event keeps its payload untouched, and what was absent stays absent', (t) => {
	const payload = {id: 'x', nested: {deep: [1, 2, {three: null}]}, _data: {any: 'thing'}};
	const event = toUpstreamEvent({...envelope, id: 'evt_1', timestamp: 1_783_400_401_892, payload}, NOW_MS);
	t.is(event.payload, payload);
	t.deepEqual(event, {session: 'default', event: 'message', id: 'evt_1', timestampMs: 1_783_400_401_892, payload});
	const full = {me: null, engine: 'GOWS', environment: {version: '2026.7.1'}, metadata: {'user.id': '1'}};
	t.like(toUpstreamEvent({...envelope, ...full}, NOW_MS), full);
});

test('an event without a time of its own has that of its message, else that of its arrival', (t) => {
	const timeOf = (more: object): number => toUpstreamEvent({...envelope, ...more}, NOW_MS).timestampMs;
	t.is(timeOf({timestamp: 1_783_400_401_892.5}), 1_783_400_401_892);
	t.is(timeOf({payload: {timestamp: 1_783_400_401}}), 1_783_400_401_000);
	t.is(timeOf({payload: {timestamp: 1_783_400_401_892}}), 1_783_400_401_000);
	t.is(timeOf({timestamp: 'now', payload: null}), NOW_MS);
	t.is(timeOf({timestamp: Number.MAX_VALUE}), NOW_MS);
	t.is(timeOf({timestamp: -1}), NOW_MS);
	t.is(timeOf({}), NOW_MS);
});

test('a time that is none, or beyond all time, counts as absent', (t) => {
	for (const timestamp of [
		{toString: 1},
		{valueOf: null, toString: null},
		[],
		true,
		1e300,
		'1e300',
		-1,
		'x',
		{low: 1, high: 1e300},
	]) {
		const {timestampMs} = toUpstreamEvent({...envelope, timestamp, payload: {timestamp}}, NOW_MS);
		t.is(timestampMs, NOW_MS, JSON.stringify(timestamp));
	}
	for (const timestamp of [8.64e15, 1e15, 1e11]) {
		t.notThrows(() => new Date(toUpstreamEvent({...envelope, payload: {timestamp}}, NOW_MS).timestampMs).toISOString());
	}
});

test('an event without an id or a payload is one all the same', (t) => {
	t.like(toUpstreamEvent(envelope, NOW_MS), {id: '', payload: null});
});
