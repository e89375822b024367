import {randomUUID} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import {JoseIdentityVerifier} from '../../adapters/jose/jose-identity-verifier.ts';
import {SignInUnavailableError, UnauthenticatedError} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import {IdentityProvider, type JwtOptions} from '../support/identity-provider.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const MINUTE_MS = 60_000;

interface Fixture extends AsyncDisposable {
	readonly provider: IdentityProvider;
	readonly verifier: JoseIdentityVerifier;
	readonly clock: ManualClock;
	readonly log: RecordingLogger;
}

async function start(algorithm?: string): Promise<Fixture> {
	const provider = await IdentityProvider.start(algorithm);
	const clock = new ManualClock(Date.now());
	const log = new RecordingLogger();
	const verifier = new JoseIdentityVerifier({...provider.settings, clock, log});
	return {provider, verifier, clock, log, [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose]()};
}

async function refused(t: ExecutionContext, {verifier}: Fixture, jwt: string, message: string): Promise<void> {
	const error = await t.throwsAsync(verifier.verify(jwt), {instanceOf: UnauthenticatedError}, message);
	t.is(error.message, message);
}

function secondsFromNow(seconds: number): number {
	return Math.floor(Date.now() / 1000) + seconds;
}

for (const algorithm of ['RS256', 'ES256']) {
	test(`${algorithm}: who signed in is told by subject, e-mail and name`, async (t) => {
		await using fixture = await start(algorithm);
		const [subject, exp] = [randomUUID(), secondsFromNow(600)];
		const jwt = await fixture.provider.sign({sub: subject, email: 'jane@example.com', name: 'Jane', exp});
		t.deepEqual(await fixture.verifier.verify(jwt), {
			subject,
			email: 'jane@example.com',
			name: 'Jane',
			// With the tolerance for the provider's clock.
			expiresAt: new Date((exp + 5) * 1000),
		});
	});
}

test("a name may be in Supabase's metadata; e-mail and name may be absent or no text", async (t) => {
	await using fixture = await start();
	const nameOf = async (claims: object): Promise<readonly [string | null, string | null]> => {
		const {email, name} = await fixture.verifier.verify(await fixture.provider.sign({...claims}));
		return [email, name];
	};
	t.deepEqual(await nameOf({user_metadata: {full_name: 'Jane Ö.'}}), [null, 'Jane Ö.']);
	t.deepEqual(await nameOf({user_metadata: {name: 'Jane'}, email: ''}), [null, 'Jane']);
	t.deepEqual(await nameOf({user_metadata: null, email: {}, name: 5}), [null, null]);
	t.deepEqual(await nameOf({name: '\ud800', email: 'a'.repeat(321)}), [null, null]);
	t.deepEqual(await nameOf({}), [null, null]);
});

test('what is wrong is said in the words of the contract', async (t) => {
	await using fixture = await start();
	const {provider} = fixture;
	for (const jwt of ['', 'nonsense', 'a.b.c', 'a.b', '...', 'wh.x.y', `${'x'.repeat(10_000)}.y.z`]) {
		await refused(t, fixture, jwt, 'Invalid token format');
	}
	await refused(t, fixture, await provider.sign({}, {header: {kid: undefined}}), 'Token missing key ID (kid)');
	await refused(t, fixture, await provider.sign({}, {header: {kid: 'nobody'}}), 'Unable to verify token signing key');
	await refused(t, fixture, await provider.sign({exp: secondsFromNow(-6)}), 'Token has expired');
	const [head, , signature] = (await provider.sign()).split('.');
	const [, foreignClaims] = (await provider.sign({sub: randomUUID()})).split('.');
	await refused(t, fixture, `${head ?? ''}.${foreignClaims ?? ''}.${signature ?? ''}`, 'Invalid token signature');
});

test('issuer, audience, subject and expiry are required and checked', async (t) => {
	await using fixture = await start();
	for (const claims of [
		{iss: 'https://evil.example'},
		{iss: undefined},
		{aud: 'anon'},
		{aud: ['anon', 'service']},
		{aud: undefined},
		{sub: undefined},
		{exp: undefined},
		{exp: '2099'},
		{nbf: secondsFromNow(60)},
	]) {
		await refused(t, fixture, await fixture.provider.sign(claims), 'Token verification failed');
	}
	await t.notThrowsAsync(fixture.verifier.verify(await fixture.provider.sign({aud: ['x', 'authenticated']})));
});

test('a clock that is some seconds off does no harm', async (t) => {
	await using fixture = await start();
	const jwt = await fixture.provider.sign({exp: secondsFromNow(-3), nbf: secondsFromNow(3)});
	await t.notThrowsAsync(fixture.verifier.verify(jwt));
});

test('an expiry beyond all time is the end of time', async (t) => {
	await using fixture = await start();
	const {expiresAt} = await fixture.verifier.verify(await fixture.provider.sign({exp: 1e300}));
	t.is(expiresAt.getTime(), 8.64e15);
});

test('only RS256 and ES256 are taken, and others cost the key server nothing', async (t) => {
	await using fixture = await start();
	const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
	const claims = encode({sub: randomUUID(), aud: 'authenticated', iss: fixture.provider.issuer, exp: 4e9});
	for (const alg of ['none', 'HS256', 'RS384', 'PS256', 'EdDSA', 'ES512', 5]) {
		const head = encode({alg, kid: 'x'});
		const error = await t.throwsAsync(fixture.verifier.verify(`${head}.${claims}.c2lnbmF0dXJl`));
		t.true(error instanceof UnauthenticatedError, String(alg));
	}
	t.is(fixture.provider.fetches, 0);
});

test('a public key is no shared secret: what is signed with it is refused', async (t) => {
	await using fixture = await start('RS256');
	const kid = await fixture.provider.addKey('ES256');
	// The header names an algorithm that is not the one of the key.
	await refused(t, fixture, await fixture.provider.sign({}, {header: {kid}}), 'Unable to verify token signing key');
});

test('keys are fetched once for many requests, and again after ten minutes', async (t) => {
	await using fixture = await start();
	const {provider, verifier, clock} = fixture;
	const verify = async (): Promise<unknown> => verifier.verify(await provider.sign({exp: secondsFromNow(86_400)}));
	await Promise.all(Array.from({length: 20}, verify));
	await clock.advance(10 * MINUTE_MS - 1);
	await verify();
	t.is(provider.fetches, 1);
	await clock.advance(1);
	await Promise.all([verify(), verify()]);
	t.is(provider.fetches, 2);
});

test('a key that is new at the provider works at once', async (t) => {
	await using fixture = await start();
	const {provider, verifier, clock} = fixture;
	await verifier.verify(await provider.sign());
	await clock.advance(6000);
	const kid = await provider.addKey('RS256');
	await t.notThrowsAsync(verifier.verify(await provider.sign({}, {kid})));
	t.is(provider.fetches, 2);
});

test('a withdrawn key works no more after ten minutes', async (t) => {
	await using fixture = await start();
	const {provider, verifier, clock} = fixture;
	const kid = await provider.addKey();
	const jwt = await provider.sign({}, {kid});
	await verifier.verify(jwt);
	provider.withdraw(kid);
	await clock.advance(10 * MINUTE_MS);
	await refused(t, fixture, jwt, 'Unable to verify token signing key');
});

test('a flood of unknown keys costs the key server ten fetches a minute, and known keys work on', async (t) => {
	await using fixture = await start();
	const {provider, clock} = fixture;
	const [known, forged] = [await provider.sign(), await forge(provider)];
	await fixture.verifier.verify(known);
	const before = provider.fetches;
	for (let second = 0; second < 60; second++) {
		await Promise.all(forged.map((jwt) => refused(t, fixture, jwt, 'Unable to verify token signing key')));
		await fixture.verifier.verify(known);
		await clock.advance(1000);
	}
	t.true(provider.fetches - before <= 10, `${provider.fetches - before} fetches`);
	t.true(provider.fetches > before);
});

test('a key server that fails is not asked more often, either', async (t) => {
	await using fixture = await start();
	const {provider, verifier, clock} = fixture;
	provider.mode = 'broken';
	const forged = await forge(provider);
	for (let second = 0; second < 60; second++) {
		await Promise.all(forged.map((jwt) => t.throwsAsync(verifier.verify(jwt), {instanceOf: SignInUnavailableError})));
		await clock.advance(1000);
	}
	t.is(provider.fetches, 10);
	t.is(fixture.log.of('jwks.fetch.failed').length, 10);
});

for (const mode of ['away', 'broken', 'nonsense', 'endless', 'elsewhere'] as const) {
	test(`a key server that is ${mode}: known keys work on, and nothing is said of unknown ones`, async (t) => {
		await using fixture = await start();
		const {provider, verifier, clock} = fixture;
		provider.mode = mode;
		await t.throwsAsync(verifier.verify(await provider.sign()), {instanceOf: SignInUnavailableError});
		provider.mode = 'working';
		await clock.advance(6000);
		const exp = secondsFromNow(86_400);
		await verifier.verify(await provider.sign({exp}));

		provider.mode = mode;
		const kid = await provider.addKey();
		for (const waitMs of [6000, 10 * MINUTE_MS, 60 * MINUTE_MS]) {
			await clock.advance(waitMs);
			await t.notThrowsAsync(verifier.verify(await provider.sign({exp})));
			await t.throwsAsync(verifier.verify(await provider.sign({exp}, {kid})), {instanceOf: SignInUnavailableError});
		}
		provider.mode = 'working';
		await clock.advance(6000);
		await t.notThrowsAsync(verifier.verify(await provider.sign({exp}, {kid})));
	});
}

test('while a key server does not answer, only the first request waits for it', async (t) => {
	await using fixture = await start();
	const {provider, verifier, clock} = fixture;
	const jwt = await provider.sign({exp: secondsFromNow(86_400)});
	await verifier.verify(jwt);
	provider.mode = 'away';
	await clock.advance(10 * MINUTE_MS);
	await verifier.verify(jwt);
	provider.mode = 'silent';
	await clock.advance(6000);
	const startedAt = performance.now();
	await verifier.verify(jwt);
	t.true(performance.now() - startedAt < 1000);
	await eventually(() => provider.fetches === 3);
});

/** With keys that the provider does not publish. */
function forge(provider: IdentityProvider): Promise<readonly string[]> {
	const options = (index: number): JwtOptions => ({header: {kid: `forged-${index}`}});
	return Promise.all(Array.from({length: 5}, (_, index) => provider.sign({}, options(index))));
}
