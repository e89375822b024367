import type {TestFn} from 'ava';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `LeaseStore` port promises. */
export function leaseStoreContract(test: TestFn, harness: StoresHarness): void {
	test('leases: one holder at a time; it renews under the same token', async (t) => {
		await using fixture = await harness.open();
		const {leaseStore} = fixture.stores;
		const rival = fixture.others.leaseStore;
		const token = await leaseStore.acquire('supervisor', 'a', 1000, 0);

		t.is(token, 1);
		t.is(await rival.acquire('supervisor', 'b', 1000, 999), undefined);
		t.is(await leaseStore.acquire('supervisor', 'a', 1000, 900), token);
		t.is(await rival.acquire('supervisor', 'b', 1000, 1899), undefined);
		t.is(await rival.acquire('other', 'b', 1000, 1899), 1);
	});

	test('leases: one that ran out passes to the next holder with a higher token', async (t) => {
		await using fixture = await harness.open();
		const {leaseStore} = fixture.stores;
		await leaseStore.acquire('supervisor', 'a', 1000, 0);

		t.is(await fixture.others.leaseStore.acquire('supervisor', 'b', 1000, 1000), 2);
		t.is(await leaseStore.acquire('supervisor', 'a', 1000, 1001), undefined);
		t.is(await leaseStore.acquire('supervisor', 'a', 1000, 2000), 3);
	});

	test('leases: a holder whose lease ran out unnoticed goes on under its token', async (t) => {
		await using fixture = await harness.open();
		const {leaseStore} = fixture.stores;
		await leaseStore.acquire('supervisor', 'a', 1000, 0);

		t.is(await leaseStore.acquire('supervisor', 'a', 1000, 5000), 1);
		t.is(await leaseStore.acquire('supervisor', 'b', 1000, 5999), undefined);
	});

	test('leases: a release lets others in at once, with a higher token; nobody else can release', async (t) => {
		await using fixture = await harness.open();
		const {leaseStore} = fixture.stores;
		await leaseStore.acquire('supervisor', 'a', 1000, 0);
		await leaseStore.release('supervisor', 'b');
		await leaseStore.release('unknown', 'a');
		t.is(await leaseStore.acquire('supervisor', 'b', 1000, 1), undefined);

		await leaseStore.release('supervisor', 'a');
		t.is(await leaseStore.acquire('supervisor', 'b', 1000, 1), 2);
		await leaseStore.release('supervisor', 'b');
		t.is(await leaseStore.acquire('supervisor', 'b', 1000, 2), 3);
	});

	test('leases: of 20 rivals one gets it, and one gets it when it ran out', async (t) => {
		await using fixture = await harness.open();
		const race = (nowMs: number) =>
			Promise.all(
				Array.from({length: 20}, (_, index) => {
					const {leaseStore} = index % 2 === 0 ? fixture.stores : fixture.others;
					return leaseStore.acquire('supervisor', `rival-${nowMs}-${index}`, 1000, nowMs);
				}),
			);

		t.deepEqual(
			(await race(0)).filter((token) => token !== undefined),
			[1],
		);
		t.deepEqual(
			(await race(1000)).filter((token) => token !== undefined),
			[2],
		);
	});
}
