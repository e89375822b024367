import test from 'ava';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createTopology} from '../../config/topology.ts';
import {ControlBus} from '../../domain/broker/control-bus.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {Tokens} from '../../domain/tokens/tokens.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture} from '../support/stream-fixture.ts';

const INVALID = {code: 4003, reason: 'Invalid token'};

test('a revoked token closes its own sockets and no others', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const second = await fixture.addToken(tenant.userId);
	const doomed = [await fixture.connect(tenant), await fixture.connect(tenant)];
	const spared = [await fixture.connect(second), await fixture.connect(await fixture.addTenant())];
	fixture.control.change({kind: 'token-revoked', userId: tenant.userId, tokenId: tenant.tokenId});
	for (const probe of doomed) t.deepEqual(await probe.closed(), INVALID);
	await eventually(() => fixture.stream.size === 2);
	for (const probe of spared) t.true(probe.isOpen);
});

test('revoking a token closes its sockets within 1 s, by way of the broker', async (t) => {
	await using fixture = await StreamFixture.start();
	await using database = new SqliteDatabase({path: ':memory:', migrations: BROKER_MIGRATIONS});
	const [topology, clock, {log}] = [createTopology(), new SystemClock(), fixture];
	await using broker = new SqliteBroker({database, topology, clock, log});
	const publisher = new Publisher({broker, topology, clock});
	const control = new ControlBus({broker, queue: topology.queues.control, publisher, log});
	control.follow(fixture.stream);
	await control.start();
	const tenant = await fixture.addTenant();
	const probe = await fixture.connect(tenant);
	const tokens = new Tokens({
		store: fixture.stores.tokenStore,
		connections: fixture.stores.connectionStore,
		control,
		clock,
	});
	const revokedAt = performance.now();
	await tokens.revoke(tenant.userId, tenant.tokenId);
	t.deepEqual(await probe.closed(), INVALID);
	t.true(performance.now() - revokedAt < 1000);
	await control.stop();
});

test('a disabled user loses all sockets', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const doomed = [await fixture.connect(tenant), await fixture.connect(await fixture.addToken(tenant.userId))];
	const spared = await fixture.connect(await fixture.addTenant());
	fixture.control.change({kind: 'user-disabled', userId: tenant.userId});
	for (const probe of doomed) t.deepEqual(await probe.closed(), INVALID);
	t.true(spared.isOpen);
});

test('other changes close nothing', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probe = await fixture.connect(tenant);
	const {userId} = tenant;
	fixture.control.change({kind: 'webhooks', userId, connectionId: null});
	fixture.control.change({kind: 'connection', userId, connectionId: 'c', sessionName: 's'});
	probe.socket.ping();
	await new Promise((resolve) => probe.socket.once('pong', resolve));
	t.true(probe.isOpen);
});

test('when changes may have been missed every open socket is checked again', async (t) => {
	await using fixture = await StreamFixture.start();
	const [revoked, kept] = [await fixture.addTenant(), await fixture.addTenant()];
	const doomed = [await fixture.connect(revoked), await fixture.connect(revoked)];
	const spared = await fixture.connect(kept);
	await fixture.stores.tokenStore.revoke(revoked.tokenId);
	fixture.control.gap();
	for (const probe of doomed) t.deepEqual(await probe.closed(), INVALID);
	t.true(spared.isOpen);
});

test('sockets that cannot be checked stay, and are checked when the store is back', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const [revoked, kept] = [await fixture.addTenant(), await fixture.addTenant()];
	const [doomed, spared] = [await fixture.connect(revoked), await fixture.connect(kept)];
	await fixture.stores.tokenStore.revoke(revoked.tokenId);
	fixture.loseTokens();
	fixture.control.gap();
	await eventually(() => fixture.log.of('stream.recheck.failed').length === 2);
	await clock.advance(5000);
	await eventually(() => fixture.log.of('stream.recheck.failed').length === 4);
	t.true(doomed.isOpen);
	fixture.restoreTokens();
	await clock.advance(5000);
	t.deepEqual(await doomed.closed(), INVALID);
	t.true(spared.isOpen);
});

test('a loss that the control bus tells of is made good from the log, for that user or for all', async (t) => {
	await using fixture = await StreamFixture.start();
	const [alice, bob] = [await fixture.addTenant(), await fixture.addTenant()];
	const [ours, theirs] = [await fixture.connect(alice), await fixture.connect(bob)];
	const lost = (index: number): readonly NewLoggedEvent[] =>
		[alice, bob].map(({userId}) => makeStreamEvent(userId, index));
	const [first, second] = [lost(1), lost(2)];
	await fixture.events.append(first);
	fixture.control.change({kind: 'frames-lost', userId: alice.userId});
	await ours.received([first[0]?.id ?? '']);
	await fixture.events.append(second);
	t.deepEqual(theirs.ids, []);
	fixture.control.change({kind: 'frames-lost', userId: null});
	await theirs.received([first[1], second[1]].map((event) => event?.id ?? ''));
	await ours.received([second[0]?.id ?? '']);
	t.deepEqual(ours.ids, [first[0]?.id, second[0]?.id]);
});

test('when changes may have been missed, losses may have been, too: everybody catches up', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probe = await fixture.connect(tenant);
	const event = makeStreamEvent(tenant.userId, 1);
	await fixture.events.append([event]);
	fixture.control.gap();
	await probe.received([event.id]);
	t.deepEqual(probe.ids, [event.id]);
});

test('what came by a ticket is checked again like everything else', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const identity = await fixture.tickets.authenticate(tenant.token);
	const {ticket} = await fixture.tickets.issue(identity);
	const probe = await fixture.open(`/ws?ticket=${ticket}`);
	await eventually(() => fixture.log.of('stream.client.admitted').length === 1);
	await fixture.stores.tokenStore.revoke(tenant.tokenId);
	fixture.control.gap();
	t.deepEqual(await probe.closed(), INVALID);
});
