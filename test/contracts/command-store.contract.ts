import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {CommandRecord} from '../../domain/messaging/command.ts';
import type {Receipt} from '../../domain/ports/command-store.ts';
import {after, sampleCommand} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';
import type {StoresFixture, StoresHarness} from './stores-harness.ts';

const HOUR_MS = 3_600_000;

/** What every adapter of the `CommandStore` port promises. */
export function commandStoreContract(test: TestFn, harness: StoresHarness): void {
	test('commands: a command is found as it was created; creating it again gives what is stored', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const received = sampleCommand({kind: 'message.forward', receipts: {server: after(1), read: after(2)}});
		for (const command of [sampleCommand(), sampleCommand({idempotencyKey: 'key 1'}), received]) {
			t.deepEqual(await commandStore.create(command), command);
			t.deepEqual(await commandStore.find(command.id), command);
			t.deepEqual(await commandStore.create({...command, bodyHash: 'other'}), command);
		}
		t.is(await commandStore.find(randomUUID()), undefined);
	});

	test('commands: of racing commands with one key, one is created and all get it', async (t) => {
		await using fixture = await harness.open();
		const racers = rivals(20, {idempotencyKey: 'key-1'});
		const stored = await createAll(fixture, racers);

		const winner = stored[0]?.id;
		t.true(racers.some(({id}) => id === winner));
		t.deepEqual(new Set(stored.map(({id}) => id)), new Set([winner]));
		const found = await Promise.all(racers.map(({id}) => fixture.stores.commandStore.find(id)));
		t.deepEqual(
			found.filter((command) => command !== undefined).map(({id}) => id),
			[winner],
		);
	});

	test('commands: a key belongs to its user, and commands without one never collide', async (t) => {
		await using fixture = await harness.open();
		const userId = randomUUID();
		const commands = [
			sampleCommand({userId, idempotencyKey: 'key'}),
			sampleCommand({userId, idempotencyKey: 'KEY'}),
			sampleCommand({userId, idempotencyKey: ''}),
			sampleCommand({idempotencyKey: 'key'}),
			sampleCommand({userId}),
			sampleCommand({userId}),
		];
		t.deepEqual(await createAll(fixture, commands), commands);
	});

	test('commands: a key stands for 24 hours, then for the next command', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const userId = randomUUID();
		const at = (ms: number) => sampleCommand({userId, idempotencyKey: 'key', createdAt: after(ms)});
		const first = at(0);
		await commandStore.create(first);
		t.deepEqual(await commandStore.create(at(24 * HOUR_MS - 1)), first);

		const second = at(24 * HOUR_MS);
		t.deepEqual(await commandStore.create(second), second);
		t.deepEqual(await commandStore.create(at(25 * HOUR_MS)), second);
		t.deepEqual(await commandStore.find(first.id), first);
	});

	test('commands: of racing commands with a key that ran out, one is created and all get it', async (t) => {
		await using fixture = await harness.open();
		const userId = randomUUID();
		const old = sampleCommand({userId, idempotencyKey: 'key'});
		await fixture.stores.commandStore.create(old);
		const racers = rivals(20, {userId, idempotencyKey: 'key', createdAt: after(30 * HOUR_MS)});
		const stored = await createAll(fixture, racers);

		t.is(new Set(stored.map(({id}) => id)).size, 1);
		t.true(racers.some(({id}) => id === stored[0]?.id));
	});

	test('commands: of racing owners one claims a command', async (t) => {
		await using fixture = await harness.open();
		const command = sampleCommand();
		await fixture.stores.commandStore.create(command);
		const owners = Array.from({length: 20}, (_, index) => `owner-${index}`);
		const claims = await Promise.all(
			owners.map((owner, index) => storeOf(fixture, index).claim(command.id, owner, after(1))),
		);

		t.is(claims.filter(Boolean).length, 1);
		t.deepEqual(await fixture.stores.commandStore.find(command.id), {
			...command,
			status: 'sending',
			owner: owners[claims.indexOf(true)] ?? '',
			updatedAt: after(1),
		});
		t.false(await fixture.stores.commandStore.claim(randomUUID(), 'owner', after(1)));
	});

	test('commands: an end that is known stays, and an ended command cannot be claimed', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const command = sampleCommand();
		await commandStore.create(command);
		await commandStore.claim(command.id, 'owner', after(1));
		const sent = {status: 'sent', messageId: 'true_15550001111@c.us_3EB0', sentTimestamp: 1_774_612_801} as const;
		await commandStore.finish(command.id, sent, after(2));
		const ended: CommandRecord = {...command, ...sent, owner: 'owner', updatedAt: after(2)};
		t.deepEqual(await commandStore.find(command.id), ended);

		const failure = {code: 'OUTCOME_UNKNOWN', message: 'nobody knows'} as const;
		await commandStore.finish(command.id, {status: 'unknown', failure}, after(3));
		await commandStore.finish(randomUUID(), sent, after(3));
		t.false(await commandStore.claim(command.id, 'other', after(4)));
		t.deepEqual(await commandStore.find(command.id), ended);
	});

	test('commands: unknown gives way to what the first owner knows, and to nothing after that', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const failure = {code: 'OUTCOME_UNKNOWN', message: 'nobody knows'} as const;
		const sent = {status: 'sent', messageId: 'true_15550001111@c.us_3EB0', sentTimestamp: 1_774_612_801} as const;
		const failed = {status: 'failed', failure: {code: 'ENGINE_REFUSED', message: 'no'}} as const;
		for (const end of [sent, failed]) {
			const command = sampleCommand();
			await commandStore.create(command);
			await commandStore.claim(command.id, 'owner', after(1));
			await commandStore.finish(command.id, {status: 'unknown', failure}, after(2));
			await commandStore.finish(command.id, {status: 'unknown', failure: {...failure, message: 'again'}}, after(3));
			const unknown: CommandRecord = {...command, status: 'unknown', failure, owner: 'owner', updatedAt: after(2)};
			t.deepEqual(await commandStore.find(command.id), unknown);

			await commandStore.finish(command.id, end, after(4));
			for (const later of [sent, failed, {status: 'unknown', failure} as const]) {
				await commandStore.finish(command.id, later, after(5));
			}
			t.deepEqual(await commandStore.find(command.id), {...unknown, failure: null, ...end, updatedAt: after(4)});
		}
	});

	test('commands: a failure is kept as it was told, also of a command that nobody claimed', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const failures = [
			{code: 'ENGINE_REFUSED', message: 'no'},
			{code: 'RATE_LIMITED', message: 'later', retryAfterMs: 1500},
		] as const;
		for (const failure of failures) {
			const command = sampleCommand();
			await commandStore.create(command);
			await commandStore.finish(command.id, {status: 'failed', failure}, after(2));
			const ended: CommandRecord = {...command, status: 'failed', failure, updatedAt: after(2)};
			t.deepEqual(await commandStore.find(command.id), ended);
		}
	});

	test('commands: a message is found by its key, within its connection only', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const command = sampleCommand();
		const sameKey = sampleCommand({messageKey: command.messageKey});
		for (const each of [command, sameKey, sampleCommand({connectionId: command.connectionId})]) {
			await commandStore.create(each);
		}

		for (const each of [command, sameKey]) {
			t.deepEqual(await commandStore.findByMessageKey(each.connectionId, each.messageKey), each);
		}
		t.is(await commandStore.findByMessageKey(randomUUID(), command.messageKey), undefined);
		t.is(await commandStore.findByMessageKey(command.connectionId, 'other'), undefined);
	});

	test('commands: the key that the engine says replaces the one that was asked for, also after an unknown end', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const failure = {code: 'OUTCOME_UNKNOWN', message: 'nobody knows'} as const;
		for (const unknownFirst of [false, true]) {
			const command = sampleCommand();
			const {id, connectionId, messageKey: asked} = command;
			await commandStore.create(command);
			if (unknownFirst) await commandStore.finish(id, {status: 'unknown', failure}, after(1));
			t.is((await commandStore.findByMessageKey(connectionId, asked))?.id, id);
			const sent = {
				status: 'sent',
				messageId: 'true_15550001111@c.us_ABC',
				messageKey: 'ABC',
				sentTimestamp: 1,
			} as const;
			await commandStore.finish(id, sent, after(2));
			await commandStore.finish(id, {...sent, messageKey: 'late'}, after(3));

			const ended: CommandRecord = {...command, ...sent, updatedAt: after(2)};
			t.deepEqual(await commandStore.findByMessageKey(connectionId, 'ABC'), ended);
			t.is(await commandStore.findByMessageKey(connectionId, asked), undefined);
			await commandStore.acknowledge([receipt(command, 'read', 5), receipt(ended, 'device', 6)]);
			t.deepEqual(await commandStore.find(id), {...ended, receipts: {device: after(6)}});
		}
	});

	test('commands: of each acknowledgement the earliest time stays, in whatever order and however often they come', async (t) => {
		await using fixture = await harness.open();
		const [command, other] = [sampleCommand(), sampleCommand()];
		await createAll(fixture, [command, other]);
		const told = (['server', 'device', 'read', 'played', 'error'] as const).flatMap((level, index) =>
			[30, 10, 20].map((ms) => receipt(command, level, ms + index)),
		);
		const batches = [1, 2, 3, 4].map((seed) => shuffled([...told, ...told.slice(0, seed)], seed));
		await Promise.all(batches.map((batch, index) => storeOf(fixture, index).acknowledge(batch)));

		const {commandStore} = fixture.stores;
		const receipts = {server: after(10), device: after(11), read: after(12), played: after(13), error: after(14)};
		t.deepEqual(await commandStore.find(command.id), {...command, receipts});
		t.deepEqual(await commandStore.find(other.id), other);
		await commandStore.acknowledge([receipt(command, 'read', 11), receipt(command, 'server', 99)]);
		t.deepEqual(await commandStore.find(command.id), {...command, receipts: {...receipts, read: after(11)}});
	});

	test('commands: an acknowledgement may come before the end, which leaves it as it is', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const command = sampleCommand();
		await commandStore.create(command);
		await commandStore.acknowledge([receipt(command, 'server', 1)]);
		await commandStore.claim(command.id, 'owner', after(2));
		await commandStore.acknowledge([receipt(command, 'device', 3)]);
		const sent = {status: 'sent', messageId: `true_${command.chatId}_${command.messageKey}`, sentTimestamp: 1} as const;
		await commandStore.finish(command.id, sent, after(4));

		const receipts = {server: after(1), device: after(3)};
		const ended: CommandRecord = {...command, ...sent, owner: 'owner', receipts, updatedAt: after(4)};
		t.deepEqual(await commandStore.find(command.id), ended);
	});

	test('commands: acknowledgements of messages without a row do nothing, and keep none of the others back', async (t) => {
		await using fixture = await harness.open();
		const {commandStore} = fixture.stores;
		const command = sampleCommand();
		await commandStore.create(command);
		const foreign = [sampleCommand(), {...command, connectionId: randomUUID()}, {...command, messageKey: 'other'}];
		await commandStore.acknowledge([]);
		await commandStore.acknowledge(foreign.map((each) => receipt(each, 'read', 1)));
		t.deepEqual(await commandStore.find(command.id), command);

		const mixed = [...foreign, command, ...foreign].map((each) => receipt(each, 'device', 2));
		await commandStore.acknowledge(mixed);
		t.deepEqual(await commandStore.find(command.id), {...command, receipts: {device: after(2)}});
		for (const {connectionId, messageKey} of foreign) {
			t.is(await commandStore.findByMessageKey(connectionId, messageKey), undefined);
		}
	});
}

function receipt(
	{connectionId, messageKey}: Pick<CommandRecord, 'connectionId' | 'messageKey'>,
	level: Receipt['level'],
	ms: number,
): Receipt {
	return {connectionId, messageKey, level, at: after(ms)};
}

/** Different commands that agree in `changes`. */
function rivals(count: number, changes: Partial<CommandRecord>): readonly CommandRecord[] {
	const userId = changes.userId ?? randomUUID();
	return Array.from({length: count}, () => sampleCommand({userId, ...changes}));
}

function createAll(fixture: StoresFixture, commands: readonly CommandRecord[]): Promise<readonly CommandRecord[]> {
	return Promise.all(commands.map((command, index) => storeOf(fixture, index).create(command)));
}

function storeOf(fixture: StoresFixture, index: number) {
	return (index % 2 === 0 ? fixture.stores : fixture.others).commandStore;
}
