import type {TestFn} from 'ava';
import {after, T0} from '../support/samples.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `BillingEventStore` port promises. */
export function billingEventStoreContract(test: TestFn, harness: StoresHarness): void {
	test('billing events: what was noted is known to all processes, also when it was noted twice', async (t) => {
		await using fixture = await harness.open();
		const {billingEventStore} = fixture.stores;
		t.false(await billingEventStore.has('evt_1'));
		await Promise.all([billingEventStore.note('evt_1', T0), fixture.others.billingEventStore.note('evt_1', after(5))]);
		t.true(await billingEventStore.has('evt_1'));
		t.true(await fixture.others.billingEventStore.has('evt_1'));
		t.false(await billingEventStore.has('evt_2'));
	});

	test('billing events: they are forgotten in time', async (t) => {
		await using fixture = await harness.open();
		const {billingEventStore} = fixture.stores;
		await billingEventStore.note('evt_1', T0);
		await fixture.expireAll();
		t.false(await billingEventStore.has('evt_1'));
	});
}
