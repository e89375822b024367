import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {eventually} from '../support/eventually.ts';
import {sampleConnection} from '../support/samples.ts';
import {makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture, type Tenant} from '../support/stream-fixture.ts';
import type {StreamProbe} from '../support/stream-probe.ts';

const NAMES = ['message', 'message.ack', 'group.join', 'group.v2.update', 'call.received'] as const;

/** One event of each name, of this connection. */
function makeEvents({userId}: Tenant, from: number, connectionId: string | null): readonly NewLoggedEvent[] {
	return NAMES.map((event, index) => ({...makeStreamEvent(userId, from + index), event, connectionId}));
}

function idsOf(events: readonly NewLoggedEvent[], ...names: readonly string[]): readonly string[] {
	return events.filter(({event}) => names.includes(event)).map(({id}) => id);
}

async function addConnection(fixture: StreamFixture, {userId}: Pick<Tenant, 'userId'>): Promise<string> {
	const connection = sampleConnection({userId});
	await fixture.stores.connectionStore.insert(connection);
	return connection.id;
}

/** What the stream says of itself, besides events. */
function answersOf(probe: StreamProbe): readonly Record<string, unknown>[] {
	return (probe.frames as readonly Record<string, unknown>[]).filter(({type}) => type !== undefined);
}

async function answered(probe: StreamProbe, count: number): Promise<Record<string, unknown>> {
	await eventually(() => answersOf(probe).length === count);
	return answersOf(probe).at(-1) ?? {};
}

for (const [query, names] of [
	['events=message', ['message']],
	['events=message,message.ack', ['message', 'message.ack']],
	['events=message&events=call.received', ['message', 'call.received']],
	['events=group.*', ['group.join', 'group.v2.update']],
	['events=group.v2.*,%20message', ['group.v2.update', 'message']],
	['events=*', NAMES],
	['events=', NAMES],
	['events=none.such', []],
] as const) {
	test(`?${query} gets ${names.length === 0 ? 'nothing' : names.join(', ')}`, async (t) => {
		await using fixture = await StreamFixture.start();
		const tenant = await fixture.addTenant();
		const probe = await fixture.open(`/ws?token=${tenant.token}&${query}`);
		const all = await fixture.connect(tenant);
		await eventually(() => fixture.log.of('stream.client.admitted').length === 2);
		const events = makeEvents(tenant, 1, null);
		for (const event of events) await fixture.publish(event);
		await all.received(events.map(({id}) => id));
		await probe.received(idsOf(events, ...names));
		t.deepEqual(probe.ids, idsOf(events, ...names));
	});
}

test('?connectionId= gets the events of these connections only, and none of the account', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const [shop, office] = [await addConnection(fixture, tenant), await addConnection(fixture, tenant)];
	const all = await fixture.connect(tenant);
	const one = await fixture.open(`/ws?token=${tenant.token}&connectionId=${shop}&events=message`);
	const both = await fixture.open(`/ws?token=${tenant.token}&connectionId=${shop},${office}`);
	t.deepEqual(await answered(one, 1), {type: 'subscribed', events: ['message'], connectionIds: [shop]});
	t.deepEqual(await answered(both, 1), {type: 'subscribed', events: null, connectionIds: [shop, office]});
	await eventually(() => fixture.log.of('stream.client.admitted').length === 3);
	const [ofShop, ofOffice] = [makeEvents(tenant, 1, shop), makeEvents(tenant, 10, office)];
	const events = [...ofShop, ...ofOffice, ...makeEvents(tenant, 20, null)];
	for (const event of events) await fixture.publish(event);
	await all.received(events.map(({id}) => id));
	await one.received(idsOf(ofShop, 'message'));
	await both.received([...ofShop, ...ofOffice].map(({id}) => id));
	t.deepEqual(one.ids, idsOf(ofShop, 'message'));
	t.deepEqual(
		both.ids,
		[...ofShop, ...ofOffice].map(({id}) => id),
	);
});

test('what is asked for is what is replayed, too', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const events = makeEvents(tenant, 1, null);
	await fixture.events.append(events);
	const probe = await fixture.open(`/ws?token=${tenant.token}&events=call.*&since=${events[0]?.id ?? ''}`);
	await probe.received(idsOf(events, 'call.received'));
	t.deepEqual(probe.ids, idsOf(events, 'call.received'));
	t.deepEqual(probe.gaps, []);
});

test('Last-Event-ID in a header is as good as ?since=', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const events = makeEvents(tenant, 1, null);
	await fixture.events.append(events);
	const probe = await fixture.open('/ws', {
		headers: {authorization: `Bearer ${tenant.token}`, 'last-event-id': events[0]?.id ?? ''},
	});
	const missed = events.slice(1).map(({id}) => id);
	await probe.received(missed);
	t.deepEqual(probe.ids, missed);
});

test('a message changes what comes from then on', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const shop = await addConnection(fixture, tenant);
	const probe = await fixture.connect(tenant);
	const say = (message: object): void => {
		probe.socket.send(JSON.stringify({type: 'subscribe', ...message}));
	};
	say({events: ['message'], connectionId: shop});
	t.deepEqual(await answered(probe, 1), {type: 'subscribed', events: ['message'], connectionIds: [shop]});
	const first = [...makeEvents(tenant, 1, shop), ...makeEvents(tenant, 10, null)];
	for (const event of first) await fixture.publish(event);
	say({events: 'group.*,call.received'});
	t.like(await answered(probe, 2), {events: ['group.*', 'call.received'], connectionIds: null});
	const second = makeEvents(tenant, 20, null);
	for (const event of second) await fixture.publish(event);
	say({});
	t.like(await answered(probe, 3), {events: null, connectionIds: null});
	const third = makeEvents(tenant, 30, shop);
	for (const event of third) await fixture.publish(event);
	const expected = [
		...idsOf(first.slice(0, NAMES.length), 'message'),
		...idsOf(second, 'group.join', 'group.v2.update', 'call.received'),
		...third.map(({id}) => id),
	];
	await probe.received(expected);
	t.deepEqual(probe.ids, expected);
});

test('what a client says as soon as it is connected is answered, in whatever way it is known', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	for (let round = 0; round < 10; round++) {
		const {ticket} = await fixture.tickets.issue(await fixture.tickets.authenticate(tenant.token));
		fixture.lookup = () => new Promise((resolve) => setTimeout(resolve, 20));
		for (const query of [`ticket=${ticket}`, `token=${tenant.token}`]) {
			const probe = await fixture.open(`/ws?${query}`);
			probe.socket.send('{"type":"subscribe","events":["message"]}');
			t.like(await answered(probe, 1), {type: 'subscribed', events: ['message']});
			probe.socket.terminate();
		}
	}
});

test('what a client says while it is being let in counts, after what it said by coming', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const shop = await addConnection(fixture, tenant);
	const events = makeEvents(tenant, 1, shop);
	await fixture.events.append(events);
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	let lookups = 0;
	fixture.lookup = async () => {
		// The token's is the first.
		if (++lookups > 1) await paused;
	};
	const probe = await fixture.open(`/ws?token=${tenant.token}&connectionId=${shop}&since=${events[0]?.id ?? ''}`);
	await eventually(() => lookups === 2);
	for (const name of ['message', 'group.*', 'call.*']) {
		probe.socket.send(JSON.stringify({type: 'subscribe', events: [name]}));
		probe.socket.send('{"type":"whatever"}');
	}
	let pongs = 0;
	probe.socket.on('pong', () => pongs++);
	probe.socket.ping();
	await eventually(() => pongs === 1);
	t.deepEqual(probe.texts, []);
	release(undefined);
	t.like(await answered(probe, 4), {events: ['call.*'], connectionIds: null});
	t.like(answersOf(probe)[0], {events: null, connectionIds: [shop]});
	await probe.received(idsOf(events, 'call.received'));
	t.deepEqual(probe.ids, idsOf(events, 'call.received'));
});

test('of two wishes the later one counts, however long the earlier one takes', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const shop = await addConnection(fixture, tenant);
	const probe = await fixture.connect(tenant);
	fixture.lookup = () => new Promise((resolve) => setTimeout(resolve, 50));
	probe.socket.send(JSON.stringify({type: 'subscribe', connectionId: shop}));
	probe.socket.send(JSON.stringify({type: 'subscribe', events: ['message']}));
	await answered(probe, 2);
	t.like(answersOf(probe)[0], {connectionIds: [shop]});
	t.like(answersOf(probe)[1], {events: ['message'], connectionIds: null});
	const [client] = fixture.stream.clientsOf(tenant.userId);
	t.deepEqual(client?.subscription, {events: ['message'], connectionIds: null});
});

test('what cannot be subscribed to is told, changes nothing and closes nothing', async (t) => {
	await using fixture = await StreamFixture.start();
	const [tenant, stranger] = [await fixture.addTenant(), await fixture.addTenant()];
	const [shop, office] = [await addConnection(fixture, tenant), await addConnection(fixture, tenant)];
	const foreign = await addConnection(fixture, stranger);
	const limited = await fixture.addToken(tenant.userId, {connectionIds: [shop]});
	const probe = await fixture.open(`/ws?token=${limited.token}&events=message`);
	await answered(probe, 1);
	const refused: readonly (readonly [object, string])[] = [
		[{events: ['Not A Name']}, 'VALIDATION_FAILED'],
		[{events: ['a*b']}, 'VALIDATION_FAILED'],
		[{events: [17]}, 'VALIDATION_FAILED'],
		[{events: {message: true}}, 'VALIDATION_FAILED'],
		[{events: true}, 'VALIDATION_FAILED'],
		[{events: ['x'.repeat(65)]}, 'VALIDATION_FAILED'],
		[{events: Array.from({length: 101}, (_, index) => `e${index}`)}, 'VALIDATION_FAILED'],
		[{connectionId: 5}, 'VALIDATION_FAILED'],
		[{connectionId: foreign}, 'FORBIDDEN'],
		[{connectionId: [shop, office]}, 'FORBIDDEN'],
	];
	for (const [index, [message, code]] of refused.entries()) {
		probe.socket.send(JSON.stringify({type: 'subscribe', ...message}));
		const answer = await answered(probe, index + 2);
		t.like(answer, {type: 'error', code});
		t.true(String(answer['message']).length > 10);
	}
	const all = await fixture.connect(tenant);
	all.socket.send(JSON.stringify({type: 'subscribe', connectionId: foreign}));
	t.like(await answered(all, 1), {type: 'error', code: 'NOT_FOUND'});
	const events = makeEvents(tenant, 1, shop);
	for (const event of events) await fixture.publish(event);
	await all.received(events.map(({id}) => id));
	await probe.received(idsOf(events, 'message'));
	t.deepEqual(probe.ids, idsOf(events, 'message'));
	t.true(probe.isOpen);
});

test('a query that cannot be is told, and everything comes', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	for (const query of ['events=Not%20A%20Name', 'connectionId=nonsense']) {
		const probe = await fixture.open(`/ws?token=${tenant.token}&${query}`);
		t.like(await answered(probe, 1), {type: 'error'});
		await eventually(() => fixture.stream.clientsOf(tenant.userId).every((client) => fixture.stream.isLive(client)));
		const events = makeEvents(tenant, 1, null);
		for (const event of events) await fixture.publish(event);
		await probe.received(events.map(({id}) => id));
		t.true(probe.isOpen);
	}
});

test('while the store is away a connection cannot be subscribed to, and that is told', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const shop = await addConnection(fixture, tenant);
	const probe = await fixture.connect(tenant);
	fixture.loseTokens();
	probe.socket.send(JSON.stringify({type: 'subscribe', connectionId: shop}));
	t.like(await answered(probe, 1), {type: 'error', code: 'STORE_UNAVAILABLE'});
	probe.socket.send(JSON.stringify({type: 'subscribe', events: ['message']}));
	t.like(await answered(probe, 2), {type: 'subscribed'});
});
