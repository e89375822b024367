import {randomUUID} from 'node:crypto';
import test from 'ava';
import {startApplication, type Application} from '../../config/application.ts';
import {loadConfig} from '../../config/env.ts';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness} from '../support/gateway-harness.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {StreamProbe} from '../support/stream-probe.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

interface Failure {
	readonly message: string;
	readonly code: string;
}

const provider = await IdentityProvider.start('RS256');
const gateway = await createGatewayHarness({signIn: provider.settings});

test.after.always(async () => {
	await gateway[Symbol.asyncDispose]();
	await provider[Symbol.asyncDispose]();
});

async function refusal(jwt: string): Promise<readonly [number, string, string]> {
	const response = await new ApiClient(gateway.url, jwt).fetch('GET', '/me');
	const {message, code} = (await response.json()) as Failure;
	return [response.status, code, message];
}

test('who signs in is a user from then on, without rank, and sees his own things only', async (t) => {
	const id = randomUUID();
	const jwt = await provider.sign({sub: id, email: 'jane@example.com', name: 'Jane'});
	const client = new ApiClient(gateway.url, jwt);
	t.is(await gateway.stores.userStore.find(id), undefined);
	t.deepEqual(await client.call('GET', '/me'), {id, email: 'jane@example.com', name: 'Jane', isAdmin: false});
	t.like(await gateway.stores.userStore.find(id), {id, isAdmin: false, disabled: false});
	await (await gateway.createTenant()).client.call('POST', '/connections');
	t.deepEqual(await client.call('GET', '/connections'), []);
	const connection = await client.call<{id: string; userId: string}>('POST', '/connections');
	t.is(connection.userId, id);
	t.is((await client.fetch('GET', '/infrastructure')).status, 403);
});

test('an e-mail that somebody else has breaks nothing', async (t) => {
	const ids = [randomUUID(), randomUUID()];
	for (const sub of ids) {
		const client = new ApiClient(gateway.url, await provider.sign({sub, email: 'shared@example.com'}));
		t.like(await client.call('GET', '/me'), {id: sub, email: 'shared@example.com'});
	}
});

test('who signed in creates API tokens for everything, which outlive the sign-in', async (t) => {
	const id = randomUUID();
	const client = new ApiClient(gateway.url, await provider.sign({sub: id}));
	const {token} = await client.call<{token: string}>('POST', '/tokens', {name: 'ci'});
	t.like(await new ApiClient(gateway.url, token).call('GET', '/me'), {id});
});

test('what is wrong with a JWT is told in the words of the contract', async (t) => {
	const stranger = await IdentityProvider.start('RS256');
	const past = Math.floor(Date.now() / 1000) - 60;
	const [head = '', , signature = ''] = (await provider.sign()).split('.');
	const [, claims = ''] = (await provider.sign()).split('.');
	for (const [jwt, message] of [
		['nonsense', 'Invalid token format'],
		[await provider.sign({}, {header: {kid: undefined}}), 'Token missing key ID (kid)'],
		[await stranger.sign(), 'Unable to verify token signing key'],
		[await provider.sign({exp: past}), 'Token has expired'],
		[`${head}.${claims}.${signature}`, 'Invalid token signature'],
		[await provider.sign({aud: 'anon'}), 'Token verification failed'],
		[await provider.sign({iss: 'https://evil.example'}), 'Token verification failed'],
		[await provider.sign({sub: 'auth0|1'}), 'Token verification failed'],
	] as const) {
		t.deepEqual(await refusal(jwt), [401, 'UNAUTHENTICATED', message]);
	}
	await stranger[Symbol.asyncDispose]();
});

test('a JWT that is good once is not good for ever', async (t) => {
	const exp = Math.floor(Date.now() / 1000) - 3;
	const client = new ApiClient(gateway.url, await provider.sign({exp}));
	// Within the tolerance for the provider's clock, which ends in two seconds.
	t.is((await client.fetch('GET', '/me')).status, 200);
	await eventually(async () => (await client.fetch('GET', '/me')).status === 401);
});

test('budgets are counted by user, whichever JWT he comes with', async (t) => {
	await using limited = await createGatewayHarness({signIn: provider.settings, rateLimitPerMinute: 2});
	const [sub, other] = [randomUUID(), randomUUID()];
	const statuses: number[] = [];
	for (const claims of [{sub}, {sub, email: 'a@example.com'}, {sub, email: 'b@example.com'}, {sub: other}]) {
		const client = new ApiClient(limited.url, await provider.sign(claims));
		statuses.push((await client.fetch('GET', '/me')).status);
	}
	t.deepEqual(statuses, [200, 200, 429, 200]);
});

test('while the provider is away, JWTs that cannot be checked are 503 and to be repeated; API tokens work', async (t) => {
	await using away = await IdentityProvider.start();
	await using own = await createGatewayHarness({signIn: away.settings});
	away.mode = 'away';
	const response = await new ApiClient(own.url, await away.sign()).fetch('GET', '/me');
	t.is(response.status, 503);
	t.truthy(response.headers.get('retry-after'));
	t.is(((await response.json()) as Failure).code, 'SIGN_IN_UNAVAILABLE');
	t.is((await (await own.createTenant()).client.fetch('GET', '/me')).status, 200);
});

test('without a provider, what is no API token is 401', async (t) => {
	await using own = await createGatewayHarness();
	const response = await new ApiClient(own.url, await provider.sign()).fetch('GET', '/me');
	t.is(response.status, 401);
	t.is(((await response.json()) as Failure).message, 'Invalid token format');
});

test('a user who is disabled loses REST and sockets at once, and gets both back', async (t) => {
	await using folder = await createTemporaryFolder();
	await using application = await start(folder.path);
	const {url, newToken = ''} = application;
	const admin = new ApiClient(url, newToken);
	const id = randomUUID();
	const jwt = await provider.sign({sub: id});
	const client = new ApiClient(url, jwt);
	const {token} = await client.call<{token: string}>('POST', '/tokens', {name: 'ci'});
	const open = (): Promise<readonly StreamProbe[]> =>
		Promise.all([jwt, token].map((each) => StreamProbe.open(`${url.replace('http', 'ws')}/ws?token=${each}`)));
	const probes = await open();
	const {log} = application;
	await eventually(() => log.of('stream.client.admitted').length === 2);

	const disabledAt = performance.now();
	await admin.call('PATCH', `/infrastructure/users/${id}`, {disabled: true});
	t.is((await client.fetch('GET', '/me')).status, 401);
	t.is((await new ApiClient(url, token).fetch('GET', '/me')).status, 401);
	for (const probe of probes) t.is((await probe.closed()).code, 4003);
	t.true(performance.now() - disabledAt < 1000);
	for (const probe of await open()) t.is((await probe.closed()).code, 4003);

	await admin.call('PATCH', `/infrastructure/users/${id}`, {disabled: false});
	t.is((await client.fetch('GET', '/me')).status, 200);
	t.is((await new ApiClient(url, token).fetch('GET', '/me')).status, 200);
	const again = await open();
	await eventually(() => log.of('stream.client.admitted').length === 4);
	for (const probe of again) {
		t.true(probe.isOpen);
		probe.socket.terminate();
	}
});

/** A whole gateway with the embedded adapters. */
async function start(dataDir: string): Promise<Application & {readonly log: RecordingLogger}> {
	const log = new RecordingLogger();
	const config = loadConfig({
		PORT: '0',
		DATA_DIR: dataDir,
		JWKS_URL: provider.jwksUrl,
		JWT_ISSUER: provider.issuer,
		JWT_AUDIENCE: provider.audience,
	});
	return Object.assign(await startApplication({config, version: '1.2.3', log}), {log});
}
