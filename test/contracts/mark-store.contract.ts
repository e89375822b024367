import type {TestFn} from 'ava';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `MarkStore` port promises. */
export function markStoreContract(test: TestFn, harness: StoresHarness): void {
	test('marks: the first to keep one wins, and all see the same from then on', async (t) => {
		await using fixture = await harness.open();
		const {markStore} = fixture.stores;
		const rival = fixture.others.markStore;
		t.is(await markStore.find('key'), undefined);
		const kept = await Promise.all(
			Array.from({length: 10}, (_, index) => (index % 2 === 0 ? markStore : rival).keep('key', String(index))),
		);
		const [first = ''] = kept;
		t.is(new Set(kept).size, 1, kept.join());
		t.is(await rival.find('key'), first);
		t.is(await markStore.keep('key', 'late'), first);
		t.is(await markStore.find('other'), undefined);
	});

	test('marks: replacing sets it, whether it was there or not', async (t) => {
		await using fixture = await harness.open();
		const {markStore} = fixture.stores;
		await Promise.all([markStore.replace('key', 'a'), fixture.others.markStore.replace('key', 'a')]);
		t.is(await markStore.find('key'), 'a');
		await fixture.others.markStore.replace('key', 'b');
		t.is(await markStore.find('key'), 'b');
		t.is(await markStore.keep('key', 'c'), 'b');
	});
}
