import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import {after, sampleEntitlement, sampleSubscription, T0} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';
import {allPages, byAge} from './all-pages.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `EntitlementStore` port promises. */
export function entitlementStoreContract(test: TestFn, harness: StoresHarness): void {
	test('entitlements: one is found by user and by customer as it was saved, under the next version', async (t) => {
		await using fixture = await harness.open();
		const {entitlementStore} = fixture.stores;
		const bare = sampleEntitlement();
		const full = sampleEntitlement({
			customerId: 'cus_1',
			subscription: sampleSubscription({currentPeriodEndMs: null}),
			grantedSlots: 0,
			graceSince: after(5),
			checkedAt: after(6),
			checkoutAt: after(7),
			notices: [{event: 'billing.past_due', atMs: T0.getTime(), payload: {slots: 3, graceEndsAt: null}}],
			toldSuspended: [randomUUID(), randomUUID()],
			holders: [{id: randomUUID(), takenAtMs: T0.getTime()}],
		});
		for (const entitlement of [bare, full]) {
			t.true(await entitlementStore.save(entitlement));
			t.deepEqual(await entitlementStore.find(entitlement.id), {...entitlement, version: 1});
		}
		t.deepEqual(await entitlementStore.findByCustomer('cus_1'), {...full, version: 1});
		t.is(await entitlementStore.findByCustomer('cus_2'), undefined);
		t.is(await entitlementStore.find(randomUUID()), undefined);
		const many = await entitlementStore.findMany([full.id, randomUUID(), bare.id]);
		t.deepEqual(many.map(({id}) => id).toSorted(), [bare.id, full.id].toSorted());
		t.deepEqual(await entitlementStore.findMany([]), []);
	});

	test('entitlements: of 20 who save over one version from two processes, exactly one does', async (t) => {
		await using fixture = await harness.open();
		const entitlement = sampleEntitlement();
		for (const version of [0, 1, 2]) {
			const saved = await Promise.all(
				Array.from({length: 20}, (_, index) => {
					const {entitlementStore} = index % 2 === 0 ? fixture.stores : fixture.others;
					return entitlementStore.save({...entitlement, version, grantedSlots: 100 * version + index});
				}),
			);
			t.is(saved.filter(Boolean).length, 1);
			const stored = await fixture.stores.entitlementStore.find(entitlement.id);
			t.like(stored, {version: version + 1, grantedSlots: 100 * version + saved.indexOf(true)});
		}
		t.false(await fixture.stores.entitlementStore.save({...entitlement, version: 7}), 'a version that never was');
	});

	test('entitlements: saving leaves the holders and the first moment as they are', async (t) => {
		await using fixture = await harness.open();
		const {entitlementStore, slotStore} = fixture.stores;
		const entitlement = sampleEntitlement();
		await entitlementStore.save(entitlement);
		const holder = {id: randomUUID(), takenAtMs: T0.getTime()};
		t.is(await slotStore.take({...entitlement, version: 1}, holder, 1), 'taken');
		t.true(await entitlementStore.save({...entitlement, version: 1, customerId: 'cus_9', createdAt: after(9)}));
		t.true(await entitlementStore.save({...entitlement, version: 2, checkoutAt: after(1), toldSuspended: ['x']}));
		t.deepEqual(await entitlementStore.find(entitlement.id), {
			...entitlement,
			version: 3,
			checkoutAt: after(1),
			toldSuspended: ['x'],
			holders: [holder],
		});
	});

	test('entitlements: pages follow (createdAt, id) without gaps or repeats', async (t) => {
		await using fixture = await harness.open();
		const {entitlementStore} = fixture.stores;
		const entitlements = Array.from({length: 10}, (_, index) =>
			sampleEntitlement({createdAt: after(Math.floor(index / 4))}),
		);
		for (const entitlement of shuffled(entitlements, 3)) await entitlementStore.save(entitlement);
		const expected = entitlements.map((entitlement) => ({...entitlement, version: 1})).toSorted(byAge);
		t.deepEqual(await allPages<Entitlement>(3, (page) => entitlementStore.list(page)), expected);
	});
}
