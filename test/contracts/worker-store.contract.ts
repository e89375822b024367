import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `WorkerStore` port promises. */
export function workerStoreContract(test: TestFn, harness: StoresHarness): void {
	test('workers: 100 takers of 10 places from two processes: exactly 10 get one', async (t) => {
		await using fixture = await harness.open();
		const takers = Array.from({length: 100}, () => randomUUID());
		const taken = await Promise.all(
			takers.map((connectionId, index) => {
				const {workerStore} = index % 2 === 0 ? fixture.stores : fixture.others;
				return workerStore.takePlace('worker-1', connectionId, 10);
			}),
		);

		t.is(taken.filter(Boolean).length, 10);
		t.is(await fixture.stores.workerStore.countPlaces('worker-1'), 10);
		for (const [index, connectionId] of takers.entries()) {
			t.is(await fixture.stores.workerStore.takePlace('worker-1', connectionId, 10), taken[index] ?? false);
		}
		t.is(await fixture.stores.workerStore.countPlaces('worker-1'), 10);
	});

	test('workers: taking a place twice takes one', async (t) => {
		await using fixture = await harness.open();
		const {workerStore} = fixture.stores;
		const taken = await Promise.all([1, 2, 3].map(() => workerStore.takePlace('worker-1', 'connection-1', 5)));

		t.deepEqual(taken, [true, true, true]);
		t.is(await workerStore.countPlaces('worker-1'), 1);
		t.is(await workerStore.countPlaces('worker-2'), 0);
	});

	test('workers: a released place is free for another, and releasing what is not held does nothing', async (t) => {
		await using fixture = await harness.open();
		const {workerStore} = fixture.stores;
		t.true(await workerStore.takePlace('worker-1', 'connection-1', 1));
		t.false(await workerStore.takePlace('worker-1', 'connection-2', 1));
		await workerStore.releasePlace('worker-1', 'connection-2');
		await workerStore.releasePlace('worker-2', 'connection-1');
		t.false(await workerStore.takePlace('worker-1', 'connection-2', 1));

		await workerStore.releasePlace('worker-1', 'connection-1');
		t.true(await workerStore.takePlace('worker-1', 'connection-2', 1));
		t.is(await workerStore.countPlaces('worker-1'), 1);
	});

	test('workers: a smaller capacity throws nobody out and lets nobody in', async (t) => {
		await using fixture = await harness.open();
		const {workerStore} = fixture.stores;
		for (const id of ['a', 'b', 'c']) await workerStore.takePlace('worker-1', id, 3);

		t.false(await workerStore.takePlace('worker-1', 'd', 2));
		t.false(await workerStore.takePlace('worker-1', 'd', 0));
		t.true(await workerStore.takePlace('worker-1', 'a', 0));
		t.is(await workerStore.countPlaces('worker-1'), 3);
		t.true(await workerStore.takePlace('worker-1', 'd', 4));
	});
}
