import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {EngineError, NoWorkerAvailableError, NotSupportedError} from '../../domain/errors.ts';
import {findSent} from '../../domain/messaging/find-sent.ts';
import {Messaging, type SendOptions} from '../../domain/messaging/messaging.ts';
import {withFile, type OutboundContent} from '../../domain/messaging/outbound.ts';
import {CHAT, CommandFixture} from '../support/command-fixture.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {inChunks} from '../support/media-content.ts';
import {scriptedEngines} from '../support/scripted-engine.ts';

const TEXT = {chatId: CHAT, content: {kind: 'text', text: 'hello'}} as const;
const messageId = `true_${CHAT}_3EB0AB`;

function messagingOf({harness}: CommandFixture): Messaging {
	return harness.container.resolve(TOKENS.messaging);
}

test('a connection without a worker is told so before anything is stored', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = messagingOf(fixture);
	const connection = {...fixture.connection, workerId: null};
	await t.throwsAsync(messaging.send(connection, TEXT), {
		instanceOf: NoWorkerAvailableError,
		message: 'No worker assigned',
	});
	await t.throwsAsync(messaging.markRead(connection, CHAT), {instanceOf: NoWorkerAvailableError});
	t.is(fixture.harness.storeFaults.calls('create'), 0);
});

test('what the engine lacks is refused with its note, before anything is stored or published', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = messagingOf(fixture);
	const {connection, gate} = fixture;
	const no = {level: 'no', note: 'use GOWS'} as const;
	const target = {chatId: CHAT, messageId};
	const attempts = [
		['send.text', () => messaging.send(connection, TEXT)],
		['reply', () => messaging.send(connection, {...TEXT, replyTo: messageId})],
		['mentions', () => messaging.send(connection, {...TEXT, mentions: ['all']})],
		['forward', () => messaging.forward(connection, target)],
		['edit', () => messaging.edit(connection, target, 'better')],
		['revoke', () => messaging.revoke(connection, target)],
		['react', () => messaging.react(connection, target, '👍')],
		['mark-read', () => messaging.markRead(connection, CHAT)],
		['typing', () => messaging.typing(connection, CHAT, true)],
	] as const;
	for (const [operation, attempt] of attempts) {
		gate.capabilityChanges = {[operation]: no};
		const error = await t.throwsAsync<NotSupportedError>(attempt(), {instanceOf: NotSupportedError}, operation);
		t.is(error.message, `The engine of this connection cannot do this (${operation}): use GOWS`);
	}
	t.is(fixture.harness.storeFaults.calls('create'), 0);
	t.deepEqual(gate.actions, []);
});

test('whoever does not wait is told the command; its outcome is found by its id and by the message’s', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = messagingOf(fixture);
	const {connection} = fixture;
	const {commandStore} = fixture.harness.stores;
	const options: SendOptions = {respondAsync: true, humanlike: false};
	const outcome = await messaging.send(connection, TEXT, options);
	t.is(outcome.kind, 'queued');
	t.like(await findSent(commandStore, connection.id, outcome.commandId), {id: outcome.commandId});
	(await fixture.call()).pass();
	const {messageId: sentId} = await fixture.ended(outcome.commandId);
	for (const id of [sentId ?? '', sentId?.split('_')[2] ?? '', outcome.commandId]) {
		t.like(await findSent(commandStore, connection.id, id), {id: outcome.commandId, status: 'sent'});
	}
	const other = await fixture.harness.createConnection({userId: connection.userId});
	t.is(await findSent(commandStore, other.id, outcome.commandId), undefined);
	t.is(await findSent(commandStore, connection.id, messageId), undefined);
});

test('a message that is looked for holds a command up for 4 s, so that the whole stays within what callers wait', async (t) => {
	await using fixture = await CommandFixture.create();
	const {container, stores} = fixture.harness;
	const clock = new ManualClock();
	const messaging = new Messaging({
		commands: stores.commandStore,
		engines: scriptedEngines({}),
		media: container.resolve(TOKENS.mediaStore),
		conversations: {target: () => new Promise(() => undefined)},
		publisher: container.resolve(TOKENS.publisher),
		clock,
	});
	const edit = messaging.edit(fixture.connection, {chatId: CHAT, messageId: '3EB0AB'}, 'better');
	const late = t.throwsAsync(edit, {instanceOf: EngineError, code: 'ENGINE_TIMEOUT'});
	await clock.advance(4000);
	await late;
	t.deepEqual(fixture.gate.actions, []);
});

test('what takes longer than a caller waits is told as queued, and goes out all the same', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcome = fixture.send('slow');
	const call = await fixture.call();
	await fixture.harness.wind(24_500);
	let isAnswered = false;
	void outcome.finally(() => {
		isAnswered = true;
	});
	await fixture.harness.clock.advance(0);
	t.false(isAnswered);
	await fixture.harness.wind(500);
	const {kind, commandId} = await outcome;
	t.is(kind, 'queued');
	call.pass();
	t.like(await fixture.ended(commandId), {status: 'sent'});
});

test('an answer that is lost is read from the row', async (t) => {
	await using fixture = await CommandFixture.create();
	fixture.harness.broker.losesReplies = true;
	const sent = fixture.send('sent');
	const failed = fixture.send('failed', '15550002222@c.us');
	await fixture.call(1);
	for (const call of fixture.gate.calls) {
		if (call.subject === 'sent') call.pass();
		else call.fail(new EngineError('RECIPIENT_BLOCKED', 'blocked'));
	}
	const refusal = t.throwsAsync(failed, {code: 'RECIPIENT_BLOCKED'});
	await fixture.harness.wind(25_000);
	t.like(await sent, {kind: 'done'});
	await refusal;
});

test('without asking otherwise a person types; typing is not part of what makes two messages the same', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = messagingOf(fixture);
	const first = messaging.send(fixture.connection, TEXT, {idempotencyKey: 'key'});
	await fixture.harness.until(() => fixture.gate.actions.length === 2);
	const second = messaging.send(fixture.connection, TEXT, {idempotencyKey: 'key', humanlike: false});
	await fixture.harness.wind(8000);
	(await fixture.call()).pass();
	t.deepEqual(await second, await first);
	t.is(fixture.gate.calls.length, 1);
});

test('the same key with another text, kind, chat, quote or connection is a conflict', async (t) => {
	await using fixture = await CommandFixture.create();
	const messaging = messagingOf(fixture);
	const {connection} = fixture;
	const options = {idempotencyKey: 'key', humanlike: false};
	const first = messaging.send(connection, TEXT, options);
	(await fixture.call()).pass();
	await first;
	const others = [
		{...TEXT, content: {kind: 'text', text: 'hello!'}},
		{...TEXT, content: {kind: 'contact', name: 'hello', phone: '1555'}},
		{...TEXT, chatId: '15550002222@c.us'},
		{...TEXT, replyTo: messageId},
	] as const;
	for (const other of others) await t.throwsAsync(messaging.send(connection, other, options), {code: 'CONFLICT'});
	const elsewhere = await fixture.harness.createConnection({userId: connection.userId, workerId: connection.workerId});
	await t.throwsAsync(messaging.send(elsewhere, TEXT, options), {code: 'CONFLICT'});
	await t.throwsAsync(messaging.forward(connection, {chatId: CHAT, messageId}, options), {code: 'CONFLICT'});
	t.is(fixture.gate.calls.length, 1);
});

test('a broker that is away is told; the same key then finds the row and sends', async (t) => {
	await using fixture = await CommandFixture.create();
	const {broker} = fixture.harness;
	broker.mode = 'away';
	await t.throwsAsync(fixture.send('hello', CHAT, {idempotencyKey: 'key'}), {code: 'BROKER_UNAVAILABLE'});
	broker.mode = 'working';
	const outcome = fixture.send('hello', CHAT, {idempotencyKey: 'key'});
	(await fixture.call()).pass();
	t.like(await outcome, {kind: 'done'});
});

test('a send that is told as failed because the broker did not confirm is not sent later', async (t) => {
	await using fixture = await CommandFixture.create();
	const {broker, stores} = fixture.harness;
	broker.mode = 'unconfirming';
	for (const respondAsync of [true, false]) {
		const error = await t.throwsAsync(fixture.send('hello', CHAT, {respondAsync, humanlike: true}));
		t.like(error, {code: 'BROKER_UNAVAILABLE'});
	}
	broker.mode = 'working';
	await fixture.harness.wind(8000);
	await fixture.settled();
	t.deepEqual(fixture.sent, []);
	t.is(fixture.gate.calls.length, 0);
	const [first] = broker.published;
	t.like(await stores.commandStore.find(first?.id ?? ''), {status: 'failed', failure: {code: 'BROKER_UNAVAILABLE'}});
});

test('a send that the broker did not confirm but somebody carries out already is not told as failed', async (t) => {
	await using fixture = await CommandFixture.create();
	const {broker} = fixture.harness;
	broker.mode = 'unconfirming';
	broker.beforeRefusal = async () => {
		await fixture.call();
	};
	const outcome = await fixture.send('hello', CHAT, {respondAsync: true});
	t.is(outcome.kind, 'queued');
	broker.mode = 'working';
	(await fixture.call()).pass();
	t.like(await fixture.ended(outcome.commandId), {status: 'sent'});
});

test('nothing is left of an upload whose send the broker does not take', async (t) => {
	await using fixture = await CommandFixture.create();
	const {broker, container} = fixture.harness;
	const media = container.resolve(TOKENS.mediaStore);
	const key = {connectionId: fixture.connection.id, filename: 'outgoing-1'};
	const content = inChunks(Buffer.from('file'));
	const {sha256} = await media.put(key, {contentType: 'image/png', displayName: null, content, maxBytes: 100});
	broker.mode = 'away';
	const file = {source: {kind: 'stored', filename: key.filename, sha256}, mimetype: null, filename: null} as const;
	await t.throwsAsync(fixture.sendContent({kind: 'image', file, caption: null}), {code: 'BROKER_UNAVAILABLE'});
	t.is(await media.find(key), undefined);
});

test('a content keeps everything but the view of its file', (t) => {
	const content: OutboundContent<string> = {kind: 'audio', file: 'a', voice: true};
	t.deepEqual(withFile(content, 5), {kind: 'audio', file: 5, voice: true});
	t.deepEqual(withFile({kind: 'text', text: 'x'}, undefined), {kind: 'text', text: 'x'});
	t.throws(() => withFile(content, undefined), {message: 'a audio needs its file'});
});
