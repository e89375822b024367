import test from 'ava';
import {StripeBillingProvider} from '../../adapters/stripe/stripe-billing-provider.ts';
import {createStripeClient} from '../../adapters/stripe/stripe-client.ts';
import {Billing} from '../../domain/billing/billing.ts';
import {Entitlements} from '../../domain/billing/entitlements.ts';
import {SubscriptionLedger} from '../../domain/billing/subscription-ledger.ts';
import {BillingUnavailableError} from '../../domain/errors.ts';
import type {BillingProvider, QuantityChange} from '../../domain/ports/billing-provider.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {eventually} from '../support/eventually.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleEntitlement, sampleSubscription, sampleUser} from '../support/samples.ts';

test('a charge that takes too long is answered in time, and known once it is through', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const {entitlementStore, userStore, connectionStore} = createSqliteStores(database);
	const [clock, log, user] = [new ManualClock(), new RecordingLogger(), sampleUser()];
	const subscription = sampleSubscription({asOfMs: clock.now()});
	await entitlementStore.save(sampleEntitlement({id: user.id, customerId: 'cus_1', subscription}));
	const charge = Promise.withResolvers<QuantityChange>();
	let charges = 0;
	const provider = {
		currencies: ['usd'],
		findSubscription: () => Promise.resolve(subscription),
		changeQuantity: () => {
			charges++;
			return charge.promise;
		},
	} as unknown as BillingProvider;
	const rules = {mode: 'provider', maxSlots: 100, graceMs: 0} as const;
	const entitlements = new Entitlements({store: entitlementStore, users: userStore, rules, clock});
	const billing = new Billing({
		backend: {
			provider,
			ledger: new SubscriptionLedger({entitlements, provider, clock, log}),
			frontendUrl: 'https://dashboard.example',
		},
		entitlements,
		connections: connectionStore,
		care: {follow: () => Promise.resolve()},
		clock,
	});
	const answer = billing.setSlots(user, 9);
	await eventually(() => charges === 1);
	await Promise.all([clock.advance(25_000), t.throwsAsync(answer, {instanceOf: BillingUnavailableError})]);
	t.is(clock.timers, 0);
	t.is((await entitlementStore.find(user.id))?.subscription?.quantity, 3, 'nothing is granted before it is paid for');
	charge.resolve({subscription: {...subscription, quantity: 9, asOfMs: clock.now()}, proratedAmount: 500});
	await eventually(async () => (await entitlementStore.find(user.id))?.subscription?.quantity === 9);
});

test('two changes at once, whose answers come within a second and in the wrong order: the last change counts', async (t) => {
	await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const {entitlementStore, userStore, connectionStore} = createSqliteStores(database);
	const [clock, log, user] = [new ManualClock(), new RecordingLogger(), sampleUser()];
	let atProvider = sampleSubscription({asOfMs: clock.now()});
	await entitlementStore.save(sampleEntitlement({id: user.id, customerId: 'cus_1', subscription: atProvider}));
	const answers: PromiseWithResolvers<QuantityChange>[] = [];
	const provider = {
		currencies: ['usd'],
		findSubscription: () => Promise.resolve(atProvider),
		changeQuantity: () => {
			const answer = Promise.withResolvers<QuantityChange>();
			answers.push(answer);
			return answer.promise;
		},
	} as unknown as BillingProvider;
	const rules = {mode: 'provider', maxSlots: 100, graceMs: 0} as const;
	const entitlements = new Entitlements({store: entitlementStore, users: userStore, rules, clock});
	const billing = new Billing({
		backend: {
			provider,
			ledger: new SubscriptionLedger({entitlements, provider, clock, log}),
			frontendUrl: 'https://dashboard.example',
		},
		entitlements,
		connections: connectionStore,
		care: {follow: () => Promise.resolve()},
		clock,
	});
	const calls = [billing.setSlots(user, 9), billing.setSlots(user, 4)];
	await eventually(() => answers.length === 2);
	const many = {...atProvider, quantity: 9};
	atProvider = {...atProvider, quantity: 4};
	answers[1]?.resolve({subscription: atProvider, proratedAmount: 50});
	await calls[1];
	answers[0]?.resolve({subscription: many, proratedAmount: 500});
	await calls[0];
	t.is((await entitlementStore.find(user.id))?.subscription?.quantity, 4, 'nothing is granted that is not paid for');
});

for (const page of ['checkout', 'portal'] as const) {
	test(`a first purchase (${page}) that failed at Stripe can be tried again, and makes one customer`, async (t) => {
		await using database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
		await using stripe = await FakeStripe.start();
		const {entitlementStore, userStore, connectionStore} = createSqliteStores(database);
		const [clock, log, user] = [new ManualClock(), new RecordingLogger(), sampleUser()];
		const provider = new StripeBillingProvider({
			stripe: createStripeClient({secretKey: 'sk_test', apiUrl: stripe.url}),
			prices: {usd: 'price_usd'},
			clock,
		});
		const rules = {mode: 'provider', maxSlots: 100, graceMs: 0} as const;
		const entitlements = new Entitlements({store: entitlementStore, users: userStore, rules, clock});
		const billing = new Billing({
			backend: {
				provider,
				ledger: new SubscriptionLedger({entitlements, provider, clock, log}),
				frontendUrl: 'https://dashboard.example',
			},
			entitlements,
			connections: connectionStore,
			care: {follow: () => Promise.resolve()},
			clock,
		});
		const open = (): Promise<string> => (page === 'portal' ? billing.portal(user) : billing.checkout(user, 2, 'usd'));
		stripe.mode = 'erring';
		const error = await t.throwsAsync(open(), {instanceOf: BillingUnavailableError});
		stripe.mode = 'working';
		await clock.advance(error.retryAfterMs);
		t.regex(await open(), /^https:/);
		t.is(stripe.account.customers.size, 1);
		const stored = await entitlementStore.find(user.id);
		t.is(stored?.customerId, [...stripe.account.customers.keys()][0] ?? '');
		t.deepEqual(stored?.checkoutAt, page === 'checkout' ? new Date(clock.now()) : null);
	});
}
