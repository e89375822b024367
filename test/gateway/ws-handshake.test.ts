import {once} from 'node:events';
import {connect} from 'node:net';
import test from 'ava';
import {WebSocket} from 'ws';
import {newToken} from '../../domain/tokens/token.ts';
import {eventually} from '../support/eventually.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture} from '../support/stream-fixture.ts';

interface Answer {
	readonly status: number;
	readonly type: string | undefined;
	readonly body: Readonly<Record<string, unknown>>;
}

/** What a refused upgrade is answered with. */
async function refusal(url: string): Promise<Answer> {
	const socket = new WebSocket(url);
	socket.on('error', () => undefined);
	const [, response] = (await once(socket, 'unexpected-response')) as [
		unknown,
		AsyncIterable<Buffer> & {statusCode: number; headers: Record<string, string>},
	];
	let text = '';
	for await (const chunk of response) text += chunk.toString();
	return {
		status: response.statusCode,
		type: response.headers['content-type'],
		body: JSON.parse(text) as Record<string, unknown>,
	};
}

for (const [way, request] of Object.entries({
	'in the query of /api/ws': (token: string) => ({path: `/api/ws?token=${token}`, headers: {}}),
	'in the query of /ws': (token: string) => ({path: `/ws?token=${token}`, headers: {}}),
	'in the query behind a trailing slash': (token: string) => ({path: `/ws/?token=${token}`, headers: {}}),
	'in the query, percent-encoded': (token: string) => ({path: `/ws?token=${token.replace('_', '%5F')}`, headers: {}}),
	'in the Authorization header': (token: string) => ({path: '/ws', headers: {authorization: `Bearer ${token}`}}),
	'in the Authorization header, in lower case': (token: string) => ({
		path: '/api/ws',
		headers: {authorization: `bearer ${token}`},
	}),
})) {
	test(`a token is taken ${way}`, async (t) => {
		await using fixture = await StreamFixture.start();
		const tenant = await fixture.addTenant();
		const {path, headers} = request(tenant.token);
		const probe = await fixture.open(path, {headers});
		await eventually(() => fixture.fanout.subscriptionsOf(tenant.userId) === 1);
		const event = makeStreamEvent(tenant.userId, 1);
		await fixture.publish(event);
		await probe.received([event.id]);
		t.pass();
	});
}

test('trap 13: without a token the upgrade succeeds and the socket closes with 4001', async (t) => {
	await using fixture = await StreamFixture.start();
	const expected = {code: 4001, reason: 'Missing token'};
	for (const path of ['/ws', '/ws?token=', '/api/ws?since=evt_1']) {
		const probe = await fixture.open(path);
		t.deepEqual(await probe.closed(), expected, path);
	}
	const basic = await fixture.open('/ws', {headers: {authorization: 'Basic d2hfOnNlY3JldA=='}});
	t.deepEqual(await basic.closed(), expected);
});

test('trap 13: a token that does not verify closes with 4003', async (t) => {
	await using fixture = await StreamFixture.start();
	const revoked = await fixture.addTenant();
	await fixture.stores.tokenStore.revoke(revoked.tokenId);
	const disabled = await fixture.addTenant({disabled: true});
	const forged = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.';
	for (const token of [newToken(), revoked.token, disabled.token, forged, 'wh_', '%', '\u{1F600}']) {
		const probe = await fixture.open(`/ws?token=${encodeURIComponent(token)}`);
		t.deepEqual(await probe.closed(), {code: 4003, reason: 'Invalid token'}, token);
	}
});

test('trap 13: while the store is away a socket closes with 4000, and gets in later', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	fixture.loseTokens();
	const probe = await fixture.open(`/ws?token=${tenant.token}`);
	t.deepEqual(await probe.closed(), {code: 4000, reason: 'Authentication failed'});
	fixture.restoreTokens();
	t.true((await fixture.connect(tenant)).isOpen);
});

test('while the fan-out is away a socket closes with 1013, and gets in later', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	fixture.fanout.lose();
	const probes = await Promise.all([1, 2].map(() => fixture.open(`/ws?token=${tenant.token}`)));
	for (const probe of probes) {
		t.deepEqual(await probe.closed(), {code: 1013, reason: 'Try again later'});
	}
	fixture.fanout.restore();
	t.true((await fixture.connect(tenant)).isOpen);
	t.is(fixture.fanout.subscriptionsOf(tenant.userId), 1);
});

test('one socket more than a user may have closes with 4029; a place that is left can be taken', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 2});
	const [tenant, other] = [await fixture.addTenant(), await fixture.addTenant()];
	const first = await fixture.connect(tenant);
	await fixture.connect(tenant);
	const third = await fixture.open(`/ws?token=${tenant.token}`);
	t.deepEqual(await third.closed(), {code: 4029, reason: 'Too many sockets'});
	t.true((await fixture.connect(other)).isOpen);
	first.socket.close();
	await first.closed();
	await eventually(() => fixture.stream.size === 2);
	t.true((await fixture.connect(tenant)).isOpen);
});

test('a token that is revoked while it is being checked does not get in', async (t) => {
	await using fixture = await StreamFixture.start();
	const {userId, tokenId, token} = await fixture.addTenant();
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	let lookups = 0;
	fixture.lookup = async () => {
		if (++lookups === 1) await paused;
	};
	const opening = fixture.open(`/ws?token=${token}`);
	await eventually(() => lookups === 1);
	await fixture.stores.tokenStore.revoke(tokenId);
	fixture.control.change({kind: 'token-revoked', userId, tokenId});
	release(undefined);
	t.is((await (await opening).closed()).code, 4003);
});

test('a client that leaves while its token is being checked takes no place', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1});
	const tenant = await fixture.addTenant();
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	let lookups = 0;
	fixture.lookup = async () => {
		lookups++;
		await paused;
	};
	const leaving = connect(fixture.port, '127.0.0.1');
	leaving.write(
		`GET /ws?token=${tenant.token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
			'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
	);
	await eventually(() => lookups === 1);
	leaving.resetAndDestroy();
	await once(leaving, 'close');
	release(undefined);
	await fixture.connect(tenant);
	t.is(fixture.stream.size, 1);
});

test('an upgrade at another path is answered 404 in the shape of every error, without the query', async (t) => {
	await using fixture = await StreamFixture.start();
	const {token} = await fixture.addTenant();
	for (const path of ['/', '/api', '/api/ws2', '/api/ws/x', '/WS']) {
		const {status, type, body} = await refusal(`${fixture.url}${path}?token=${token}`);
		t.is(status, 404, path);
		t.is(type, 'application/json; charset=utf-8');
		t.like(body, {message: `Cannot GET ${path}`, error: 'Not Found', statusCode: 404, code: 'ROUTE_NOT_FOUND'});
		t.is(typeof body['requestId'], 'string');
	}
	t.is(fixture.stream.size, 0);
});

test('a request that is no WebSocket handshake is answered 400, and one that is cut short harms nobody', async (t) => {
	await using fixture = await StreamFixture.start();
	const answer = await new Promise<string>((resolve) => {
		const socket = connect(fixture.port, '127.0.0.1', () => {
			socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
		});
		socket.once('data', (data) => {
			resolve(data.toString());
		});
	});
	t.regex(answer, /^HTTP\/1\.1 400 /);
	for (const path of ['/ws', '/nope', '/ws?EIO=4']) {
		const socket = connect(fixture.port, '127.0.0.1');
		socket.write(
			`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
				'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
		);
		await once(socket, 'connect');
		socket.resetAndDestroy();
	}
	t.true((await fixture.connect(await fixture.addTenant())).isOpen);
	await eventually(() => fixture.stream.size === 1);
});

test('no token is logged, whatever becomes of its socket', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1});
	const tenant = await fixture.addTenant();
	const revoked = await fixture.addTenant();
	await fixture.stores.tokenStore.revoke(revoked.tokenId);
	await fixture.connect(tenant);
	const extra = [
		await fixture.open(`/ws?token=${tenant.token}`),
		await fixture.open('/ws', {headers: {authorization: `Bearer ${revoked.token}`}}),
	];
	fixture.loseTokens();
	extra.push(await fixture.open(`/ws?token=${tenant.token}`));
	fixture.control.gap();
	for (const probe of extra) await probe.closed();
	await eventually(() => fixture.log.of('stream.recheck.failed').length > 0);
	const secrets = [tenant.token, revoked.token].flatMap((token) => [token, token.slice(3)]);
	const logged = fixture.log.entries.map(({event, fields}) => event + inspectDeep(fields)).join('\n');
	t.regex(logged, /stream\.client\.refused.*4029/);
	for (const secret of secrets) t.false(logged.includes(secret));
});

/** Errors and their causes included, which JSON leaves out. */
function inspectDeep(value: unknown): string {
	if (value instanceof Error) {
		return `${value.stack ?? ''} ${inspectDeep(value.cause)} ${JSON.stringify(value)}`;
	}
	if (typeof value === 'object' && value !== null) {
		return Object.entries(value)
			.map(([key, inner]) => `${key}=${inspectDeep(inner)}`)
			.join(' ');
	}
	return String(value);
}
