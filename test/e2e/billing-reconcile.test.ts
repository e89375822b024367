import {execFile} from 'node:child_process';
import {randomBytes, randomUUID} from 'node:crypto';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {createMongoStores} from '../../adapters/mongo/mongo-stores.ts';
import {openMongo} from '../../adapters/mongo/open-mongo.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {createTopology} from '../../config/topology.ts';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {createMongoTestDatabase} from '../support/mongo-stores-harness.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {sampleEntitlement, sampleSubscription, sampleUser} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const {urls, test: onServices} = await requireServices('rabbitmq', 'mongodb', 'redis');

const SCRIPT = join(import.meta.dirname, '../../ops/reconcile-billing.ts');

async function run(env: Readonly<Record<string, string>>): Promise<{code: number; output: string}> {
	const args = ['--disable-warning=ExperimentalWarning', SCRIPT];
	try {
		const {stdout, stderr} = await promisify(execFile)(process.execPath, args, {
			env: {PATH: process.env['PATH'] ?? '', ...env},
		});
		return {code: 0, output: stdout + stderr};
	} catch (error) {
		const {code, stdout, stderr} = error as {code: number; stdout: string; stderr: string};
		return {code, output: stdout + stderr};
	}
}

/** What the script is to find at Stripe, and to make of what we know. */
async function reconciles(
	t: ExecutionContext,
	env: Readonly<Record<string, string>>,
	withStores: <T>(work: (stores: Stores) => Promise<T>) => Promise<T>,
): Promise<void> {
	await using stripe = await FakeStripe.start();
	const {account} = stripe;
	const users = [sampleUser(), sampleUser(), sampleUser(), sampleUser()] as const;
	const [, , , stranger] = users;
	for (const [index, quantity] of [3, 5, 2].entries()) {
		account.customers.set(`cus_${index}`, {id: `cus_${index}`, metadata: {}});
		account.subscribe({customer: `cus_${index}`, price: 'price_usd', quantity});
	}
	const subscriptions = [...account.subscriptions.keys()];
	account.deleteCustomer('cus_2');
	const known = (index: number, quantity: number): Partial<Entitlement> => ({
		customerId: `cus_${index}`,
		subscription: sampleSubscription({id: subscriptions[index] ?? 'sub_x', customerId: `cus_${index}`, quantity}),
	});
	await withStores(async ({userStore, entitlementStore}) => {
		const changes = [known(0, 3), {customerId: 'cus_1'}, known(2, 2), known(3, 4)];
		for (const [index, user] of users.entries()) {
			await userStore.insert(user);
			await entitlementStore.save(sampleEntitlement({id: user.id, ...changes[index]}));
		}
	});
	const first = await run({...stripe.env, ...env});
	t.is(first.code, 1, first.output);
	t.regex(first.output, /1 accounts were right, 2 were repaired, 1 could not be compared/);
	const stateOf = ({entitlementStore}: Stores): Promise<readonly (readonly unknown[])[]> =>
		Promise.all(
			users.map(async ({id}) => {
				const {subscription} = (await entitlementStore.find(id)) ?? {};
				return [subscription?.status, subscription?.quantity];
			}),
		);
	const expected = [
		['active', 3],
		['active', 5],
		['canceled', 2],
		// Whom these keys do not know is another account's, and may well have paid there.
		['active', 4],
	];
	t.deepEqual(await withStores(stateOf), expected);

	account.customers.set('cus_3', {id: 'cus_3', metadata: {}});
	const second = await run({...stripe.env, ...env});
	t.is(second.code, 0, second.output);
	t.regex(second.output, /3 accounts were right, 1 were repaired, 0 could not be compared/);
	t.is(
		(await withStores(({entitlementStore}) => entitlementStore.find(stranger.id)))?.subscription?.status,
		'canceled',
	);

	stripe.mode = 'erring';
	const third = await run({...stripe.env, ...env});
	t.is(third.code, 1);
	t.regex(third.output, /0 accounts were right, 0 were repaired, 4 could not be compared/);
}

test('npm run billing:reconcile repairs what events that were lost left wrong, and says how much that was', async (t) => {
	await using folder = await createTemporaryFolder();
	await reconciles(t, {DATA_DIR: folder.path}, async (work) => {
		await using database = new SqliteDatabase({path: join(folder.path, 'store.db'), migrations: STORE_MIGRATIONS});
		return await work(createSqliteStores(database));
	});
});

onServices('it does so beside a deployment on MongoDB', async (t) => {
	await using folder = await createTemporaryFolder();
	await using resources = new AsyncDisposableStack();
	const mongo = resources.use(await createMongoTestDatabase(urls.mongodb));
	const namespace = `reconcile-${randomUUID().slice(0, 8)}`;
	resources.defer(() => removeTopology(urls.rabbitmq, createTopology(namespace)));
	const env = {
		DATA_DIR: folder.path,
		AMQP_URL: urls.rabbitmq,
		MONGODB_URL: mongo.url,
		REDIS_URL: urls.redis,
		NAMESPACE: namespace,
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
		INGESTION_SECRET: randomBytes(32).toString('hex'),
	};
	await reconciles(t, env, async (work) => {
		await using database = await openMongo(mongo);
		return await work(createMongoStores(database));
	});
});

test('without anything to compare with it says what to set', async (t) => {
	await using folder = await createTemporaryFolder();
	const {code, output} = await run({DATA_DIR: folder.path});
	t.is(code, 1);
	t.regex(output, /set STRIPE_SECRET_KEY and its prices/);
});
