import test from 'ava';
import {clientMessageId} from '../../domain/messaging/command.ts';
import {CHAT, CommandFixture} from '../support/command-fixture.ts';
import {sampleCommand} from '../support/samples.ts';

const OTHER_CHAT = '15550002222@c.us';
const TYPED = {humanlike: true} as const;

/** No text takes longer than this. */
const LONGEST_MS = 8000;

test('a human-like send reads, types and stops before it is claimed; only then it goes out', async (t) => {
	await using fixture = await CommandFixture.create();
	const {gate, harness} = fixture;
	const outcome = fixture.send('hello', CHAT, TYPED);
	await harness.until(() => gate.actions.length === 2);
	const [{id} = {id: ''}] = harness.queued(queueOf(fixture));
	t.like(await harness.stores.commandStore.find(id), {status: 'queued', owner: null}, 'nothing is claimed yet');
	await harness.wind(LONGEST_MS);
	(await fixture.call()).pass();
	t.like(await outcome, {kind: 'done', commandId: id, messageId: `true_${CHAT}_${clientMessageId(id)}`});
	t.deepEqual(gate.actions, [`read ${CHAT}`, `typing ${CHAT}`, `stop typing ${CHAT}`, 'send hello']);
});

test('the text decides how long it takes; whatever is no text counts as 20 characters', async (t) => {
	await using fixture = await CommandFixture.create();
	const {gate, harness} = fixture;
	const long = fixture.send('x'.repeat(100), CHAT, TYPED);
	const place = fixture.sendContent(
		{kind: 'location', latitude: 1, longitude: 2, name: 'x'.repeat(100), address: null},
		TYPED,
		OTHER_CHAT,
	);
	await harness.until(() => gate.actions.length === 4);
	await harness.wind(1900);
	t.deepEqual(gate.subjects, []);
	await harness.wind(2200);
	t.deepEqual(gate.subjects, ['location'], 'after 2 to 4 s');
	await harness.wind(1800);
	t.is(gate.calls.length, 1, 'the long text takes 6 s at least');
	await harness.wind(2200);
	t.is(gate.calls.length, 2);
	for (const call of gate.calls) call.answer({id: null, timestamp: 1});
	await Promise.all([long, place]);
});

test('a forward is typed before, too', async (t) => {
	await using fixture = await CommandFixture.create();
	await fixture.post(
		{kind: 'message.forward'},
		{kind: 'message.forward', chatId: CHAT, messageId: `false_${CHAT}_3EB0AB`, ...TYPED},
	);
	await fixture.harness.until(() => fixture.gate.actions.length === 2);
	await fixture.harness.wind(4000);
	(await fixture.call()).answer({id: null, timestamp: 1});
	t.deepEqual(fixture.gate.actions.slice(0, 3), [`read ${CHAT}`, `typing ${CHAT}`, `stop typing ${CHAT}`]);
	await fixture.settled();
});

test('messages of one chat are typed one after the other; hundreds of chats are typed in side by side', async (t) => {
	await using fixture = await CommandFixture.create();
	const {gate, harness} = fixture;
	const chats = Array.from({length: 110}, (_, index) => `${15_550_001_000 + index}@c.us`);
	for (const chatId of chats) await fixture.post({chatId}, TYPED);
	for (const chatId of chats.slice(0, 5)) await fixture.post({chatId}, TYPED);
	await harness.until(() => gate.actions.filter((action) => action.startsWith('typing')).length === 110);
	await harness.wind(LONGEST_MS);
	t.is(gate.calls.length, 110);
	t.is(gate.actions.filter((action) => action.startsWith('typing')).length, 110, 'the second ones wait');
	for (const call of gate.calls) call.pass();
	await harness.until(() => gate.actions.filter((action) => action.startsWith('typing')).length === 115);
	await harness.wind(LONGEST_MS);
	for (const call of gate.calls) call.pass();
	await fixture.settled();
	t.is(fixture.sent.length, 115);
});

test('a command that has ended is answered without typing, as is one that another process claimed', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const {id: connectionId, userId} = fixture.connection;
	const ended = await fixture.post();
	(await fixture.call()).pass();
	await fixture.ended(ended.id);
	await fixture.publish(ended, TYPED);
	const left = sampleCommand({userId, connectionId});
	await commandStore.create(left);
	await commandStore.claim(left.id, 'a process that died', new Date());
	await fixture.publish(left, TYPED);
	await fixture.settled();
	t.like(await commandStore.find(left.id), {status: 'unknown'});
	t.deepEqual(fixture.gate.actions, [`send text of ${ended.id}`]);
});

test('nobody types for a connection that is gone or has no session: it fails at once', async (t) => {
	await using fixture = await CommandFixture.create();
	const {stores} = fixture.harness;
	const unassigned = await fixture.harness.createConnection({userId: fixture.connection.userId});
	await stores.connectionStore.markDeleted(fixture.connection.id, new Date());
	for (const connectionId of [unassigned.id, fixture.connection.id]) {
		const {id} = await fixture.post({connectionId}, TYPED);
		t.like(await fixture.ended(id), {status: 'failed', failure: {code: 'SESSION_NOT_FOUND'}});
	}
	t.deepEqual(fixture.gate.actions, []);
});

test('nobody types for a session that is not linked: why it cannot send, the engine says at once', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, gate, connection} = fixture;
	const report = {status: 'scan_qr', me: null, atMs: connection.statusAt.getTime() + 1} as const;
	await harness.stores.connectionStore.applyReport(connection.id, report);
	await gate.sessions.logout(connection.sessionName);
	const outcome = fixture.send('hello', CHAT, TYPED);
	(await fixture.call()).pass();
	const error = await t.throwsAsync(outcome);
	t.like(error, {retryable: true});
	t.deepEqual(gate.actions, ['send hello']);
	t.deepEqual(fixture.sent, []);
});

test('a store that is away after the typing: the message is typed and sent when it is back, once', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, gate} = fixture;
	harness.storeFaults.refuseNext('claim');
	const {id} = await fixture.post({}, TYPED);
	await harness.until(() => gate.actions.length === 2);
	await harness.wind(LONGEST_MS);
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(LONGEST_MS + 1000);
	(await fixture.call()).pass();
	t.like(await fixture.ended(id), {status: 'sent'});
	t.is(fixture.sent.length, 1);
});

test('a process that dies while it types leaves the message to another, which sends it; what the first does later is no second message', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, gate} = fixture;
	const {id} = await fixture.post({}, TYPED);
	await harness.until(() => gate.actions.length === 2);
	// As the broker does when it loses a process: the message goes to another one, while the first may be only slow.
	const record = await harness.stores.commandStore.find(id);
	if (record === undefined) throw new Error('no row');
	await fixture.start();
	await fixture.publish(record);
	t.is(record.status, 'queued');
	await harness.wind(2 * LONGEST_MS);
	(await fixture.call()).pass();
	t.like(await fixture.ended(id), {status: 'sent'});
	await fixture.settled();
	t.is(gate.calls.length, 1);
	t.is(fixture.sent.length, 1);
});

test('a process that ends while it types breaks off and leaves the messages to another, in order', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, gate} = fixture;
	const first = fixture.send('first', CHAT, TYPED);
	await harness.until(() => gate.actions.length === 2);
	const second = fixture.send('second', CHAT);
	const elsewhere = fixture.send('elsewhere', OTHER_CHAT);
	const call = await fixture.call();
	t.is(call.subject, 'elsewhere');
	await harness.until(() => harness.queued(queueOf(fixture)).length === 3);
	await harness.wind(100);
	const stopped = fixture.stop();
	await harness.wind(100);
	t.deepEqual(gate.actions.slice(-1), [`stop typing ${CHAT}`]);
	call.pass();
	await stopped;
	t.like(await elsewhere, {kind: 'done'}, 'what the engine was asked for is finished');
	const left = harness.queued(queueOf(fixture));
	t.is(left.length, 2, 'both are with the broker');
	for (const {id} of left) t.like(await harness.stores.commandStore.find(id), {status: 'queued', owner: null});

	await fixture.start();
	await harness.until(() => gate.actions.filter((action) => action.startsWith('typing')).length === 2);
	await harness.wind(LONGEST_MS);
	(await fixture.call(1)).pass();
	t.like(await first, {kind: 'done'}, 'whoever waits is answered by the other process');
	(await fixture.call(2)).pass();
	t.like(await second, {kind: 'done'});
	t.deepEqual(fixture.sent, ['elsewhere', 'first', 'second']);
});

/** The queue of the fixture's connection. */
function queueOf({harness}: CommandFixture): CommandFixture['harness']['topology']['queues']['commands'][number] {
	const queue = harness.topology.queues.commands.find((each) => harness.queued(each).length > 0);
	if (queue === undefined) throw new Error('nothing is queued');
	return queue;
}
