import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {after, sampleToken} from '../support/samples.ts';
import {allPages, byAge} from './all-pages.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `TokenStore` port promises. */
export function tokenStoreContract(test: TestFn, harness: StoresHarness): void {
	test('tokens: a token is found by id and by hash as it was inserted', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const bare = sampleToken();
		const full = sampleToken({lastUsedAt: after(1), expiresAt: after(2), active: false});
		const restricted = sampleToken({scopes: ['read', 'send'], connectionIds: [randomUUID(), randomUUID()]});
		const powerless = sampleToken({scopes: [], connectionIds: []});
		for (const token of [bare, full, restricted, powerless]) {
			await tokenStore.insert(token);
			t.deepEqual(await tokenStore.find(token.id), token);
			t.deepEqual(await tokenStore.findByHash(token.hash), token);
		}
		t.is(await tokenStore.find(randomUUID()), undefined);
		t.is(await tokenStore.findByHash('no hash'), undefined);
	});

	test('tokens: inserting a hash again changes nothing, also under another id', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const token = sampleToken();
		const second = {...token, id: randomUUID(), name: 'second'};
		await tokenStore.insert(token);
		await tokenStore.insert({...token, name: 'again'});
		await tokenStore.insert(second);

		t.deepEqual(await tokenStore.findByHash(token.hash), token);
		t.is(await tokenStore.find(second.id), undefined);
	});

	test('tokens: the list holds the active tokens of one user, oldest first', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const userId = randomUUID();
		const [third, first, second, revoked] = [
			sampleToken({userId, createdAt: after(20)}),
			sampleToken({userId, createdAt: after(0)}),
			sampleToken({userId, createdAt: after(10), scopes: ['manage'], connectionIds: ['c']}),
			sampleToken({userId, createdAt: after(5)}),
		];
		for (const token of [third, first, second, revoked, sampleToken()]) await tokenStore.insert(token);
		await tokenStore.revoke(revoked.id);

		t.deepEqual(await tokenStore.listActive(userId, {limit: 4}), [first, second, third]);
		t.deepEqual(await tokenStore.listActive(randomUUID(), {limit: 4}), []);
	});

	test('tokens: the list comes page by page, tokens of one moment too; revoked ones take no place', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const userId = randomUUID();
		const tokens = [3, 1, 2, 2, 2, 4].map((ms) => sampleToken({userId, createdAt: after(ms)}));
		const revoked = [1, 2, 3].map((ms) => sampleToken({userId, createdAt: after(ms)}));
		for (const token of [...tokens, ...revoked, sampleToken()]) await tokenStore.insert(token);
		for (const {id} of revoked) await tokenStore.revoke(id);

		for (const limit of [1, 2, 3, 6]) {
			const pages = await allPages(limit, (page) => tokenStore.listActive(userId, page));
			t.deepEqual(pages, tokens.toSorted(byAge), `pages of ${limit}`);
		}
	});

	test('tokens: a revoked token is still found, and says so', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const token = sampleToken();
		await tokenStore.insert(token);
		await tokenStore.revoke(token.id);
		await tokenStore.revoke(token.id);
		await tokenStore.revoke(randomUUID());

		t.deepEqual(await tokenStore.findByHash(token.hash), {...token, active: false});
	});

	test('tokens: the last use only moves forward', async (t) => {
		await using fixture = await harness.open();
		const {tokenStore} = fixture.stores;
		const token = sampleToken();
		await tokenStore.insert(token);
		await tokenStore.touch(token.id, after(1000));
		await tokenStore.touch(token.id, after(500));
		t.deepEqual(await tokenStore.find(token.id), {...token, lastUsedAt: after(1000)});
		await tokenStore.touch(token.id, after(2000));
		t.deepEqual(await tokenStore.find(token.id), {...token, lastUsedAt: after(2000)});
	});
}
