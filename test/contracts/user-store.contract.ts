import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {User} from '../../domain/tokens/token.ts';
import {after, sampleUser} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';
import {allPages, byAge} from './all-pages.ts';
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

	test('users: pages follow (createdAt, id) without gaps or repeats, disabled ones included', async (t) => {
		await using fixture = await harness.open();
		const {userStore} = fixture.stores;
		t.deepEqual(await userStore.list({limit: 3}), []);
		const users = Array.from({length: 10}, (_, index) =>
			sampleUser({createdAt: after(Math.floor(index / 4)), disabled: index % 3 === 0}),
		);
		for (const user of shuffled(users, 3)) await userStore.insert(user);

		t.deepEqual(await allPages<User>(3, (page) => userStore.list(page)), users.toSorted(byAge));
	});

	test('users: one is disabled and enabled again, which can be repeated', async (t) => {
		await using fixture = await harness.open();
		const {userStore} = fixture.stores;
		const [user, other] = [sampleUser(), sampleUser()];
		await userStore.insert(user);
		await userStore.insert(other);

		for (const disabled of [true, true, false, false]) {
			t.deepEqual(await userStore.setDisabled(user.id, disabled), {...user, disabled});
			t.deepEqual(await userStore.find(user.id), {...user, disabled});
		}
		await userStore.setDisabled(user.id, true);
		t.deepEqual(await userStore.find(other.id), other);
		t.is(await userStore.setDisabled(randomUUID(), true), undefined);
	});
}
