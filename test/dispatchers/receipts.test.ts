import test from 'ava';
import type {Connection} from '../../domain/connections/connection.ts';
import type {CommandRecord} from '../../domain/messaging/command.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {sampleCommand} from '../support/samples.ts';

const CHAT = '15550001111@c.us';
const KEY = '3EB0A0F1B2C3D4E5F607';

interface Bench extends AsyncDisposable {
	readonly harness: DispatchHarness;
	readonly connection: Connection;
	/** A message that was sent, under `KEY`. */
	readonly record: CommandRecord;
	/** Publishes an acknowledgement, as it comes from an engine. */
	acknowledge(payload: unknown, options?: {readonly atMs?: number; readonly event?: string}): Promise<void>;
	/** The receipts of the message, once everything was handled. */
	receipts(): Promise<CommandRecord['receipts'] | undefined>;
}

async function setUp(): Promise<Bench> {
	const harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	const {id: connectionId, userId} = connection;
	const record = sampleCommand({connectionId, userId, status: 'sent', messageKey: KEY, sentTimestamp: 1});
	await harness.stores.commandStore.create(record);
	await harness.startRoles('log');
	return {
		harness,
		connection,
		record,
		acknowledge: (payload, {atMs = harness.clock.now(), event = 'message.ack'} = {}) =>
			harness.publisher.event(harness.eventOf(connection, {event, timestampMs: atMs, payload})),
		receipts: async () => {
			await harness.until(() => harness.queued(harness.topology.queues.receipts).length === 0);
			return (await harness.stores.commandStore.find(record.id))?.receipts;
		},
		[Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
	};
}

const idOf = (key: string): string => `true_${CHAT}_${key}`;

test('acknowledgements are noted with the engine’s time, in whatever order they come, and of repeats the earliest', async (t) => {
	await using bench = await setUp();
	const now = bench.harness.clock.now();
	const times = [
		[3, now + 3000],
		[1, now + 1000],
		[4, now + 4000],
		[2, now + 2500],
		[2, now + 2000],
		[2, now + 9000],
	] as const;
	for (const [ack, atMs] of times) await bench.acknowledge({id: idOf(KEY), fromMe: true, ack}, {atMs});
	t.deepEqual(await bench.receipts(), {
		server: new Date(now + 1000),
		device: new Date(now + 2000),
		read: new Date(now + 3000),
		played: new Date(now + 4000),
	});
});

for (const [what, id] of [
	['a full id', idOf(KEY)],
	['an id with another form of the chat', `true_123456789012345@lid_${KEY}`],
	['an id of a group', `true_1203630@g.us_${KEY}_15550001111@c.us`],
	['a bare key', KEY],
] as const) {
	test(`${what} finds its message`, async (t) => {
		await using bench = await setUp();
		await bench.acknowledge({id, ack: 2});
		t.deepEqual(Object.keys((await bench.receipts()) ?? {}), ['device']);
	});
}

test('a group’s acknowledgements come by an event of their own, and an engine may repeat the whole message with its file', async (t) => {
	await using bench = await setUp();
	const media = {url: 'http://worker:3000/api/files/s/a.jpg', mimetype: 'image/jpeg'};
	await bench.acknowledge({id: `true_1203630@g.us_${KEY}_1@lid`, fromMe: true, ack: 3}, {event: 'message.ack.group'});
	await bench.acknowledge({id: idOf(KEY), fromMe: true, ack: 2, hasMedia: true, media});
	t.deepEqual(Object.keys((await bench.receipts()) ?? {}).sort(), ['device', 'read']);
});

test('an error is noted as one', async (t) => {
	await using bench = await setUp();
	await bench.acknowledge({id: idOf(KEY), fromMe: true, ack: -1});
	t.deepEqual(Object.keys((await bench.receipts()) ?? {}), ['error']);
});

test('what tells nothing of a message of ours is passed over, and nothing of it is a dead letter', async (t) => {
	await using bench = await setUp();
	const {harness} = bench;
	const payloads = [
		{id: `false_${CHAT}_${KEY}`, fromMe: false, ack: 3},
		{id: `false_${CHAT}_${KEY}`, ack: 3},
		{id: KEY, fromMe: false, ack: 3},
		{id: idOf(KEY), fromMe: true, ack: 0},
		{id: idOf(KEY), fromMe: true, ack: null},
		{id: idOf(KEY), fromMe: true, ack: '3'},
		{id: idOf(KEY), fromMe: true},
		{id: idOf('3EB0OTHER'), fromMe: true, ack: 3},
		{id: {_serialized: idOf(KEY)}, ack: 3},
		{ack: 3},
		'text',
		null,
	];
	for (const payload of payloads) await bench.acknowledge(payload);
	t.deepEqual(await bench.receipts(), {});
	const elsewhere = await harness.createConnection();
	const payload = {id: idOf(KEY), fromMe: true, ack: 3};
	await harness.publisher.event(harness.eventOf(elsewhere, {event: 'message.ack', payload}));
	t.deepEqual(await bench.receipts(), {}, 'another connection’s message with the same key');
	t.deepEqual(await harness.deadLetters(), []);
	t.is(harness.waiting, 0);
});

test('many acknowledgements are few writes', async (t) => {
	await using bench = await setUp();
	for (let index = 0; index < 500; index++) await bench.acknowledge({id: idOf(`KEY${index}`), ack: 1});
	await bench.acknowledge({id: idOf(KEY), fromMe: true, ack: 2});
	t.deepEqual(Object.keys((await bench.receipts()) ?? {}), ['device']);
	const writes = bench.harness.storeFaults.calls('acknowledge');
	t.true(writes <= 10, `${writes} writes`);
});

test('an acknowledgement that is faster than the answer to the send finds the key that the answer brings', async (t) => {
	await using bench = await setUp();
	const {harness, connection} = bench;
	const {id: connectionId, userId} = connection;
	const {commandStore} = harness.stores;
	const record = sampleCommand({connectionId, userId, status: 'queued'});
	await commandStore.create(record);
	await commandStore.claim(record.id, 'a process', new Date());
	await bench.acknowledge({id: idOf('NAMEDBYENGINE'), fromMe: true, ack: 2});
	await harness.wind(500);
	const end = {
		status: 'sent',
		messageId: idOf('NAMEDBYENGINE'),
		messageKey: 'NAMEDBYENGINE',
		sentTimestamp: 1,
	} as const;
	await commandStore.finish(record.id, end, new Date());
	await bench.receipts();
	t.deepEqual(Object.keys((await commandStore.find(record.id))?.receipts ?? {}), ['device']);
});

test('while the store is away nothing is lost, repeated or counted', async (t) => {
	await using bench = await setUp();
	const {harness} = bench;
	harness.storeFaults.mode = 'away';
	const now = harness.clock.now();
	for (const ack of [1, 2, 3]) await bench.acknowledge({id: idOf(KEY), fromMe: true, ack}, {atMs: now + ack});
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(5000);
	harness.storeFaults.mode = 'working';
	await harness.wind(6000);
	t.deepEqual(await bench.receipts(), {
		server: new Date(now + 1),
		device: new Date(now + 2),
		read: new Date(now + 3),
	});
	t.deepEqual(await harness.deadLetters(), []);
});
