import {randomUUID} from 'node:crypto';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import {eventually} from '../support/eventually.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {SocketIoProbe} from '../support/socket-io-probe.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture} from '../support/stream-fixture.ts';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a forged, expired or unsigned JWT opens nothing, by Socket.IO neither', async (t) => {
	await using provider = await IdentityProvider.start();
	await using stranger = await IdentityProvider.start();
	await using fixture = await StreamFixture.start({signIn: provider.settings});
	const {userId} = await fixture.addTenant();
	const claims = encode({sub: userId, aud: 'authenticated', iss: provider.issuer, exp: 4e9});
	const [head = '', , signature = ''] = (await provider.sign()).split('.');
	for (const token of [
		`${head}.${claims}.${signature}`,
		`${encode({alg: 'none', kid: 'x'})}.${claims}.`,
		`${encode({alg: 'HS256', kid: 'x'})}.${claims}.${signature}`,
		await stranger.sign({sub: userId}),
		await provider.sign({sub: userId, exp: 1}),
		'a.b.c',
		'\u{1F600}'.repeat(1000),
	]) {
		using probe = new SocketIoProbe(fixture.url, {auth: {token}});
		t.deepEqual(await probe.refused(), {message: 'Invalid token', data: {code: 4003}});
	}
	t.is(fixture.fanout.subscriptionsOf(userId), 0);
});

for (const auth of [
	{token: ['x']},
	{token: {toString: 'x'}},
	{since: {}, events: [[]], connectionId: {a: 1}},
	{__proto__: {token: 'x'}},
] as readonly object[]) {
	test(`what is no credential is none: ${JSON.stringify(auth)}`, async (t) => {
		await using fixture = await StreamFixture.start();
		using probe = new SocketIoProbe(fixture.url, {auth});
		t.deepEqual(await probe.refused(), {message: 'Missing token', data: {code: 4001}});
	});
}

test('what is no Socket.IO harms nobody', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const url = `${fixture.url.replace('ws', 'http')}/api/ws/`;
	for (const query of [
		'EIO=4',
		'EIO=4&transport=carrier-pigeon',
		'EIO=4&transport=polling&sid=nonsense',
		'EIO=4&transport=websocket',
		'EIO=4&transport=polling&sid=__proto__',
		'EIO=4&transport=polling&sid=constructor',
		'EIO=5&transport=polling',
		'EIO=&transport=polling',
		'EIO[]=4',
	]) {
		for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
			const response = await fetch(`${url}?${query}`, {method});
			t.true([400, 404].includes(response.status), `${method} ${query}: ${response.status}`);
			await response.body?.cancel();
		}
	}
	const opened = JSON.parse((await (await fetch(`${url}?EIO=4&transport=polling`)).text()).slice(1)) as {sid: string};
	const session = `${url}?EIO=4&transport=polling&sid=${opened.sid}`;
	const tooLarge = await fetch(session, {method: 'POST', body: `4${'x'.repeat(1024 * 1024)}`}).catch(() => undefined);
	t.true(tooLarge === undefined || tooLarge.status === 413);
	for (const body of ['4', '40', '40{', '42["subscribe"', '40[]', '40"x"', '451-["x"]', '9', '\u0000']) {
		const other = JSON.parse((await (await fetch(`${url}?EIO=4&transport=polling`)).text()).slice(1)) as {sid: string};
		const posted = await fetch(`${url}?EIO=4&transport=polling&sid=${other.sid}`, {method: 'POST', body});
		t.true([200, 400].includes(posted.status));
	}
	const probe = await fixture.connect(tenant);
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.publish(event);
	await probe.received([event.id]);
	t.true(probe.isOpen);
});

test('a connection that dies without a word is noticed, and its user has the place back', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1});
	const tenant = await fixture.addTenant();
	using probe = new SocketIoProbe(fixture.url, {auth: {token: tenant.token}});
	await probe.connected();
	const transport = probe.socket.io.engine.transport as unknown as {readonly ws: {terminate(): void}};
	transport.ws.terminate();
	await eventually(() => fixture.stream.size === 0);
	t.true((await fixture.connect(tenant)).isOpen);
});

test.serial('floods of Socket.IO clients without a token leave nothing behind', async (t) => {
	await using fixture = await StreamFixture.start();
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	const flood = async (): Promise<number> => {
		for (let batch = 0; batch < 3; batch++) {
			await Promise.all(
				Array.from({length: 100}, async () => {
					using probe = new SocketIoProbe(fixture.url, {query: {nonce: randomUUID()}});
					await probe.refused();
				}),
			);
		}
		await eventually(() => fixture.stream.size === 0);
		fixture.log.entries.length = 0;
		await new Promise((resolve) => setTimeout(resolve, 100));
		collect();
		return process.memoryUsage().heapUsed;
	};
	await flood();
	await flood();
	const before = await flood();
	const after = await flood();
	t.true(after < before * 1.1, `${before} bytes before, ${after} after`);
});
