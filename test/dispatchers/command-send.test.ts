import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {CommandFailedError, EngineError} from '../../domain/errors.ts';
import {clientMessageId} from '../../domain/messaging/command.ts';
import {CHAT, CommandFixture} from '../support/command-fixture.ts';
import {sampleCommand} from '../support/samples.ts';

const MINUTE_MS = 60_000;
const OTHER_CHAT = '15550002222@c.us';

test('a send goes through the engine once, is stored, and is answered with what is stored', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcome = fixture.send('hello 👋');
	(await fixture.call()).pass();
	const answer = await outcome;
	const record = await fixture.harness.stores.commandStore.find(answer.commandId);
	t.is(record?.status, 'sent', 'at the moment of the answer');
	const messageId = `true_${CHAT}_${clientMessageId(answer.commandId)}`;
	t.deepEqual(answer, {kind: 'done', commandId: answer.commandId, messageId, timestamp: record?.sentTimestamp ?? 0});
	t.like(record, {messageId, messageKey: clientMessageId(answer.commandId), chatId: CHAT, failure: null});
	t.deepEqual(fixture.sent, ['hello 👋']);
});

test('messages of one chat go out in order, one at a time; chats go side by side', async (t) => {
	await using fixture = await CommandFixture.create();
	const {gate} = fixture;
	const outcomes = ['a1', 'a2', 'a3'].map((text) => fixture.send(text));
	const other = fixture.send('b1', OTHER_CHAT);
	await fixture.call(1);
	await fixture.harness.wind(10_000);
	t.deepEqual([...gate.subjects].sort(), ['a1', 'b1']);

	const [first, second] = gate.calls[0]?.subject === 'a1' ? [0, 1] : [1, 0];
	gate.calls[second]?.pass();
	await other;
	t.deepEqual(fixture.sent, ['b1'], 'it did not wait for the other chat');
	gate.calls[first]?.pass();
	(await fixture.call(2)).pass();
	await outcomes[1];
	(await fixture.call(3)).pass();
	await Promise.all(outcomes);
	t.deepEqual(fixture.sent, ['b1', 'a1', 'a2', 'a3']);
});

test('a send that fails does not hold up the next one of its chat', async (t) => {
	await using fixture = await CommandFixture.create();
	const [first, second] = [fixture.send('first'), fixture.send('second')];
	(await fixture.call()).fail(new EngineError('ENGINE_UNAVAILABLE', 'away'));
	await t.throwsAsync(first, {instanceOf: CommandFailedError});
	(await fixture.call(1)).pass();
	t.like(await second, {kind: 'done'});
	t.deepEqual(fixture.sent, ['second']);
});

test('a failure before anything went out is failed, with its code; it can be sent again', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcome = fixture.send('nobody there', '15550000001@c.us', {idempotencyKey: 'key'});
	(await fixture.call()).pass();
	const error = await t.throwsAsync(outcome, {instanceOf: CommandFailedError});
	t.is(error.code, 'RECIPIENT_NOT_ON_WHATSAPP');
	t.deepEqual(fixture.sent, []);
	const again = await t.throwsAsync(fixture.send('nobody there', '15550000001@c.us', {idempotencyKey: 'key'}));
	t.is(again.message, error.message, 'the same key gives the same answer');
	t.is(fixture.gate.calls.length, 1);
});

test('a failure after which the message may be out is unknown, whatever its code, and never tells to try again', async (t) => {
	await using fixture = await CommandFixture.create();
	const failures = [
		new EngineError('OUTCOME_UNKNOWN', 'no answer'),
		new EngineError('ENGINE_TIMEOUT', 'try again in a few seconds'),
		new TypeError('something that no adapter foresaw'),
	];
	for (const [index, failure] of failures.entries()) {
		const outcome = fixture.send(`message ${index}`);
		(await fixture.call(index)).fail(failure);
		const error = await t.throwsAsync(outcome, {instanceOf: CommandFailedError});
		t.is(error.code, 'OUTCOME_UNKNOWN');
		t.regex(error.message, /may or may not have been sent/);
	}
	t.deepEqual(await fixture.harness.deadLetters(), []);
});

test('a connection without a session cannot send, and says so; nor can a deleted one', async (t) => {
	await using fixture = await CommandFixture.create();
	const {stores} = fixture.harness;
	const unassigned = await fixture.harness.createConnection({userId: fixture.connection.userId});
	await stores.connectionStore.markDeleted(fixture.connection.id, new Date());
	for (const connectionId of [unassigned.id, fixture.connection.id]) {
		const {id} = await fixture.post({connectionId});
		t.like(await fixture.ended(id), {status: 'failed', failure: {code: 'SESSION_NOT_FOUND'}});
	}
	t.is(fixture.gate.calls.length, 0);
});

test('a command that comes again is answered from its row and not sent again', async (t) => {
	await using fixture = await CommandFixture.create();
	const record = await fixture.post();
	(await fixture.call()).pass();
	await fixture.ended(record.id);
	await fixture.publish(record);
	await fixture.settled();
	t.is(fixture.gate.calls.length, 1);
	t.is(fixture.sent.length, 1);
});

test('one Idempotency-Key is one message, also while the first request is still under way', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcomes = [1, 2, 3].map(() => fixture.send('once', CHAT, {idempotencyKey: 'key'}));
	await fixture.call();
	await fixture.harness.wind(5000);
	fixture.gate.calls[0]?.pass();
	const answers = await Promise.all(outcomes);
	t.deepEqual(answers[1], answers[0]);
	t.deepEqual(answers[2], answers[0]);
	t.deepEqual(fixture.sent, ['once']);
});

test('a lost claim is no licence to send: what another owner ended is only answered', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const record = sampleCommand({userId: fixture.connection.userId, connectionId: fixture.connection.id});
	await commandStore.create(record);
	await commandStore.claim(record.id, 'another process', new Date());
	const end = {status: 'sent', messageId: 'true_x_y', sentTimestamp: 1} as const;
	await commandStore.finish(record.id, end, new Date());
	await fixture.publish(record);
	await fixture.settled();
	t.like(await commandStore.find(record.id), {...end, owner: 'another process'});
	t.is(fixture.gate.calls.length, 0);
});

test('a command that a process left in sending becomes unknown, is never sent again, and its slow owner may still correct it', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const record = sampleCommand({userId: fixture.connection.userId, connectionId: fixture.connection.id});
	await commandStore.create(record);
	await commandStore.claim(record.id, 'a process that died', new Date());
	await fixture.publish(record);
	t.like(await fixture.ended(record.id), {status: 'unknown', failure: {code: 'OUTCOME_UNKNOWN'}});
	await fixture.publish(record);
	await fixture.settled();
	t.is(fixture.gate.calls.length, 0);

	await commandStore.finish(record.id, {status: 'sent', messageId: 'true_x_y', sentTimestamp: 1}, new Date());
	t.like(await commandStore.find(record.id), {status: 'sent', messageId: 'true_x_y', failure: null});
});

test('a store that is away after the send: the outcome is stored and answered later, and nothing is sent twice', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	const outcome = fixture.send('hello');
	const call = await fixture.call();
	harness.storeFaults.mode = 'away';
	call.pass();
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	let isAnswered = false;
	void outcome.finally(() => {
		isAnswered = true;
	});
	await harness.wind(5000);
	t.false(isAnswered, 'nothing is answered that is not stored');
	harness.storeFaults.mode = 'working';
	await harness.wind(6000);
	t.like(await outcome, {kind: 'done'});
	t.is(fixture.gate.calls.length, 1);
	t.deepEqual(fixture.sent, ['hello']);
});

test('an outcome that waits for the store outlives a hold of more than ten minutes', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	const {id} = await fixture.post();
	const call = await fixture.call();
	harness.storeFaults.mode = 'away';
	call.pass();
	await harness.wind(25 * MINUTE_MS);
	harness.storeFaults.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	t.like(await fixture.ended(id), {status: 'sent'});
	t.is(fixture.gate.calls.length, 1);
});

test('a claim whose answer was lost is still ours: the message is sent, once, instead of ending as unknown', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	harness.storeFaults.loseNextAnswer('claim');
	const {id} = await fixture.post();
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	t.like(await harness.stores.commandStore.find(id), {status: 'sending'});
	t.is(fixture.gate.calls.length, 0);
	await harness.wind(1000);
	(await fixture.call()).pass();
	t.like(await fixture.ended(id), {status: 'sent'});
	t.is(fixture.sent.length, 1);
});

test('a store that goes away at any step before the claim costs nothing: the message is sent when it is back', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	harness.storeFaults.mode = 'away';
	const {id} = await fixture.post();
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	t.like(await harness.stores.commandStore.find(id), {status: 'queued', owner: null});
	harness.storeFaults.refuseNext('claim');
	harness.storeFaults.mode = 'working';
	await harness.wind(10_000);
	(await fixture.call()).pass();
	t.like(await fixture.ended(id), {status: 'sent'});
	t.is(fixture.sent.length, 1);
	t.is(harness.storeFaults.calls('claim'), 2);
});

test('an engine that names the message otherwise than it was asked to: acknowledgements find the row by its name', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const named = fixture.send('named by the engine');
	(await fixture.call(0)).answer({id: `true_${CHAT}_AAAA1111`, timestamp: 1_700_000_000});
	const {commandId} = await named;
	t.like(await commandStore.find(commandId), {messageId: `true_${CHAT}_AAAA1111`, messageKey: 'AAAA1111'});
	t.is((await commandStore.findByMessageKey(fixture.connection.id, 'AAAA1111'))?.id, commandId);

	const silent = fixture.send('not named at all');
	(await fixture.call(1)).answer({id: null, timestamp: 1_700_000_000});
	const answer = await silent;
	t.like(answer, {kind: 'done', messageId: null});
	t.like(await commandStore.find(answer.commandId), {messageId: null, messageKey: clientMessageId(answer.commandId)});
});

test('a forward goes out once, in the order of its chat, and its repeat is answered from the row', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = fixture.harness.container.resolve(TOKENS.messaging);
	const target = {chatId: CHAT, messageId: `false_${OTHER_CHAT}_3EB0AB`};
	const options = {humanlike: false, idempotencyKey: 'forward'};
	const before = fixture.send('before');
	await fixture.call();
	const outcome = messaging.forward(fixture.connection, target, options);
	await fixture.harness.wind(2000);
	t.deepEqual(fixture.gate.subjects, ['before'], 'it waits for its chat');
	fixture.gate.calls[0]?.pass();
	await before;
	(await fixture.call(1)).answer({id: `true_${CHAT}_3EB0CD`, timestamp: 5});
	const answer = await outcome;
	t.like(answer, {kind: 'done', messageId: `true_${CHAT}_3EB0CD`, timestamp: 5});
	t.like(await fixture.harness.stores.commandStore.find(answer.commandId), {kind: 'message.forward', chatId: CHAT});
	t.deepEqual(await messaging.forward(fixture.connection, target, options), answer);
	await t.throwsAsync(messaging.forward(fixture.connection, {...target, chatId: OTHER_CHAT}, options), {
		code: 'CONFLICT',
	});
	t.deepEqual(fixture.gate.subjects, ['before', target.messageId]);
});

test('a forward that a process left in sending becomes unknown; one that came again is not sent again', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const {id: connectionId, userId} = fixture.connection;
	const forward = {kind: 'message.forward', chatId: CHAT, messageId: `false_${CHAT}_3EB0AB`} as const;
	const left = sampleCommand({userId, connectionId, kind: forward.kind});
	await commandStore.create(left);
	await commandStore.claim(left.id, 'a process that died', new Date());
	await fixture.publish(left, forward);
	t.like(await fixture.ended(left.id), {status: 'unknown'});

	const {id} = await fixture.post({kind: forward.kind}, forward);
	(await fixture.call()).fail(new EngineError('MESSAGE_NOT_FOUND', 'There is no such message'));
	const record = await fixture.ended(id);
	t.like(record, {status: 'failed', failure: {code: 'MESSAGE_NOT_FOUND'}});
	await fixture.publish(record, forward);
	await fixture.settled();
	t.is(fixture.gate.calls.length, 1);
});

test('a command without a row is a dead letter, and nothing is sent', async (t) => {
	await using fixture = await CommandFixture.create();
	const record = sampleCommand({userId: fixture.connection.userId, connectionId: fixture.connection.id});
	await fixture.publish(record);
	const [letter] = await fixture.harness.until(async () => {
		const letters = await fixture.harness.deadLetters();
		return letters.length > 0 && letters;
	});
	t.is(letter?.reason, `MalformedMessageError: command ${record.id} has no row`);
	t.is(fixture.gate.calls.length, 0);
});

test('what waits for a quarter of an hour behind slow sends goes back to the broker, and is sent in its order', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	const options = {respondAsync: true};
	await fixture.send('first', CHAT, options);
	await fixture.send('second', CHAT, options);
	await fixture.send('third', CHAT, options);
	const call = await fixture.call();
	await harness.wind(14 * MINUTE_MS, MINUTE_MS);
	await fixture.send('fourth, just now', CHAT, options);
	await fixture.send('elsewhere', OTHER_CHAT, options);
	(await fixture.call(1)).pass();
	await harness.wind(MINUTE_MS + 1000, 1000);
	const {commands} = harness.topology.queues;
	const inHand = (): readonly number[] =>
		commands.flatMap((queue) => harness.queued(queue)).map(({deliveries}) => deliveries);
	t.deepEqual(inHand(), [1, 1, 1, 1], 'nobody gives up the one that is being sent');
	call.pass();
	await fixture.call(2);
	t.deepEqual(inHand(), [2, 2, 2]);
	for (const index of [2, 3, 4]) (await fixture.call(index)).pass();
	await fixture.settled();
	t.deepEqual(fixture.sent, ['elsewhere', 'first', 'second', 'third', 'fourth, just now']);
	t.deepEqual(await harness.deadLetters(), []);
});
