import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import type {IncomingMessage} from 'node:http';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import {WebSocket} from 'ws';
import {newToken} from '../../domain/tokens/token.ts';
import {eventually} from '../support/eventually.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {SocketIoProbe} from '../support/socket-io-probe.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture} from '../support/stream-fixture.ts';

const LIMIT = 5;

/** How an upgrade is answered that does not happen. */
async function refusal(url: string): Promise<IncomingMessage> {
	const socket = new WebSocket(url);
	socket.on('error', () => undefined);
	const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
	response.resume();
	return response;
}

/** Nobody's token, until that is too much. */
async function fail(fixture: StreamFixture): Promise<void> {
	for (let attempt = 1; attempt <= LIMIT; attempt++) {
		const probe = await fixture.open(attempt % 2 === 0 ? '/ws' : `/ws?token=${newToken()}`);
		await probe.closed();
	}
}

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

test('an address that fails too often is not even upgraded; whoever is somebody comes in all the same', async (t) => {
	await using fixture = await StreamFixture.start({failuresPerMinute: LIMIT});
	const tenant = await fixture.addTenant();
	const {ticket} = await fixture.tickets.issue(await fixture.tickets.authenticate(tenant.token));
	await fail(fixture);
	for (const query of ['', `?token=${newToken()}`, '?ticket=wst_0']) {
		const {statusCode, headers} = await refusal(`${fixture.url}/api/ws${query}`);
		t.is(statusCode, 429);
		t.true(Number(headers['retry-after']) > 0 && Number(headers['retry-after']) <= 60);
	}
	t.is(fixture.log.of('stream.client.refused').length, LIMIT, 'others made no socket');
	t.true((await fixture.connect(tenant)).isOpen);
	const byTicket = await fixture.open(`/ws?ticket=${ticket}`);
	await eventually(() => fixture.stream.clientsOf(tenant.userId).length === 2);
	t.true(byTicket.isOpen);
	fixture.loseTokens();
	const unknown = await fixture.open(`/ws?token=${(await fixture.addTenant()).token}`);
	t.is((await unknown.closed()).code, 4000, 'nobody knows whether it is good');
});

test('good credentials are no failure, however often they come', async (t) => {
	await using fixture = await StreamFixture.start({failuresPerMinute: LIMIT});
	const tenant = await fixture.addTenant();
	const writer = await fixture.addToken(tenant.userId, {scopes: ['send']});
	for (let attempt = 0; attempt < 2 * LIMIT; attempt++) {
		(await fixture.connect(tenant)).socket.terminate();
		t.is((await (await fixture.open(`/ws?token=${writer.token}`)).closed()).code, 4003);
	}
	t.is((await (await fixture.open('/ws')).closed()).code, 4001);
});

test('of an address that fails too often as many Socket.IO handshakes come through again, on either transport', async (t) => {
	await using fixture = await StreamFixture.start({failuresPerMinute: LIMIT});
	const tenant = await fixture.addTenant();
	using before = new SocketIoProbe(fixture.url, {auth: {token: tenant.token}, transports: ['polling']});
	await before.connected();
	await fail(fixture);
	for (let handshake = 1; handshake <= LIMIT; handshake++) {
		using probe = new SocketIoProbe(fixture.url, {auth: {token: tenant.token}});
		await probe.connected();
	}
	const path = '/ws/?EIO=4&transport=';
	const polled = await fetch(`${fixture.url.replace('ws', 'http')}${path}polling`);
	t.is(polled.status, 429);
	t.is(((await polled.json()) as {code: string}).code, 'RATE_LIMITED');
	t.is((await refusal(`${fixture.url}${path}websocket`)).statusCode, 429);
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.publish(event);
	await before.received([event.id]);
});

test('a Socket.IO client that is nobody is a failure, too', async (t) => {
	await using fixture = await StreamFixture.start({failuresPerMinute: LIMIT});
	for (let attempt = 0; attempt < LIMIT; attempt++) {
		using probe = new SocketIoProbe(fixture.url, {auth: {token: newToken()}});
		await probe.refused();
	}
	t.is((await refusal(`${fixture.url}/ws`)).statusCode, 429);
});

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
