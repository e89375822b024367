import embeddedTest, {type ExecutionContext} from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {checkEncryptionKey} from '../../domain/encryption-key-check.ts';
import {SetupError} from '../../domain/errors.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {SecretBox} from '../../domain/secret-box.ts';
import type {StoresHarness} from '../contracts/stores-harness.ts';
import {MongoStoresHarness} from '../support/mongo-stores-harness.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleWebhook} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';

const {test: servicesTest, urls} = await requireServices('mongodb');

const [RIGHT, OTHER] = [new SecretBox('a key of sixteen characters'), new SecretBox('another key of some length')];

function check(
	{markStore: marks, webhookStore: webhooks}: Stores,
	secretBox: SecretBox,
	{isLost = false, log = new RecordingLogger()} = {},
): Promise<void> {
	return checkEncryptionKey({marks, webhooks, secretBox, isLost, log});
}

async function refuses(t: ExecutionContext, checking: Promise<void>): Promise<void> {
	const {message} = await t.throwsAsync(checking, {instanceOf: SetupError});
	t.regex(message, /^ENCRYPTION_KEY is not the one this store was written with: .*ENCRYPTION_KEY_LOST=yes/);
	t.notRegex(message, /\n/);
}

for (const [name, test, harness] of [
	['embedded', embeddedTest, embedded()],
	['MongoDB', servicesTest, new MongoStoresHarness(urls.mongodb)],
] as const) {
	test(`${name}: a new store has the key of its first start from then on`, async (t) => {
		await using fixture = await harness.open();
		await check(fixture.stores, RIGHT);
		await check(fixture.others, RIGHT);
		await refuses(t, check(fixture.others, OTHER));
		await check(fixture.stores, RIGHT);
	});

	test(`${name}: of two keys at a first start one wins, and its processes all start`, async (t) => {
		await using fixture = await harness.open();
		const boxes = [RIGHT, OTHER, RIGHT, OTHER];
		const settled = await Promise.allSettled(
			boxes.map((box, index) => check(index < 2 ? fixture.stores : fixture.others, box)),
		);
		const started = settled.map(({status}) => status === 'fulfilled');
		t.deepEqual([started[0], started[1]], [started[2], started[3]]);
		t.not(started[0], started[1]);
	});

	test(`${name}: a store from before this check is known by what it holds`, async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		await webhookStore.insert(sampleWebhook({sealedSecret: OTHER.seal('of an even older key')}));
		await refuses(t, check(fixture.stores, RIGHT));
		await webhookStore.insert(sampleWebhook({sealedSecret: RIGHT.seal('secret')}));
		await check(fixture.stores, RIGHT);
		await refuses(t, check(fixture.stores, OTHER));
	});

	test(`${name}: a key that is lost is replaced, and only then`, async (t) => {
		await using fixture = await harness.open();
		await fixture.stores.webhookStore.insert(sampleWebhook({sealedSecret: RIGHT.seal('secret')}));
		await check(fixture.stores, RIGHT);
		const log = new RecordingLogger();
		await check(fixture.stores, RIGHT, {isLost: true, log});
		t.deepEqual(log.of('encryption.key.replaced'), [], 'it was not lost');
		await check(fixture.stores, OTHER, {isLost: true, log});
		t.is(log.of('encryption.key.replaced').length, 1);
		await check(fixture.others, OTHER);
		await refuses(t, check(fixture.others, RIGHT));
	});
}

function embedded(): StoresHarness {
	return {
		open: () => {
			const database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
			return Promise.resolve({
				stores: createSqliteStores(database),
				others: createSqliteStores(database),
				expireAll: () => Promise.resolve(),
				[Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
			});
		},
	};
}
