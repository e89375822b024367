import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {newUsage, type ConnectionUsage} from '../../domain/billing/connection-usage.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `UsageStore` port promises. */
export function usageStoreContract(test: TestFn, harness: StoresHarness): void {
	test('usage: it is found as it was saved, by connection and by user', async (t) => {
		await using fixture = await harness.open();
		const {usageStore} = fixture.stores;
		const userId = randomUUID();
		const [first, second, other] = [sampleUsage(userId), sampleUsage(userId), sampleUsage(randomUUID())];
		for (const usage of [first, second, other]) t.true(await usageStore.save(usage, 0));

		const byId = (a: ConnectionUsage, b: ConnectionUsage): number => (a.id < b.id ? -1 : 1);
		t.deepEqual((await usageStore.listByUser(userId)).toSorted(byId), [first, second].toSorted(byId));
		t.deepEqual(await usageStore.listByUser(randomUUID()), []);
		t.deepEqual(await usageStore.findMany([other.id, randomUUID()]), [other]);
		t.deepEqual(await usageStore.findMany([]), []);
	});

	test('usage: of those who count on from one place, exactly one is stored', async (t) => {
		await using fixture = await harness.open();
		const usage = sampleUsage(randomUUID());
		for (const [fromSeq, seq] of [
			[0, 5],
			[5, 9],
		] as const) {
			const saved = await Promise.all(
				Array.from({length: 10}, (_, index) => {
					const {usageStore} = index % 2 === 0 ? fixture.stores : fixture.others;
					return usageStore.save({...usage, seq, connectedSinceMs: index}, fromSeq);
				}),
			);
			t.is(saved.filter(Boolean).length, 1);
			const [stored] = await fixture.stores.usageStore.findMany([usage.id]);
			t.like(stored, {seq, connectedSinceMs: saved.indexOf(true)});
		}
		t.false(await fixture.stores.usageStore.save({...usage, seq: 20}, 5));
	});

	test('usage: how far a log was counted never goes back', async (t) => {
		await using fixture = await harness.open();
		const {usageStore} = fixture.stores;
		const userId = randomUUID();
		t.is(await usageStore.countedTo(userId), 0);
		for (const [seq, expected] of [
			[7, 7],
			[3, 7],
			[7, 7],
			[8, 8],
		] as const) {
			await usageStore.setCountedTo(userId, seq);
			t.is(await usageStore.countedTo(userId), expected);
		}
		t.is(await usageStore.countedTo(randomUUID()), 0);
	});
}

function sampleUsage(userId: string): ConnectionUsage {
	return {
		...newUsage(randomUUID(), userId),
		seq: 3,
		connectedSinceMs: 1_774_612_800_123.5,
		days: {'2026-03-27': {connectedMs: 1234.5, messages: 3, received: 1}},
	};
}
