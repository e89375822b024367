import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {sampleEntitlement, sampleSubscription, sampleUser} from '../support/samples.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

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

async function withStores<T>(folder: string, work: (stores: Stores) => Promise<T>): Promise<T> {
	await using database = new SqliteDatabase({path: join(folder, 'store.db'), migrations: STORE_MIGRATIONS});
	return await work(createSqliteStores(database));
}

test('npm run billing:reconcile repairs what events that were lost left wrong, and says how much that was', async (t) => {
	await using folder = await createTemporaryFolder();
	await using stripe = await FakeStripe.start();
	const users = [sampleUser(), sampleUser(), sampleUser()];
	for (const [index, quantity] of [3, 5].entries()) {
		stripe.account.customers.set(`cus_${index}`, {id: `cus_${index}`, metadata: {}});
		stripe.account.subscribe({customer: `cus_${index}`, price: 'price_usd', quantity});
	}
	const [right] = [...stripe.account.subscriptions.values()];
	await withStores(folder.path, async ({userStore, entitlementStore}) => {
		for (const user of users) await userStore.insert(user);
		const [first, second, third] = users.map(({id}) => id);
		const known = sampleSubscription({id: right?.id ?? '', customerId: 'cus_0', quantity: 3});
		await entitlementStore.save(sampleEntitlement({id: first ?? '', customerId: 'cus_0', subscription: known}));
		await entitlementStore.save(sampleEntitlement({id: second ?? '', customerId: 'cus_1'}));
		const lost = sampleSubscription({customerId: 'cus_gone'});
		await entitlementStore.save(sampleEntitlement({id: third ?? '', customerId: 'cus_gone', subscription: lost}));
	});
	const env = {...stripe.env, DATA_DIR: folder.path};
	const first = await run(env);
	t.is(first.code, 0, first.output);
	t.regex(first.output, /1 accounts were right, 2 were repaired, 0 could not be compared/);
	await withStores(folder.path, async ({entitlementStore}) => {
		const stored = await entitlementStore.findMany(users.map(({id}) => id));
		const quantities = users.map(({id}) => {
			const {subscription} = stored.find((each) => each.id === id) ?? {};
			return [subscription?.status, subscription?.quantity];
		});
		t.deepEqual(quantities, [
			['active', 3],
			['active', 5],
			['canceled', 3],
		]);
	});
	stripe.mode = 'erring';
	const second = await run(env);
	t.is(second.code, 1);
	t.regex(second.output, /0 accounts were right, 0 were repaired, 3 could not be compared/);
});

test('without anything to compare with it says what to set', async (t) => {
	await using folder = await createTemporaryFolder();
	const {code, output} = await run({DATA_DIR: folder.path});
	t.is(code, 1);
	t.regex(output, /set STRIPE_SECRET_KEY and its prices/);
});
