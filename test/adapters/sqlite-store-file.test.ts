import {join} from 'node:path';
import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteHealthCheck} from '../../adapters/sqlite/sqlite-health-check.ts';
import {SqliteRetention} from '../../adapters/sqlite/sqlite-retention.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {
	after,
	sampleCommand,
	sampleConnection,
	sampleEntitlement,
	sampleEvent,
	sampleOutcome,
	sampleToken,
	sampleUser,
	sampleWebhook,
	T0,
} from '../support/samples.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

function openDatabase(path = ':memory:'): SqliteDatabase {
	return new SqliteDatabase({path, migrations: STORE_MIGRATIONS});
}

test('what was stored is there after the file was closed and opened again', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'store.db');
	const connection = sampleConnection();
	const [first, second] = [sampleEvent(), sampleEvent()];
	{
		await using database = openDatabase(path);
		const {connectionStore, eventStore} = createSqliteStores(database);
		await connectionStore.insert(connection);
		await eventStore.append([first]);
	}

	await using database = openDatabase(path);
	const {connectionStore, eventStore} = createSqliteStores(database);
	await eventStore.append([first, {...second, userId: first.userId}]);
	t.deepEqual(await connectionStore.find(connection.id), connection);
	t.is((await eventStore.find(first.id))?.seq, 1);
	t.is((await eventStore.find(second.id))?.seq, 2);
});

test('a file from before acknowledgements and restricted tokens is brought up to date with what is in it', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'store.db');
	const [token, command] = [sampleToken(), sampleCommand()];
	{
		await using database = new SqliteDatabase({path, migrations: STORE_MIGRATIONS.slice(0, 1)});
		await database.write(() => {
			const {id, userId, name, hash, prefix, createdAt} = token;
			database
				.prepare(
					`INSERT INTO tokens (id, userId, name, hash, prefix, active, createdAt) VALUES (?, ?, ?, ?, ?, true, ?)`,
				)
				.run(id, userId, name, hash, prefix, createdAt.getTime());
		});
		await database.write(() => {
			const {id, userId, connectionId, kind, chatId, status, bodyHash, createdAt, updatedAt} = command;
			database
				.prepare(
					`INSERT INTO commands (id, userId, connectionId, kind, chatId, status, bodyHash, createdAt, updatedAt)
					VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				)
				.run(id, userId, connectionId, kind, chatId, status, bodyHash, createdAt.getTime(), updatedAt.getTime());
		});
	}

	await using database = openDatabase(path);
	const {tokenStore, commandStore} = createSqliteStores(database);
	t.deepEqual(await tokenStore.find(token.id), token);
	t.deepEqual(await commandStore.find(command.id), command);
});

test('a file from before webhooks had options is brought up to date with what is in it', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'store.db');
	const webhook = sampleWebhook();
	{
		await using database = new SqliteDatabase({path, migrations: STORE_MIGRATIONS.slice(0, 2)});
		await database.write(() => {
			const {id, userId, connectionId, url, events, sealedSecret, createdAt, updatedAt} = webhook;
			database
				.prepare(
					`INSERT INTO webhooks (id, userId, connectionId, url, events, sealedSecret, active, createdAt, updatedAt)
					VALUES (?, ?, ?, ?, ?, ?, true, ?, ?)`,
				)
				.run(
					id,
					userId,
					connectionId,
					url,
					JSON.stringify(events),
					sealedSecret,
					createdAt.getTime(),
					updatedAt.getTime(),
				);
		});
	}

	await using database = openDatabase(path);
	t.deepEqual(await createSqliteStores(database).webhookStore.find(webhook.id), webhook);
});

test('a file from before entitlements knew checkouts and who was told is brought up to date with what is in it', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'store.db');
	const entitlement = sampleEntitlement({customerId: 'cus_1'});
	{
		const before = STORE_MIGRATIONS.findIndex((sql) => sql.includes('toldSuspended'));
		await using database = new SqliteDatabase({path, migrations: STORE_MIGRATIONS.slice(0, before)});
		await database.write(() => {
			const {id, customerId, createdAt, updatedAt} = entitlement;
			database
				.prepare(
					`INSERT INTO entitlements (id, customerId, notices, holders, version, createdAt, updatedAt)
					VALUES (?, ?, '[]', '[]', 1, ?, ?)`,
				)
				.run(id, customerId, createdAt.getTime(), updatedAt.getTime());
		});
	}

	await using database = openDatabase(path);
	const {entitlementStore} = createSqliteStores(database);
	t.deepEqual(await entitlementStore.find(entitlement.id), {...entitlement, version: 1});
});

test('a sweep deletes what is older, and nothing else', async (t) => {
	await using database = openDatabase();
	const stores = createSqliteStores(database);
	const letter = (id: string, at: Date) => ({id, queue: 'q', reason: 'r', headers: {}, body: '', at});
	const [oldEvent, newEvent] = [sampleEvent({receivedAtMs: after(-1).getTime()}), sampleEvent()];
	const [oldOutcome, newOutcome] = [sampleOutcome({atMs: after(-1).getTime()}), sampleOutcome()];
	const [oldCommand, newCommand] = [sampleCommand({createdAt: after(-1)}), sampleCommand()];
	const user = sampleUser({createdAt: after(-1)});
	const connection = sampleConnection({createdAt: after(-1)});
	await stores.userStore.insert(user);
	await stores.connectionStore.insert(connection);
	await stores.eventStore.append([oldEvent, newEvent]);
	await stores.deliveryStore.record([oldOutcome, newOutcome]);
	for (const command of [oldCommand, newCommand]) await stores.commandStore.create(command);
	for (const [id, at] of [
		['old', after(-1)],
		['new', T0],
	] as const)
		await stores.deadLetterStore.insert(letter(id, at));

	const retention = new SqliteRetention({database});
	t.is(await retention.sweep(T0), 5);
	t.is(await retention.sweep(T0), 0);
	t.deepEqual(await stores.eventStore.findMany([oldEvent.id, newEvent.id]), [{...newEvent, seq: 1}]);
	t.is(await stores.deliveryStore.find(oldOutcome.deliveryId), undefined);
	t.deepEqual(await stores.deliveryStore.listAttempts(oldOutcome.deliveryId), []);
	t.not(await stores.deliveryStore.find(newOutcome.deliveryId), undefined);
	t.deepEqual(await stores.deliveryStore.listAttempts(newOutcome.deliveryId), [newOutcome]);
	t.is(await stores.commandStore.find(oldCommand.id), undefined);
	t.deepEqual(await stores.commandStore.find(newCommand.id), newCommand);
	t.deepEqual(await stores.deadLetterStore.list(10), [letter('new', T0)]);
	t.deepEqual(await stores.userStore.find(user.id), user);
	t.deepEqual(await stores.connectionStore.find(connection.id), connection);
});

test('a large sweep lets other writes through in between', async (t) => {
	await using database = openDatabase();
	const {eventStore, userStore} = createSqliteStores(database);
	await eventStore.append(Array.from({length: 2600}, () => sampleEvent()));
	let swept = false;
	const sweep = new SqliteRetention({database}).sweep(after(1000)).then((rows) => {
		swept = true;
		return rows;
	});
	await userStore.insert(sampleUser());

	t.false(swept);
	t.is(await sweep, 2600);
});

test('a full disk is told as such, undoes only what did not fit, and is survived', async (t) => {
	await using database = openDatabase();
	const {eventStore, userStore} = createSqliteStores(database);
	const user = sampleUser();
	await userStore.insert(user);
	const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
	const limit = (count: number) => database.prepare(`PRAGMA max_page_count=${count}`).get();
	limit(pages + 10);
	const large = sampleEvent({body: 'x'.repeat(1_000_000)});
	await t.throwsAsync(eventStore.append([large]), {instanceOf: StoreUnavailableError});
	t.is(await eventStore.find(large.id), undefined);
	t.is(await eventStore.lastSeq(large.userId), 0);
	t.deepEqual(await userStore.find(user.id), user);

	limit(pages + 10_000);
	await eventStore.append([large]);
	t.is((await eventStore.find(large.id))?.seq, 1);
});

test('the health check answers while the file is open', async (t) => {
	const database = openDatabase();
	const health = new SqliteHealthCheck({database});
	t.is(health.dependency, 'store');
	await t.notThrowsAsync(health.check(AbortSignal.timeout(1000)));
	await t.throwsAsync(health.check(AbortSignal.abort()));

	await database[Symbol.asyncDispose]();
	await t.throwsAsync(health.check(AbortSignal.timeout(1000)), {instanceOf: StoreUnavailableError});
});
