import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {sampleEntitlement, T0} from '../support/samples.ts';
import type {StoresHarness} from './stores-harness.ts';

const takenAtMs = T0.getTime();

/** What every adapter of the `SlotStore` port promises. */
export function slotStoreContract(test: TestFn, harness: StoresHarness): void {
	test('slots: 100 takers of 10 slots from two processes: exactly 10 get one', async (t) => {
		await using fixture = await harness.open();
		const user = await saved(fixture.stores);
		const takers = Array.from({length: 100}, () => ({id: randomUUID(), takenAtMs}));
		const takings = await Promise.all(
			takers.map((holder, index) => {
				const {slotStore} = index % 2 === 0 ? fixture.stores : fixture.others;
				return slotStore.take(user, holder, 10);
			}),
		);
		t.is(takings.filter((taking) => taking === 'taken').length, 10);
		t.is(takings.filter((taking) => taking === 'full').length, 90);
		t.deepEqual(
			(await holdersOf(fixture.stores, user)).toSorted(),
			takers
				.filter((_, index) => takings[index] === 'taken')
				.map(({id}) => id)
				.toSorted(),
		);
	});

	test('slots: taking one twice takes one; what is held is held, whatever the limit', async (t) => {
		await using fixture = await harness.open();
		const {stores} = fixture;
		const user = await saved(stores);
		const holder = {id: 'a', takenAtMs};
		t.deepEqual(await Promise.all([1, 2, 3].map(() => stores.slotStore.take(user, holder, 5))), [
			'taken',
			'taken',
			'taken',
		]);
		t.is(await stores.slotStore.take({...user, version: 99}, holder, 0), 'taken');
		t.deepEqual(await holdersOf(stores, user), ['a']);
		t.is(await stores.slotStore.take(user, {id: 'b', takenAtMs}, 0), 'full');
		t.is(await stores.slotStore.take(user, {id: 'b', takenAtMs}, 1), 'full');
	});

	test('slots: a limit that was derived from another version takes none', async (t) => {
		await using fixture = await harness.open();
		const {stores} = fixture;
		const user = await saved(stores);
		await stores.entitlementStore.save({...user, grantedSlots: 1});
		t.is(await stores.slotStore.take(user, {id: 'a', takenAtMs}, 10), 'changed');
		t.is(await stores.slotStore.take({id: randomUUID(), version: 1}, {id: 'a', takenAtMs}, 10), 'changed');
		t.deepEqual(await holdersOf(stores, user), []);
		t.is(await stores.slotStore.take({...user, version: 2}, {id: 'a', takenAtMs}, 10), 'taken');
	});

	test('slots: a released one is free for another, and releasing what is not held does nothing', async (t) => {
		await using fixture = await harness.open();
		const {stores} = fixture;
		const user = await saved(stores);
		for (const id of ['a', 'b', 'c']) await stores.slotStore.take(user, {id, takenAtMs}, 3);
		await stores.slotStore.release(user.id, ['x']);
		await stores.slotStore.release(randomUUID(), ['a']);
		t.deepEqual(await holdersOf(stores, user), ['a', 'b', 'c']);
		await stores.slotStore.release(user.id, ['a', 'c', 'x']);
		t.deepEqual(await holdersOf(stores, user), ['b']);
		t.is(await stores.slotStore.take(user, {id: 'd', takenAtMs}, 2), 'taken');
		t.deepEqual(await holdersOf(stores, user), ['b', 'd']);
	});

	test('slots: holders are added beyond any limit, each once', async (t) => {
		await using fixture = await harness.open();
		const {stores} = fixture;
		const user = await saved(stores);
		const holders = ['a', 'b', 'c'].map((id) => ({id, takenAtMs}));
		await Promise.all([stores.slotStore.add(user.id, holders), fixture.others.slotStore.add(user.id, holders)]);
		await stores.slotStore.add(user.id, []);
		await stores.slotStore.add(randomUUID(), holders);
		t.deepEqual((await holdersOf(stores, user)).toSorted(), ['a', 'b', 'c']);
		t.deepEqual((await stores.entitlementStore.find(user.id))?.holders[0]?.takenAtMs, takenAtMs);
	});
}

async function saved({entitlementStore}: Stores): Promise<Entitlement> {
	const entitlement = sampleEntitlement();
	await entitlementStore.save(entitlement);
	return {...entitlement, version: 1};
}

async function holdersOf({entitlementStore}: Stores, {id}: Entitlement): Promise<readonly string[]> {
	return ((await entitlementStore.find(id))?.holders ?? []).map((holder) => holder.id);
}
