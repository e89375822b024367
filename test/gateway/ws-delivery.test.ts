import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import {StreamFrame} from '../../gateway/ws/stream-frame.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture} from '../support/stream-fixture.ts';
import type {StreamProbe} from '../support/stream-probe.ts';

const KILOBYTE = 1024;

test("a user's sockets get the user's events, and nobody else's", async (t) => {
	await using fixture = await StreamFixture.start();
	const [alice, bob] = [await fixture.addTenant(), await fixture.addTenant()];
	const sockets = [await fixture.connect(alice), await fixture.connect(await fixture.addToken(alice.userId))];
	const stranger = await fixture.connect(bob);
	const ours = Array.from({length: 20}, (_, index) => makeStreamEvent(alice.userId, index));
	const theirs = Array.from({length: 20}, (_, index) => makeStreamEvent(bob.userId, index));
	for (const [index, event] of ours.entries()) {
		await fixture.publish(event);
		await fixture.publish(theirs[index] ?? event);
	}
	for (const socket of sockets) {
		await socket.received(ours.map(({id}) => id));
		t.deepEqual(
			socket.ids,
			ours.map(({id}) => id),
		);
	}
	await stranger.received(theirs.map(({id}) => id));
	t.deepEqual(
		stranger.ids,
		theirs.map(({id}) => id),
	);
});

test('a frame is the envelope, byte for byte, as text, whatever its size', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probe = await fixture.connect(tenant);
	const bodies = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000, 900_000].map((size) => 'x'.repeat(size));
	bodies.push('{"body":"Grüße 👋🏽 \\u2028"}');
	for (const [index, body] of bodies.entries()) {
		await fixture.publish({...makeStreamEvent(tenant.userId, index), body});
	}
	await eventually(() => probe.texts.length === bodies.length);
	t.deepEqual(
		probe.texts.map(({length}) => length),
		bodies.map(({length}) => length),
	);
	t.deepEqual(probe.texts, bodies);
	t.is(probe.binaryFrames, 0);
});

test('a frame is encoded once for each transport, however often it is sent', (t) => {
	const frame = new StreamFrame('event', Buffer.from('{}'));
	t.is(frame.wire, frame.wire);
	t.is(frame.socketIo, frame.socketIo);
	t.is(frame.serverSent, frame.serverSent);
	t.deepEqual(frame.wire, Buffer.from([0x81, 2, 0x7b, 0x7d]));
});

test('a user has one subscription, from the first socket to the last', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probes = await Promise.all([1, 2, 3].map(() => fixture.connect(tenant)));
	t.is(fixture.fanout.subscriptionsOf(tenant.userId), 1);
	const last = probes.pop();
	for (const {socket} of probes) socket.terminate();
	await eventually(() => fixture.stream.size === 1);
	t.is(fixture.fanout.subscriptionsOf(tenant.userId), 1);
	last?.socket.close();
	await eventually(() => fixture.fanout.subscriptionsOf(tenant.userId) === 0);
	const again = await fixture.connect(tenant);
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.publish(event);
	await again.received([event.id]);
});

test('1,000 sockets of one user get every frame', async (t) => {
	await using fixture = await StreamFixture.start({maxSocketsPerUser: 1000});
	const tenant = await fixture.addTenant();
	const probes: StreamProbe[] = [];
	while (probes.length < 1000) {
		probes.push(...(await Promise.all(Array.from({length: 100}, () => fixture.open(`/ws?token=${tenant.token}`)))));
	}
	await eventually(() => fixture.log.of('stream.client.admitted').length === 1000);
	t.is(fixture.fanout.subscriptionsOf(tenant.userId), 1);
	const events = Array.from({length: 20}, (_, index) => makeStreamEvent(tenant.userId, index, Date.now(), 500));
	for (const event of events) await fixture.publish(event);
	await eventually(() => probes.every(({texts}) => texts.length === events.length), 30_000);
	const expected = events.map(({body}) => body);
	for (const {texts} of probes) {
		if (texts.some((text, index) => text !== expected[index])) t.fail('a socket got something else');
	}
});

test('a slow reader is told 4008 and cut, while the others go on', async (t) => {
	await using fixture = await StreamFixture.start({maxBufferedBytes: 256 * KILOBYTE});
	const tenant = await fixture.addTenant();
	const [slow, fast] = [await fixture.connect(tenant), await fixture.connect(tenant)];
	slow.socket.pause();
	let published = 0;
	const publish = async (): Promise<void> => {
		published++;
		await fixture.publish(makeStreamEvent(tenant.userId, published, Date.now(), 64 * KILOBYTE));
		await eventually(() => fast.texts.length === published);
	};
	// The kernel's buffers on both sides take some megabytes first.
	while (fixture.log.of('stream.client.cut').length === 0 && published < 500) await publish();
	t.true(published < 500);
	slow.socket.resume();
	t.deepEqual(await slow.closed(), {code: 4008, reason: 'Too slow'});
	t.deepEqual(slow.ids, fast.ids.slice(0, slow.ids.length), 'what it got has no hole');
	await publish();
	t.true(fast.isOpen);
	await eventually(() => fixture.stream.size === 1);
});

test('a slow reader that does not even take the close frame is gone after 5 s', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock, maxBufferedBytes: 64 * KILOBYTE});
	const tenant = await fixture.addTenant();
	const slow = await fixture.connect(tenant);
	slow.socket.pause();
	for (let index = 0; fixture.log.of('stream.client.cut').length === 0; index++) {
		if (index === 2000) return t.fail('was not cut');
		await fixture.publish(makeStreamEvent(tenant.userId, index, clock.now(), 32 * KILOBYTE));
		await new Promise((resolve) => setImmediate(resolve));
	}
	await clock.advance(4900);
	t.is(fixture.stream.size, 1);
	await clock.advance(100);
	await eventually(() => fixture.stream.size === 0);
});

test('a socket that answers pings stays, one that does not is cut after the second', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const tenant = await fixture.addTenant();
	const alive = await fixture.connect(tenant);
	const dead = await fixture.connect(tenant, {autoPong: false});
	const pings = {alive: 0, dead: 0};
	alive.socket.on('ping', () => pings.alive++);
	dead.socket.on('ping', () => pings.dead++);
	let pongs = 0;
	alive.socket.on('pong', () => pongs++);
	for (let round = 1; round <= 2; round++) {
		await clock.advance(25_000);
		await eventually(() => pings.alive === round && pings.dead === round);
		// The answer to a ping of ours comes behind the answer to the server's.
		alive.socket.ping();
		await eventually(() => pongs === round);
	}
	t.true(dead.isOpen);
	await clock.advance(25_000);
	t.is((await dead.closed()).code, 1006);
	await eventually(() => pings.alive === 3);
	t.true(alive.isOpen);
	t.is(fixture.stream.size, 1);
});

test('a client that says too much loses its own socket only', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const [polite, chatty, pinging, flooding, hostile] = await Promise.all(
		Array.from({length: 5}, () => fixture.connect(tenant)),
	);
	for (const probe of [chatty, pinging, flooding, hostile]) probe?.socket.on('error', () => undefined);
	// What is not meant for us is ignored: anything may be said, in moderation.
	for (let index = 0; index < 150; index++) chatty?.socket.send(['{"a":1}', '[', '', '"x"', 'null'][index % 5] ?? '');
	chatty?.socket.send(Buffer.alloc(64 * KILOBYTE));
	for (let index = 0; index < 10_000; index++) {
		pinging?.socket.ping();
		flooding?.socket.send(`{"type":"subscribe","events":["e${index}"]}`);
	}
	hostile?.socket.send(Buffer.alloc(1024 * KILOBYTE));
	t.is((await hostile?.closed())?.code, 1009);
	for (const probe of [pinging, flooding])
		t.deepEqual(await probe?.closed(), {code: 1008, reason: 'Too many messages'});
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.publish(event);
	for (const probe of [polite, chatty]) {
		await probe?.received([event.id]);
		t.is(probe?.texts.length, 1);
	}
	await eventually(() => fixture.stream.size === 2);
});

test.serial('floods of upgrades without a token leave nothing behind', async (t) => {
	await using fixture = await StreamFixture.start();
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	const flood = async (): Promise<number> => {
		for (let batch = 0; batch < 5; batch++) {
			await Promise.all(
				Array.from({length: 100}, async () => {
					const probe = await fixture.open('/ws');
					await probe.closed();
				}),
			);
			fixture.forgetProbes();
		}
		await eventually(() => fixture.stream.size === 0);
		fixture.log.entries.length = 0;
		await new Promise((resolve) => setImmediate(resolve));
		collect();
		return process.memoryUsage().heapUsed;
	};
	await flood();
	const before = await flood();
	const after = await flood();
	t.true(after < before * 1.1, `${before} bytes before, ${after} after`);
});

test('a client that keeps the connection after a refusal is cut after 5 s', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const probe = await fixture.open('/ws');
	probe.socket.pause();
	await eventually(() => fixture.stream.size === 1);
	await clock.advance(5000);
	await eventually(() => fixture.stream.size === 0);
	t.pass();
});

test('at shutdown every socket closes with 1012 and its subscription ends', async (t) => {
	const fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probes = await Promise.all([1, 2, 3].map(() => fixture.connect(tenant)));
	await fixture.stream[Symbol.asyncDispose]();
	for (const probe of probes) {
		t.deepEqual(await probe.closed(), {code: 1012, reason: 'Service restart'});
	}
	t.is(fixture.fanout.subscriptionsOf(tenant.userId), 0);
	t.is(fixture.stream.size, 0);
	await fixture[Symbol.asyncDispose]();
});

test('shutdown is over within 2 s, even if clients do not answer', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const probe = await fixture.connect(await fixture.addTenant());
	probe.socket.pause();
	let isOver = false;
	const shutdown = fixture.stream[Symbol.asyncDispose]().then(() => {
		isOver = true;
	});
	await clock.advance(1000);
	t.false(isOver);
	await clock.advance(1000);
	t.true(isOver);
	await shutdown;
	await eventually(() => fixture.stream.size === 0);
});

test('a socket that arrives during the shutdown is turned away', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const tenant = await fixture.addTenant();
	const open = await fixture.connect(tenant);
	open.socket.pause();
	const shutdown = fixture.stream[Symbol.asyncDispose]();
	const late = await fixture.open(`/ws?token=${tenant.token}`);
	t.is((await late.closed()).code, 1012);
	await clock.advance(2000);
	await shutdown;
});
