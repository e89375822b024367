import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {Scope} from '../../domain/tokens/grants.ts';
import {eventually} from '../support/eventually.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture, type Tenant} from '../support/stream-fixture.ts';
import type {StreamProbe} from '../support/stream-probe.ts';

const INVALID = {code: 4003, reason: 'Invalid token'};

const HOUR_MS = 3_600_000;

/** Events of the shop, the office and the user as a whole, in turn. */
function makeEvents(userId: string, from: number, to: number): readonly NewLoggedEvent[] {
	const connections = ['shop', 'office', null];
	return Array.from({length: to - from + 1}, (_, index) => ({
		...makeStreamEvent(userId, from + index),
		connectionId: connections[(from + index) % 3] ?? null,
	}));
}

function idsOf(events: readonly NewLoggedEvent[], connectionId?: string): readonly string[] {
	return events.filter((event) => connectionId === undefined || event.connectionId === connectionId).map(({id}) => id);
}

/** A user's sockets: for everything, for the shop, for the office. */
async function connectAll(fixture: StreamFixture): Promise<{tenant: Tenant; shop: Tenant; probes: StreamProbe[]}> {
	const tenant = await fixture.addTenant();
	const shop = await fixture.addToken(tenant.userId, {connectionIds: ['shop']});
	const office = await fixture.addToken(tenant.userId, {connectionIds: ['office', randomUUID()], scopes: ['read']});
	const probes: StreamProbe[] = [];
	for (const each of [tenant, shop, office]) probes.push(await fixture.connect(each));
	return {tenant, shop, probes};
}

for (const scopes of [['send'], ['manage'], ['send', 'manage'], []] as readonly Scope[][]) {
	test(`a token with the scopes [${scopes.join(', ')}] closes with 4003: it may not read`, async (t) => {
		await using fixture = await StreamFixture.start();
		const tenant = await fixture.addTenant({scopes});
		const probe = await fixture.open(`/ws?token=${tenant.token}`);
		t.deepEqual(await probe.closed(), {code: 4003, reason: 'Token lacks the scope read'});
		t.is(fixture.fanout.subscriptionsOf(tenant.userId), 0);
	});
}

test('a token for certain connections gets their live events and no others', async (t) => {
	await using fixture = await StreamFixture.start();
	const {tenant, probes} = await connectAll(fixture);
	const [all, shop, office] = probes;
	const events = makeEvents(tenant.userId, 1, 30);
	for (const event of events) await fixture.publish(event);
	await all?.received(idsOf(events));
	await shop?.received(idsOf(events, 'shop'));
	await office?.received(idsOf(events, 'office'));
	t.deepEqual(all?.ids, idsOf(events));
	t.deepEqual(shop?.ids, idsOf(events, 'shop'));
	t.deepEqual(office?.ids, idsOf(events, 'office'));
});

test('a resumed socket is replayed only what its token may see, before, during and after the replay', async (t) => {
	await using fixture = await StreamFixture.start();
	const {userId} = await fixture.addTenant();
	const {token} = await fixture.addToken(userId, {connectionIds: ['shop']});
	const [logged, during, later] = [makeEvents(userId, 1, 60), makeEvents(userId, 61, 66), makeEvents(userId, 67, 72)];
	await fixture.events.append(logged);
	const {promise, resolve: release} = Promise.withResolvers<undefined>();
	fixture.events.delay = () => promise;
	const probe = await fixture.open(`/ws?token=${token}&since=${logged[0]?.id ?? ''}`);
	await eventually(() => fixture.events.reads > 0);
	fixture.events.delay = () => Promise.resolve();
	release(undefined);
	await eventually(() => fixture.fanout.subscriptionsOf(userId) === 1);
	for (const event of during) await fixture.publish(event);
	const expected = idsOf([...logged.slice(1), ...during], 'shop');
	await probe.received(expected);
	for (const event of later) await fixture.publish(event);
	await probe.received(idsOf(later, 'shop'));
	t.deepEqual(probe.ids, [...expected, ...idsOf(later, 'shop')]);
});

test('what the fan-out lost is made good with what the token may see only', async (t) => {
	await using fixture = await StreamFixture.start();
	const {tenant, probes} = await connectAll(fixture);
	const [all, shop] = probes;
	const events = makeEvents(tenant.userId, 1, 30);
	await fixture.events.append(events);
	for (const event of events.slice(0, 10)) await fixture.publish(event);
	await all?.received(idsOf(events.slice(0, 10)));
	fixture.fanout.lose();
	fixture.fanout.restore();
	await all?.received(idsOf(events));
	await shop?.received(idsOf(events, 'shop'));
	t.deepEqual(shop?.ids, idsOf(events, 'shop'));
});

test('a gap names the last event that the client itself has, never one that it may not know of', async (t) => {
	await using fixture = await StreamFixture.start();
	const {tenant, shop, probes} = await connectAll(fixture);
	// The office comes last, and the shop before it.
	const events = makeEvents(tenant.userId, 1, 4);
	for (const event of events) await fixture.publish(event);
	await probes[0]?.received(idsOf(events));
	fixture.events.isAway = true;
	fixture.fanout.restore();
	const resumed = await fixture.open(`/ws?token=${shop.token}&since=${events[2]?.id ?? ''}`);
	await eventually(() => [...probes, resumed].every(({gaps}) => gaps.length > 0));
	const told = [...probes, resumed].map(({gaps}) => gaps[0]?.from);
	t.deepEqual(told, [events[3]?.id, events[2]?.id, events[3]?.id, events[2]?.id]);
});

test('an expired token does not get in, and one that expires closes its own sockets with 4003', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const expiresAt = new Date(clock.now() + 2 * HOUR_MS);
	const tenant = await fixture.addTenant({expiresAt});
	const lasting = await fixture.addToken(tenant.userId);
	const [doomed, spared] = [await fixture.connect(tenant), await fixture.connect(lasting)];
	await clockTo(clock, expiresAt.getTime() - 1, [doomed, spared]);
	t.true(doomed.isOpen);
	await clock.advance(1);
	t.deepEqual(await doomed.closed(), INVALID);
	t.true(spared.isOpen);
	const late = await fixture.open(`/ws?token=${tenant.token}`);
	t.deepEqual(await late.closed(), INVALID);
	await eventually(() => fixture.stream.size === 1);
});

test('a socket that is closed leaves no timer behind', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const probe = await fixture.connect(await fixture.addTenant({expiresAt: new Date(clock.now() + HOUR_MS)}));
	const armed = clock.timers;
	probe.socket.close();
	await eventually(() => fixture.stream.size === 0);
	await eventually(() => clock.timers < armed);
	t.is(clock.timers, 0);
});

for (const [way, request] of Object.entries({
	'in the query': (jwt: string) => ({path: `/api/ws?token=${jwt}`, headers: {}}),
	'in the Authorization header': (jwt: string) => ({path: '/ws', headers: {authorization: `Bearer ${jwt}`}}),
})) {
	test(`who signed in by a JWT gets his events, with the JWT ${way}`, async (t) => {
		await using provider = await IdentityProvider.start();
		await using fixture = await StreamFixture.start({signIn: provider.settings});
		const userId = randomUUID();
		const {path, headers} = request(await provider.sign({sub: userId}));
		const probe = await fixture.open(path, {headers});
		await eventually(() => fixture.fanout.subscriptionsOf(userId) === 1);
		const events = makeEvents(userId, 1, 3);
		for (const event of events) await fixture.publish(event);
		await probe.received(idsOf(events));
		t.deepEqual(probe.ids, idsOf(events));
	});
}

test('a forged JWT reads nobody’s stream', async (t) => {
	await using provider = await IdentityProvider.start();
	await using stranger = await IdentityProvider.start();
	await using fixture = await StreamFixture.start({signIn: provider.settings});
	const {userId} = await fixture.addTenant();
	const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
	const [head = '', , signature = ''] = (await provider.sign()).split('.');
	const claims = encode({sub: userId, aud: 'authenticated', iss: provider.issuer, exp: 4e9});
	for (const jwt of [
		`${head}.${claims}.${signature}`,
		`${encode({alg: 'none', kid: 'x'})}.${claims}.`,
		await stranger.sign({sub: userId}),
		await provider.sign({sub: userId, aud: 'anon'}),
		await provider.sign({sub: userId, exp: 1}),
	]) {
		const probe = await fixture.open(`/ws?token=${jwt}`);
		t.deepEqual(await probe.closed(), INVALID);
	}
	t.is(fixture.fanout.subscriptionsOf(userId), 0);
});

test('a socket closes when its JWT ends, within seconds', async (t) => {
	await using provider = await IdentityProvider.start();
	const clock = new ManualClock(Date.now());
	await using fixture = await StreamFixture.start({clock, signIn: provider.settings});
	const jwt = await provider.sign({exp: Math.floor(clock.now() / 1000) + 600});
	const probe = await fixture.open(`/ws?token=${jwt}`);
	await eventually(() => fixture.log.of('stream.client.admitted').length === 1);
	await clockTo(clock, clock.now() + 598_000, [probe]);
	t.true(probe.isOpen);
	await clock.advance(10_000);
	t.deepEqual(await probe.closed(), INVALID);
});

test('a JWT that cannot be checked closes with 4000: come back later', async (t) => {
	await using provider = await IdentityProvider.start();
	await using fixture = await StreamFixture.start({signIn: provider.settings});
	provider.mode = 'broken';
	const probe = await fixture.open(`/ws?token=${await provider.sign()}`);
	t.deepEqual(await probe.closed(), {code: 4000, reason: 'Authentication failed'});
});

test('a disabled user who signed in loses his sockets, and every other open one is checked after a gap', async (t) => {
	await using provider = await IdentityProvider.start();
	await using fixture = await StreamFixture.start({signIn: provider.settings});
	const connect = async (sub: string): Promise<StreamProbe> => {
		const probe = await fixture.open(`/ws?token=${await provider.sign({sub})}`);
		await eventually(() => fixture.fanout.subscriptionsOf(sub) === 1);
		return probe;
	};
	const [first, second] = [randomUUID(), randomUUID()];
	const [told, untold] = [await connect(first), await connect(second)];
	await fixture.stores.userStore.setDisabled(first, true);
	fixture.control.change({kind: 'user-disabled', userId: first});
	t.deepEqual(await told.closed(), INVALID);
	t.true(untold.isOpen);
	await fixture.stores.userStore.setDisabled(second, true);
	fixture.control.gap();
	t.deepEqual(await untold.closed(), INVALID);
});

/** A client that says something is alive. */
async function ping({socket}: StreamProbe): Promise<void> {
	const pong = once(socket, 'pong');
	socket.ping();
	await pong;
}

/** Winds on in steps in which clients answer the pings. */
async function clockTo(clock: ManualClock, atMs: number, probes: readonly StreamProbe[]): Promise<void> {
	while (clock.now() < atMs) {
		await clock.advance(Math.min(25_000, atMs - clock.now()));
		await Promise.all(probes.map(ping));
	}
}
