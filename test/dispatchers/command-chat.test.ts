import {randomUUID} from 'node:crypto';
import test from 'ava';
import {EngineError} from '../../domain/errors.ts';
import {CHAT, CommandFixture} from '../support/command-fixture.ts';
import type {ChatAction} from '../support/gated-engine.ts';

const OTHER_CHAT = '15550002222@c.us';
const messageId = `true_${CHAT}_3EB0AB`;
const DONE = {ok: true, messageId: null, timestamp: null};

/** One command of each kind, what the engine is asked then, and what is answered. */
const CHANGES = [
	[{kind: 'message.edit', chatId: CHAT, messageId, text: 'better'}, 'edit', `edit ${messageId} better`],
	[{kind: 'message.revoke', chatId: CHAT, messageId}, 'revoke', `revoke ${messageId}`],
	[{kind: 'message.react', chatId: CHAT, messageId, reaction: '👍'}, 'react', `react ${messageId} 👍`],
	[{kind: 'message.react', chatId: CHAT, messageId, reaction: ''}, 'react', `react ${messageId} `],
	[{kind: 'chat.read', chatId: CHAT}, 'read', `read ${CHAT}`],
	[{kind: 'chat.typing', chatId: CHAT, active: true}, 'typing', `typing ${CHAT}`],
	[{kind: 'chat.typing', chatId: CHAT, active: false}, 'stop typing', `stop typing ${CHAT}`],
] as const satisfies readonly (readonly [Parameters<CommandFixture['change']>[0], ChatAction, string])[];

for (const [change, action, asked] of CHANGES) {
	test(`${action} (${asked}): the engine is asked once, at once, and its answer is the reply`, async (t) => {
		await using fixture = await CommandFixture.create();
		const reply = await fixture.change(change);
		t.deepEqual(reply, action === 'edit' ? {ok: true, messageId, timestamp: 1_700_000_000} : DONE);
		t.deepEqual(fixture.gate.actions, [asked]);
		await fixture.settled();
		t.is(fixture.harness.storeFaults.calls('create') + fixture.harness.storeFaults.calls('claim'), 0, 'no row');
	});

	test(`${action} (${asked}): what the engine refuses is the reply, and the queue goes on`, async (t) => {
		await using fixture = await CommandFixture.create();
		const failures = [
			new EngineError('ACCOUNT_RESTRICTED', 'wait a while', {retryAfterMs: 90_000}),
			new EngineError('ENGINE_UNAVAILABLE', 'the worker is away'),
			new TypeError('something with a secret in it'),
		];
		for (const failure of failures) fixture.gate.troubleNext(action, failure);
		t.deepEqual(await fixture.change(change), {
			ok: false,
			failure: {code: 'ACCOUNT_RESTRICTED', message: 'wait a while', retryAfterMs: 90_000},
		});
		t.deepEqual(await fixture.change(change), {
			ok: false,
			failure: {code: 'ENGINE_UNAVAILABLE', message: 'the worker is away'},
		});
		t.deepEqual(await fixture.change(change), {
			ok: false,
			failure: {code: 'INTERNAL', message: 'Internal server error'},
		});
		t.like(await fixture.change(change), {ok: true});
		await fixture.settled();
		t.is(fixture.gate.actions.length, 4);
		t.deepEqual(await fixture.harness.deadLetters(), []);
		t.is(fixture.harness.waiting, 0);
	});

	test(`${action} (${asked}): while the store is away it waits, and is done once it is back`, async (t) => {
		await using fixture = await CommandFixture.create();
		const {harness, gate} = fixture;
		harness.storeFaults.mode = 'away';
		const reply = fixture.change(change);
		await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
		await harness.wind(5000);
		t.deepEqual(gate.actions, []);
		harness.storeFaults.mode = 'working';
		await harness.wind(6000);
		t.like(await reply, {ok: true});
		t.deepEqual(gate.actions, [asked]);
	});
}

test('a change that comes again is done again and harms nothing', async (t) => {
	await using fixture = await CommandFixture.create();
	const {id: connectionId, userId} = fixture.connection;
	const command = {id: randomUUID(), userId, connectionId, ...CHANGES[0][0]};
	for (let repeat = 0; repeat < 2; repeat++) {
		t.like(await fixture.harness.publisher.request(command, 60_000), {ok: true});
	}
	await fixture.settled();
	t.deepEqual(fixture.gate.actions, [CHANGES[0][2], CHANGES[0][2]]);
	t.deepEqual(await fixture.harness.deadLetters(), []);
});

test('changes keep their place among the messages of a chat, and wait for no other chat', async (t) => {
	await using fixture = await CommandFixture.create();
	const {gate, harness} = fixture;
	const typed = fixture.send('typed', CHAT, {humanlike: true});
	await harness.until(() => gate.actions.length === 2);
	const reaction = fixture.change({kind: 'message.react', chatId: CHAT, messageId, reaction: '👍'});
	const elsewhere = await fixture.change({kind: 'chat.read', chatId: OTHER_CHAT});
	t.like(elsewhere, {ok: true});
	await harness.wind(8000);
	const call = await fixture.call();
	t.is(gate.actions.at(-1), 'send typed', 'the reaction waits until the message is out');
	call.pass();
	await typed;
	t.like(await reaction, {ok: true});
	t.deepEqual(gate.actions, [
		`read ${CHAT}`,
		`typing ${CHAT}`,
		`read ${OTHER_CHAT}`,
		`stop typing ${CHAT}`,
		'send typed',
		`react ${messageId} 👍`,
	]);
});

test('a connection without a session answers so, at once', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, connection} = fixture;
	await harness.stores.connectionStore.markDeleted(connection.id, new Date());
	for (const [change] of CHANGES) {
		t.like(await fixture.change(change), {ok: false, failure: {code: 'SESSION_NOT_FOUND'}});
	}
	t.deepEqual(fixture.gate.actions, []);
});

test('a command that no version knows is a dead letter, and the next one is carried out', async (t) => {
	await using fixture = await CommandFixture.create();
	const {id: connectionId, userId} = fixture.connection;
	const unknown = {kind: 'chat.archive', id: randomUUID(), userId, connectionId, chatId: CHAT};
	await fixture.harness.publisher.command(unknown as never);
	t.like(await fixture.change({kind: 'chat.read', chatId: CHAT}), {ok: true});
	const [letter] = await fixture.harness.until(async () => {
		const letters = await fixture.harness.deadLetters();
		return letters.length > 0 && letters;
	});
	t.is(letter?.reason, 'MalformedMessageError: there is no command chat.archive');
});
