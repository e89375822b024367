import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {BillingCare} from '../../domain/billing/billing-care.ts';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import {Entitlements} from '../../domain/billing/entitlements.ts';
import {Notices} from '../../domain/billing/notices.ts';
import {Slots} from '../../domain/billing/slots.ts';
import {SubscriptionLedger} from '../../domain/billing/subscription-ledger.ts';
import type {Subscription} from '../../domain/billing/subscription.ts';
import {Suspensions} from '../../domain/billing/suspensions.ts';
import {BillingRefusedError} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleEntitlement, sampleSubscription} from '../support/samples.ts';

const DAY_MS = 24 * 60 * 60_000;

function createCare(database: SqliteDatabase, findSubscription: (customerId: string) => Promise<Subscription | null>) {
	const stores = createSqliteStores(database);
	const {entitlementStore: store, userStore: users, connectionStore: connections, slotStore} = stores;
	const [clock, log] = [new ManualClock(), new RecordingLogger()];
	const rules = {mode: 'provider', maxSlots: 100, graceMs: 0} as const;
	const entitlements = new Entitlements({store, users, rules, clock});
	const slots = new Slots({entitlements, store: slotStore, connections, clock});
	const publisher = {command: () => Promise.resolve(), event: () => Promise.resolve()};
	const care = new BillingCare({
		entitlements,
		ledger: new SubscriptionLedger({entitlements, provider: {findSubscription}, clock, log}),
		slots,
		suspensions: new Suspensions({entitlements, slots, connections, publisher, clock, log}),
		notices: new Notices({entitlements, publisher, log}),
		clock,
		log,
	});
	const subscription = sampleSubscription({asOfMs: clock.now()});
	const insert = async (customerId: string, changes: Partial<Entitlement> = {}): Promise<void> => {
		await store.save(sampleEntitlement({id: `user of ${customerId}`, customerId, subscription, ...changes}));
	};
	const tend = async (customerId: string, compareUntilMs?: number): Promise<void> => {
		const entitlement = await store.findByCustomer(customerId);
		if (entitlement !== undefined) await care.tend(entitlement, compareUntilMs);
	};
	return {clock, store, slotStore, subscription, insert, tend};
}

test('a provider that hangs holds the supervisor up once, is asked again later, and its late answer counts', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const answer = Promise.withResolvers<Subscription>();
	const asked: string[] = [];
	const {clock, store, subscription, insert, tend} = createCare(database, (customerId) => {
		asked.push(customerId);
		return answer.promise;
	});
	for (const customerId of ['cus_1', 'cus_2']) await insert(customerId);
	const waiting = tend('cus_1');
	await eventually(() => asked.length === 1);
	await Promise.all([clock.advance(5000), waiting]);
	await tend('cus_2');
	t.deepEqual(asked, ['cus_1'], 'the others are not asked for');
	t.is((await store.findByCustomer('cus_1'))?.subscription?.status, 'active', 'nobody is locked out');
	answer.resolve({...subscription, quantity: 8});
	await eventually(async () => (await store.findByCustomer('cus_1'))?.subscription?.quantity === 8);
	await clock.advance(5 * 60_000);
	await tend('cus_2');
	t.deepEqual(asked, ['cus_1', 'cus_2']);
	t.is((await store.findByCustomer('cus_2'))?.subscription?.quantity, 8);
});

test('one account that the provider refuses to tell about keeps no other one from being compared', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const {store, subscription, insert, tend} = createCare(database, (customerId) =>
		customerId === 'cus_1'
			? Promise.reject(new BillingRefusedError())
			: Promise.resolve({...subscription, quantity: 8}),
	);
	for (const customerId of ['cus_1', 'cus_2']) {
		await insert(customerId);
		await tend(customerId);
	}
	t.is((await store.findByCustomer('cus_1'))?.subscription?.quantity, subscription.quantity);
	t.is((await store.findByCustomer('cus_2'))?.subscription?.quantity, 8);
});

test('whoever may be paying for a first subscription is compared each time, for a day, until he has one', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const asked: string[] = [];
	let atProvider: Subscription | null = null;
	const {clock, store, subscription, insert, tend} = createCare(database, (customerId) => {
		asked.push(customerId);
		return Promise.resolve(atProvider);
	});
	const now = new Date(clock.now());
	await insert('cus_1', {subscription: null, checkedAt: now, checkoutAt: now});
	await insert('cus_2', {subscription: null, checkedAt: now});
	const lookAtAll = async (): Promise<readonly string[]> => {
		asked.length = 0;
		for (const customerId of ['cus_1', 'cus_2']) await tend(customerId);
		return [...asked];
	};
	for (let round = 0; round < 3; round++) {
		t.deepEqual(await lookAtAll(), ['cus_1']);
		await clock.advance(10 * 60_000);
	}
	atProvider = {...subscription, status: 'canceled'};
	t.deepEqual(await lookAtAll(), ['cus_1']);
	t.deepEqual(await lookAtAll(), ['cus_1'], 'one that is over is none');
	atProvider = subscription;
	t.deepEqual(await lookAtAll(), ['cus_1']);
	t.is((await store.findByCustomer('cus_1'))?.subscription?.status, 'active');
	t.deepEqual(await lookAtAll(), [], 'paid');
	await insert('cus_3', {subscription: null, checkedAt: new Date(clock.now()), checkoutAt: now});
	await clock.advance(DAY_MS - (clock.now() - now.getTime()) - 1);
	await tend('cus_3');
	await clock.advance(1);
	await tend('cus_3');
	t.deepEqual(asked, ['cus_3'], 'after a day nobody can pay any more');
});

test('once the time for comparisons is over, everything else is seen to all the same', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	let asked = 0;
	const {clock, store, slotStore, subscription, insert, tend} = createCare(database, () => {
		asked++;
		return Promise.resolve(subscription);
	});
	await insert('cus_1', {holders: [{id: 'never came to be', takenAtMs: clock.now() - DAY_MS}]});
	await tend('cus_1', clock.now());
	t.is(asked, 0);
	t.deepEqual((await store.findByCustomer('cus_1'))?.holders, []);
	await slotStore.add('user of cus_1', [{id: 'on its way', takenAtMs: clock.now()}]);
	await tend('cus_1', clock.now() + 1);
	t.is(asked, 1);
});
