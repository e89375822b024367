import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {sampleUser} from '../support/samples.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `UserStore` port promises. */
export function userStoreContract(test: TestFn, harness: StoresHarness): void {
	test('users: a user is found as it was inserted', async (t) => {
		await using fixture = await harness.open();
		const {userStore} = fixture.stores;
		const full = sampleUser({isAdmin: true, disabled: true});
		const bare = sampleUser({email: null, name: null});
		await userStore.insert(full);
		await userStore.insert(bare);

		t.deepEqual(await userStore.find(full.id), full);
		t.deepEqual(await userStore.find(bare.id), bare);
		t.is(await userStore.find(randomUUID()), undefined);
		t.is(await userStore.find('no id at all'), undefined);
	});

	test('users: inserting an id again changes nothing', async (t) => {
		await using fixture = await harness.open();
		const {userStore} = fixture.stores;
		const user = sampleUser();
		await userStore.insert(user);
		await Promise.all([userStore.insert({...user, isAdmin: true}), userStore.insert({...user, name: 'other'})]);

		t.deepEqual(await userStore.find(user.id), user);
	});

	test('users: an administrator is noticed, other users are not', async (t) => {
		await using fixture = await harness.open();
		const {userStore} = fixture.stores;
		t.false(await userStore.hasAdmin());
		await userStore.insert(sampleUser());
		t.false(await userStore.hasAdmin());
		await userStore.insert(sampleUser({isAdmin: true}));
		t.true(await userStore.hasAdmin());
	});
}
