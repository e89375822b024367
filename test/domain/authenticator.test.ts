import {randomUUID} from 'node:crypto';
import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {StoreUnavailableError, UnauthenticatedError} from '../../domain/errors.ts';
import type {IdentityVerifier} from '../../domain/ports/identity-verifier.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {Authenticator} from '../../domain/tokens/authenticator.ts';
import {SignIn} from '../../domain/tokens/sign-in.ts';
import {hashToken, newToken, type ApiToken, type User} from '../../domain/tokens/token.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleToken, sampleUser} from '../support/samples.ts';

const REVOKED = {instanceOf: UnauthenticatedError, message: 'Invalid or revoked API token'};

/** Takes every JWT: it is the subject, and ends a minute after the clock's start. */
class CredulousVerifier implements IdentityVerifier {
	readonly expiresAt: Date;

	constructor({now}: {now: number}) {
		this.expiresAt = new Date(now + 60_000);
	}

	verify(jwt: string): ReturnType<IdentityVerifier['verify']> {
		return Promise.resolve({subject: jwt, email: 'jane@example.com', name: null, expiresAt: this.expiresAt});
	}
}

/** An authenticator over the embedded stores, which counts and delays what it reads. */
class Fixture implements AsyncDisposable {
	readonly clock = new ManualClock();
	readonly log = new RecordingLogger();
	readonly stores: Stores;
	readonly authenticator: Authenticator;
	/** Look-ups of a token or a user. */
	reads = 0;
	touches = 0;
	/** Look-ups wait for this after they have read. */
	gate: () => Promise<void> = () => Promise.resolve();
	readonly #database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});

	constructor() {
		this.stores = createSqliteStores(this.#database);
		const {clock, log, stores} = this;
		const {tokenStore, userStore} = stores;
		const read = async <T>(reading: Promise<T>): Promise<T> => {
			this.reads++;
			const value = await reading;
			await this.gate();
			return value;
		};
		const tokens = Object.assign(Object.create(tokenStore) as typeof tokenStore, {
			findByHash: (hash: string) => read(tokenStore.findByHash(hash)),
			touch: (id: string, at: Date) => {
				this.touches++;
				return tokenStore.touch(id, at);
			},
		});
		const users = Object.assign(Object.create(userStore) as typeof userStore, {
			find: (id: string) => read(userStore.find(id)),
			insert: (user: User) => userStore.insert(user),
		});
		const signIn = new SignIn({verifier: new CredulousVerifier({now: clock.now()}), users, clock});
		this.authenticator = new Authenticator({tokens, users, signIn, clock, log});
	}

	async addToken(changes: Partial<ApiToken> = {}): Promise<{token: string; stored: ApiToken; user: User}> {
		const [user, token] = [sampleUser(), newToken()];
		const stored = sampleToken({userId: user.id, hash: hashToken(token), ...changes});
		await this.stores.userStore.insert(user);
		await this.stores.tokenStore.insert(stored);
		return {token, stored, user};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#database[Symbol.asyncDispose]();
	}
}

test('an identity tells user, token, grants and expiry', async (t) => {
	await using fixture = new Fixture();
	const expiresAt = new Date(fixture.clock.now() + 1000);
	const {token, stored, user} = await fixture.addToken({scopes: ['read'], connectionIds: ['c1'], expiresAt});
	t.deepEqual(await fixture.authenticator.authenticate(token), {
		user,
		tokenId: stored.id,
		callerId: `token ${stored.id}`,
		grants: {scopes: ['read'], connectionIds: ['c1']},
		expiresAt,
	});
});

test('the store is read once for five seconds of requests, also when they come together', async (t) => {
	await using fixture = new Fixture();
	const {token} = await fixture.addToken();
	const authenticate = (): Promise<unknown> => fixture.authenticator.authenticate(token);
	await Promise.all(Array.from({length: 50}, authenticate));
	await fixture.clock.advance(4999);
	await authenticate();
	t.is(fixture.reads, 2);
	await fixture.clock.advance(1);
	await authenticate();
	t.is(fixture.reads, 4);
});

test('what nobody announced is noticed within five seconds', async (t) => {
	await using fixture = new Fixture();
	const {token, stored} = await fixture.addToken();
	await fixture.authenticator.authenticate(token);
	await fixture.stores.tokenStore.revoke(stored.id);
	await fixture.clock.advance(5000);
	await t.throwsAsync(fixture.authenticator.authenticate(token), REVOKED);
});

test('a revoked token and a disabled user are refused as soon as they are announced', async (t) => {
	await using fixture = new Fixture();
	const {authenticator, stores} = fixture;
	const [first, second, other] = [await fixture.addToken(), await fixture.addToken(), await fixture.addToken()];
	for (const {token} of [first, second, other]) await authenticator.authenticate(token);

	await stores.tokenStore.revoke(first.stored.id);
	authenticator.onChange({kind: 'token-revoked', userId: first.user.id, tokenId: first.stored.id});
	await t.throwsAsync(authenticator.authenticate(first.token), REVOKED);

	await stores.userStore.setDisabled(second.user.id, true);
	authenticator.onChange({kind: 'user-disabled', userId: second.user.id});
	await t.throwsAsync(authenticator.authenticate(second.token), REVOKED);

	const {reads} = fixture;
	await authenticator.authenticate(other.token);
	t.is(fixture.reads, reads);
	await stores.userStore.setDisabled(second.user.id, false);
	await t.notThrowsAsync(authenticator.authenticate(second.token));
});

test('a token that is revoked while it is looked up is not remembered as valid', async (t) => {
	await using fixture = new Fixture();
	const {authenticator, stores} = fixture;
	const {token, stored, user} = await fixture.addToken();
	const {promise, resolve: release} = Promise.withResolvers<undefined>();
	fixture.gate = () => promise;
	const early = authenticator.authenticate(token);
	await stores.tokenStore.revoke(stored.id);
	authenticator.onChange({kind: 'token-revoked', userId: user.id, tokenId: stored.id});
	const late = authenticator.authenticate(token);
	release(undefined);
	// It was valid when it was asked for.
	await early;
	await t.throwsAsync(late, REVOKED);
	await t.throwsAsync(authenticator.authenticate(token), REVOKED);
});

test('after a gap of the control bus, and when a fresh answer is wanted, the store is asked', async (t) => {
	await using fixture = new Fixture();
	const {authenticator, stores} = fixture;
	const [first, second] = [await fixture.addToken(), await fixture.addToken()];
	for (const {token} of [first, second]) await authenticator.authenticate(token);
	for (const {stored} of [first, second]) await stores.tokenStore.revoke(stored.id);
	await t.throwsAsync(authenticator.authenticate(first.token, {fresh: true}), REVOKED);
	await t.notThrowsAsync(authenticator.authenticate(second.token));
	authenticator.onGap();
	await t.throwsAsync(authenticator.authenticate(second.token), REVOKED);
});

test('a token ends exactly at its expiry, remembered or not', async (t) => {
	await using fixture = new Fixture();
	const {token} = await fixture.addToken({expiresAt: new Date(fixture.clock.now() + 1000)});
	await fixture.authenticator.authenticate(token);
	await fixture.clock.advance(999);
	await t.notThrowsAsync(fixture.authenticator.authenticate(token));
	await fixture.clock.advance(1);
	await t.throwsAsync(fixture.authenticator.authenticate(token), REVOKED);
	await t.throwsAsync(fixture.authenticator.authenticate(token, {fresh: true}), REVOKED);
});

test('failures are not remembered', async (t) => {
	await using fixture = new Fixture();
	const token = newToken();
	await t.throwsAsync(fixture.authenticator.authenticate(token), REVOKED);
	const {token: known} = await fixture.addToken({hash: hashToken(token)});
	await t.notThrowsAsync(fixture.authenticator.authenticate(token));
	await t.throwsAsync(fixture.authenticator.authenticate(known), REVOKED);

	const {token: second} = await fixture.addToken();
	fixture.gate = () => Promise.reject(new StoreUnavailableError('away on purpose'));
	await t.throwsAsync(fixture.authenticator.authenticate(second), {instanceOf: StoreUnavailableError});
	fixture.gate = () => Promise.resolve();
	await t.notThrowsAsync(fixture.authenticator.authenticate(second));
});

test('what is not a token of ours is never looked up', async (t) => {
	await using fixture = new Fixture();
	for (const token of ['wh_', 'wh_short', `wh_${'A'.repeat(48)}`, `${newToken()}0`]) {
		await t.throwsAsync(fixture.authenticator.authenticate(token), REVOKED);
	}
	t.is(fixture.reads, 0);
});

test('more identities than fit are looked up again, not kept', async (t) => {
	await using fixture = new Fixture();
	const {token} = await fixture.addToken();
	await fixture.authenticator.authenticate(token);
	for (let index = 0; index < 10_000; index++) {
		await fixture.authenticator.authenticate(uuidOf(index));
	}
	const {reads} = fixture;
	await fixture.authenticator.authenticate(token);
	t.is(fixture.reads, reads + 2);
});

test('uses of a token are noted once a minute, also when another process noted the last one', async (t) => {
	await using fixture = new Fixture();
	const {clock, authenticator, stores} = fixture;
	const {token, stored} = await fixture.addToken({lastUsedAt: new Date(clock.now() - 30_000)});
	for (let second = 0; second < 120; second++) {
		await authenticator.authenticate(token);
		await clock.advance(1000);
	}
	t.is(fixture.touches, 2);
	t.deepEqual((await stores.tokenStore.find(stored.id))?.lastUsedAt, new Date(clock.now() - 30_000));
});

test('who signs in for the first time becomes a user, and no administrator', async (t) => {
	await using fixture = new Fixture();
	const id = randomUUID();
	const identities = await Promise.all([1, 2, 3].map(() => fixture.authenticator.authenticate(id.toUpperCase())));
	const user: User = {
		id,
		email: 'jane@example.com',
		name: null,
		isAdmin: false,
		disabled: false,
		createdAt: new Date(fixture.clock.now()),
	};
	const identity = {tokenId: null, callerId: `user ${id}`, grants: {scopes: null, connectionIds: null}};
	for (const found of identities) t.like(found, {user, ...identity});
	t.deepEqual(await fixture.stores.userStore.find(id), user);
	// The e-mail is the same: nothing depends on it.
	t.like(await fixture.authenticator.authenticate(randomUUID()), {tokenId: null});
});

test('a subject that is no UUID is refused and makes no user', async (t) => {
	await using fixture = new Fixture();
	for (const subject of ['auth0|5f7c8ec7', '', `${randomUUID()}0`, '..', '{}']) {
		await t.throwsAsync(fixture.authenticator.authenticate(subject), {
			instanceOf: UnauthenticatedError,
			message: 'Token verification failed',
		});
	}
	t.deepEqual(await fixture.stores.userStore.list({limit: 10}), []);
});

test('a sign-in ends with its JWT, and when its user is disabled', async (t) => {
	await using fixture = new Fixture();
	const {authenticator, stores, clock} = fixture;
	const id = randomUUID();
	const {expiresAt} = await authenticator.authenticate(id);
	t.is(expiresAt?.getTime(), clock.now() + 60_000);
	await stores.userStore.setDisabled(id, true);
	authenticator.onChange({kind: 'user-disabled', userId: id});
	await t.throwsAsync(authenticator.authenticate(id), {instanceOf: UnauthenticatedError, message: /disabled/});
	await stores.userStore.setDisabled(id, false);
	t.is((await authenticator.authenticate(id)).user.id, id);
});

function uuidOf(index: number): string {
	return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}
