import {once} from 'node:events';
import {request} from 'node:http';
import test from 'ava';
import {newToken} from '../../domain/tokens/token.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {SocketIoProbe} from '../support/socket-io-probe.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture, type Tenant} from '../support/stream-fixture.ts';

const KILOBYTE = 1024;

/** A client that is live. */
async function join(
	fixture: StreamFixture,
	{token}: Pick<Tenant, 'token'>,
	options: ConstructorParameters<typeof SocketIoProbe>[1] = {},
): Promise<SocketIoProbe> {
	const admitted = fixture.log.of('stream.client.admitted').length;
	const probe = new SocketIoProbe(fixture.url, {auth: {token}, ...options});
	await probe.connected();
	await eventually(() => fixture.log.of('stream.client.admitted').length > admitted);
	return probe;
}

for (const [way, optionsOf] of Object.entries({
	'in auth.token': (token: string) => ({auth: {token}}),
	'in the query': (token: string) => ({query: {token}}),
	'in the Authorization header': (token: string) => ({extraHeaders: {authorization: `Bearer ${token}`}}),
	'at /ws': (token: string) => ({path: '/ws', auth: {token}}),
	'by long polling': (token: string) => ({transports: ['polling'], auth: {token}}),
	'by long polling, in the header': (token: string) => ({
		transports: ['polling'],
		extraHeaders: {authorization: `Bearer ${token}`},
	}),
})) {
	test(`events come as "event" with the envelope, with the token ${way}`, async (t) => {
		await using fixture = await StreamFixture.start();
		const tenant = await fixture.addTenant();
		using probe = await join(fixture, tenant, optionsOf(tenant.token));
		const events = Array.from({length: 50}, (_, index) => makeStreamEvent(tenant.userId, index, Date.now(), 100));
		for (const event of events) await fixture.publish(event);
		await probe.received(events.map(({id}) => id));
		t.deepEqual(
			probe.frames,
			events.map(({body}) => JSON.parse(body) as object),
		);
	});
}

test('a client that begins with long polling goes on over WebSocket and misses nothing', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	using probe = await join(fixture, tenant, {transports: ['polling', 'websocket']});
	const ids: string[] = [];
	for (let index = 0; probe.transport !== 'websocket' || ids.length < 100; index++) {
		const event = makeStreamEvent(tenant.userId, index);
		ids.push(event.id);
		await fixture.publish(event);
		await new Promise((resolve) => setImmediate(resolve));
	}
	await probe.received(ids);
	t.deepEqual(probe.ids, ids);
});

test('a client that may not come in gets connect_error with the code of the contract', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1});
	const tenant = await fixture.addTenant();
	const writer = await fixture.addToken(tenant.userId, {scopes: ['send']});
	const refused = async (auth: object): Promise<unknown> => {
		using probe = new SocketIoProbe(fixture.url, {auth});
		return await probe.refused();
	};
	t.deepEqual(await refused({}), {message: 'Missing token', data: {code: 4001}});
	t.deepEqual(await refused({token: 17}), {message: 'Missing token', data: {code: 4001}});
	t.deepEqual(await refused({token: newToken()}), {message: 'Invalid token', data: {code: 4003}});
	t.deepEqual(await refused({token: writer.token}), {message: 'Token lacks the scope read', data: {code: 4003}});
	using first = await join(fixture, tenant);
	t.deepEqual(await refused({token: tenant.token}), {message: 'Too many sockets', data: {code: 4029}});
	t.true(first.socket.connected);
	fixture.loseTokens();
	t.deepEqual(await refused({token: newToken()}), {message: 'Authentication failed', data: {code: 4000}});
	await eventually(() => fixture.stream.size === 1);
});

test('a user has no more clients than he may, whatever their transport', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 2});
	const tenant = await fixture.addTenant();
	await fixture.connect(tenant);
	using _first = await join(fixture, tenant);
	const third = await fixture.open(`/ws?token=${tenant.token}`);
	t.is((await third.closed()).code, 4029);
});

test('Socket.IO of version 2 is refused with a reason, on both transports', async (t) => {
	await using fixture = await StreamFixture.start();
	const {token} = await fixture.addTenant();
	const url = `${fixture.url.replace('ws', 'http')}/api/ws/?EIO=3&token=${token}`;
	for (const headers of [
		{},
		{
			connection: 'Upgrade',
			upgrade: 'websocket',
			'sec-websocket-version': '13',
			'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
		},
	]) {
		const sent = request(`${url}&transport=${'upgrade' in headers ? 'websocket' : 'polling'}`, {headers}).end();
		const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & {statusCode: number}];
		let text = '';
		for await (const chunk of response) text += chunk.toString();
		t.is(response.statusCode, 400);
		const body = JSON.parse(text) as {code: string; message: string};
		t.is(body.code, 'VALIDATION_FAILED');
		t.regex(body.message, /EIO=4: use version 3 or 4 of socket\.io-client/);
	}
});

test('a token that is revoked ends its clients, and they stay away', async (t) => {
	await using fixture = await StreamFixture.start();
	const [tenant, other] = [await fixture.addTenant(), await fixture.addTenant()];
	using doomed = await join(fixture, tenant, {reconnection: true, reconnectionDelay: 10});
	using polling = await join(fixture, tenant, {reconnection: true, transports: ['polling']});
	using spared = await join(fixture, other);
	const ends = [doomed.disconnected(), polling.disconnected()];
	fixture.control.change({kind: 'token-revoked', userId: tenant.userId, tokenId: tenant.tokenId});
	t.deepEqual(await Promise.all(ends), ['io server disconnect', 'io server disconnect']);
	for (const {closings} of [doomed, polling]) t.like(closings[0], {code: 4003, reason: 'Invalid token'});
	await eventually(() => fixture.stream.size === 1);
	t.true(spared.socket.connected);
});

test('a client comes back by itself after a loss, and resumes where it was', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const resume: {since?: string} = {};
	using probe = await join(fixture, tenant, {
		reconnection: true,
		reconnectionDelay: 10,
		auth: (answer) => {
			answer({token: tenant.token, ...resume});
		},
	});
	const [first, missed, later] = [1, 2, 3].map((index) => makeStreamEvent(tenant.userId, index));
	if (first === undefined || missed === undefined || later === undefined) throw new Error('there are three');
	await fixture.events.append([first]);
	await fixture.publish(first);
	await probe.received([first.id]);
	resume.since = first.id;
	await fixture.events.append([missed]);
	const gone = probe.disconnected();
	probe.socket.io.engine.close();
	await gone;
	await probe.received([missed.id]);
	await fixture.publish(later);
	await probe.received([later.id]);
	t.deepEqual(probe.ids, [first.id, missed.id, later.id]);
});

test('a client that leaves and keeps its connection takes no place, and may come in again by it', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1});
	const tenant = await fixture.addTenant();
	const probe = await fixture.open('/ws/?EIO=4&transport=websocket');
	for (let visit = 1; visit <= 20; visit++) {
		probe.socket.send(`40${JSON.stringify({token: tenant.token})}`);
		await eventually(() => fixture.log.of('stream.client.admitted').length === visit);
		const event = makeStreamEvent(tenant.userId, visit);
		await fixture.publish(event);
		await eventually(() => probe.texts.at(-1)?.includes(event.id));
		probe.socket.send('41');
		await eventually(() => fixture.stream.size === 0);
		await eventually(() => fixture.fanout.subscriptionsOf(tenant.userId) === 0);
	}
	t.true(probe.isOpen);
	t.true((await fixture.connect(tenant)).isOpen);
});

test('who says since is told where the stream begins, as an event of its own', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	await fixture.events.append([makeStreamEvent(tenant.userId, 1)]);
	using silent = await join(fixture, tenant);
	using probe = await join(fixture, tenant, {auth: {token: tenant.token, since: ''}});
	await eventually(() => probe.others.length === 1);
	t.deepEqual(probe.others[0], {type: 'ready', since: 'pos_1'} as object);
	const event = makeStreamEvent(tenant.userId, 2);
	await fixture.publish(event);
	await silent.received([event.id]);
	t.deepEqual(silent.others, []);
});

test('what a client subscribes to is acknowledged, and what cannot be is an error that changes nothing', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	using probe = await join(fixture, tenant, {auth: {token: tenant.token, events: 'call.*'}});
	await eventually(() => probe.others.length === 1);
	t.deepEqual(probe.others[0], {type: 'subscribed', events: ['call.*'], connectionIds: null} as object);
	const refused: unknown = await probe.socket.emitWithAck('subscribe', {events: ['Wrong Name']});
	t.like(refused, {type: 'error', code: 'VALIDATION_FAILED'});
	const [unwanted, wanted] = [
		makeStreamEvent(tenant.userId, 1),
		{...makeStreamEvent(tenant.userId, 2), event: 'call.received'},
	];
	for (const event of [unwanted, wanted]) await fixture.publish(event);
	await probe.received([wanted.id]);
	const taken: unknown = await probe.socket.emitWithAck('subscribe', {events: ['message']});
	t.deepEqual(taken, {type: 'subscribed', events: ['message'], connectionIds: null});
	const again = makeStreamEvent(tenant.userId, 3);
	await fixture.publish(again);
	await probe.received([again.id]);
	t.deepEqual(probe.ids, [wanted.id, again.id]);
	probe.socket.emit('whatever', {type: 'subscribe', events: ['x']}, 17);
	probe.socket.emit('subscribe', {connectionId: '3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15'});
	await eventually(() => probe.others.some(({code}) => code === 'NOT_FOUND'));
	t.is(probe.others.length, 2);
});

test('a slow reader is cut, while the others go on', async (t) => {
	await using fixture = await StreamFixture.start({maxBufferedBytes: 256 * KILOBYTE});
	const tenant = await fixture.addTenant();
	using slow = await join(fixture, tenant);
	using fast = await join(fixture, tenant);
	const {ws} = slow.socket.io.engine.transport as unknown as {ws: {pause(): void; resume(): void}};
	ws.pause();
	const gone = slow.disconnected();
	let published = 0;
	while (fixture.log.of('stream.client.cut').length === 0 && published < 500) {
		published++;
		await fixture.publish(makeStreamEvent(tenant.userId, published, Date.now(), 64 * KILOBYTE));
		await eventually(() => fast.ids.length === published);
	}
	t.true(published < 500);
	ws.resume();
	// It may come back and resume: its connection ended, not its welcome.
	t.is(await gone, 'transport close');
	t.deepEqual(slow.ids, fast.ids.slice(0, slow.ids.length), 'what it got has no hole');
	await eventually(() => fixture.stream.size === 1);
	t.true(fast.socket.connected);
});

test('a poller that stops polling is cut at the same bound', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock, maxBufferedBytes: 64 * KILOBYTE});
	const tenant = await fixture.addTenant();
	const base = `${fixture.url.replace('ws', 'http')}/ws/?EIO=4&transport=polling`;
	const opened = JSON.parse((await (await fetch(base)).text()).slice(1)) as {sid: string; maxPayload: number};
	t.is(opened.maxPayload, 64 * KILOBYTE);
	const session = `${base}&sid=${opened.sid}`;
	const token = JSON.stringify({token: tenant.token});
	await fetch(session, {method: 'POST', body: `40${token}`});
	await eventually(() => fixture.log.of('stream.client.admitted').length === 1);
	t.regex(await (await fetch(session)).text(), /^40\{"sid"/);
	for (let index = 0; fixture.log.of('stream.client.cut').length === 0; index++) {
		if (index === 100) return t.fail('was not cut');
		await fixture.publish(makeStreamEvent(tenant.userId, index, clock.now(), 4 * KILOBYTE));
	}
	await clock.advance(5000);
	await eventually(() => fixture.stream.size === 0);
	t.is((await fetch(session)).status, 400);
});

test('a client that says too much, or too much at once, loses its own connection only', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	using polite = await join(fixture, tenant);
	using chatty = await join(fixture, tenant);
	using large = await join(fixture, tenant);
	const ends = [chatty.disconnected(), large.disconnected()];
	for (let index = 0; index < 10_000; index++) chatty.socket.emit('subscribe', {events: [`e${index}`]});
	large.socket.emit('x', 'x'.repeat(1024 * KILOBYTE));
	t.deepEqual((await Promise.all(ends)).length, 2);
	await eventually(() => fixture.stream.size === 1);
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.publish(event);
	await polite.received([event.id]);
});

test('at shutdown clients lose their connection, so that they come back elsewhere', async (t) => {
	const fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	using websocket = await join(fixture, tenant);
	using polling = await join(fixture, tenant, {transports: ['polling']});
	const ends = [websocket.disconnected(), polling.disconnected()];
	await fixture[Symbol.asyncDispose]();
	t.deepEqual(await Promise.all(ends), ['transport close', 'transport close']);
	for (const {closings} of [websocket, polling]) t.like(closings[0], {code: 1012});
	t.is(fixture.stream.size, 0);
});

test('connections that never name a token are closed', async (t) => {
	await using fixture = await StreamFixture.start();
	const base = `${fixture.url.replace('ws', 'http')}/api/ws/?EIO=4&transport=polling`;
	const opened = JSON.parse((await (await fetch(base)).text()).slice(1)) as {sid: string};
	await eventually(async () => {
		// A poll is answered with a close packet.
		const answer = await fetch(`${base}&sid=${opened.sid}`);
		return answer.status === 400 || (await answer.text()) === '1';
	}, 20_000);
	t.is(fixture.stream.size, 0);
});
