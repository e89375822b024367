import {randomUUID} from 'node:crypto';
import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {eventId} from '../../domain/events/envelope.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import {DispatchHarness, PUBLIC_URL} from '../support/dispatch-harness.ts';
import {sampleConnection} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';

const MINUTE_MS = 60_000;
const ME = {id: '15550001111@c.us', pushName: 'Jane 👋', lid: '172@lid'};

async function report(
	harness: DispatchHarness,
	connection: Connection,
	status: string,
	{atMs = harness.clock.now(), me = null}: {atMs?: number; me?: unknown} = {},
): Promise<void> {
	const payload = {name: connection.sessionName, status, statuses: []};
	await harness.publisher.event(harness.eventOf(connection, {event: 'session.status', timestampMs: atMs, payload, me}));
}

/** The connection once all reports are applied. */
async function settled(harness: DispatchHarness, {id}: Connection): Promise<Connection | undefined> {
	await harness.until(() => harness.queued(harness.topology.queues.session).length === 0);
	return harness.stores.connectionStore.find(id);
}

function sampleUpstream(session: string, changes: Partial<UpstreamEvent> = {}): UpstreamEvent {
	return {
		session,
		event: 'message',
		id: randomUUID(),
		timestampMs: Date.UTC(2026, 0, 1),
		payload: {body: 'hi', media: {url: 'http://worker:3000/api/files/a.jpg'}},
		...changes,
	};
}

async function logOf(harness: DispatchHarness, {userId}: Connection): Promise<readonly LoggedEvent[]> {
	return harness.stores.eventStore.listAfter(userId, 0, 100);
}

test('what a session reports is what its connection shows', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection({statusAt: new Date(0)});
	await harness.startRoles('supervisor');
	const startMs = harness.clock.now();
	await report(harness, connection, 'SCAN_QR_CODE', {atMs: startMs});
	t.like(await settled(harness, connection), {status: 'scan_qr', statusAt: new Date(startMs), linkedAt: null});
	await report(harness, connection, 'WORKING', {atMs: startMs + 1, me: ME});
	t.like(await settled(harness, connection), {
		status: 'connected',
		phoneNumber: '15550001111',
		me: {id: ME.id, pushName: ME.pushName},
		linkedAt: new Date(startMs + 1),
	});
	await report(harness, connection, 'FAILED', {atMs: startMs + 2});
	t.like(await settled(harness, connection), {status: 'failed', phoneNumber: '15550001111'});
	t.is(harness.log.of('connection.status').length, 3);
});

test('a report from a clock that was years ahead does not keep later ones out', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection({statusAt: new Date(0)});
	await harness.startRoles('supervisor');
	await report(harness, connection, 'WORKING', {atMs: harness.clock.now() + 1000 * 60 * MINUTE_MS, me: ME});
	t.like(await settled(harness, connection), {status: 'connected'});
	await harness.clock.advance(MINUTE_MS + 1);
	await report(harness, connection, 'FAILED');
	t.like(await settled(harness, connection), {status: 'failed'});
});

test('a status that is no word is none', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection({status: 'connected', statusAt: new Date(0)});
	await harness.startRoles('supervisor');
	for (const status of [{toString: 1}, null, 5, ['FAILED']]) {
		await harness.publisher.event(harness.eventOf(connection, {event: 'session.status', payload: {status}}));
	}
	t.like(await settled(harness, connection), {status: 'connected'});
	t.deepEqual(harness.log.of('message.failed'), []);
});

test('a reconnect, a stop and an unknown word change nothing', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection({status: 'connected', statusAt: new Date(0)});
	await harness.startRoles('supervisor');
	for (const status of ['STARTING', 'STOPPED', 'PASSKEY_REQUIRED', 'NOVELTY', '']) {
		await report(harness, connection, status);
	}
	t.deepEqual(await settled(harness, connection), connection);
});

test('reports may come late, twice and in any order: the latest stays', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('supervisor');
	const statuses = ['SCAN_QR_CODE', 'WORKING', 'STARTING', 'FAILED', 'SCAN_QR_CODE', 'WORKING'];
	for (const seed of [1, 2, 3, 4, 5]) {
		const connection = await harness.createConnection({statusAt: new Date(0)});
		const reports = statuses.map((status, index) => ({status, atMs: 1000 + index}));
		for (const {status, atMs} of shuffled([...reports, ...reports], seed)) {
			await report(harness, connection, status, {atMs, me: status === 'WORKING' ? ME : null});
		}
		t.like(await settled(harness, connection), {status: 'connected', statusAt: new Date(1005), me: {id: ME.id}});
	}
});

test('a deleted connection stays stopped, and only session.status says anything of a state', async (t) => {
	await using harness = await DispatchHarness.create();
	const [deleted, other] = [await harness.createConnection(), await harness.createConnection()];
	const stopped = await harness.stores.connectionStore.markDeleted(deleted.id, new Date());
	await harness.startRoles('supervisor');
	await report(harness, deleted, 'WORKING', {me: ME});
	await harness.publisher.event(harness.eventOf(other, {payload: {status: 'WORKING'}}));
	t.deepEqual(await settled(harness, deleted), stopped);
	t.deepEqual(await settled(harness, other), other);
});

test('reports wait for a store that is away', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection({statusAt: new Date(0)});
	harness.storeFaults.mode = 'away';
	await harness.startRoles('supervisor');
	await report(harness, connection, 'SCAN_QR_CODE', {atMs: 1000});
	await report(harness, connection, 'WORKING', {atMs: 2000, me: ME});
	await harness.wind(45 * MINUTE_MS);
	harness.storeFaults.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	t.like(await settled(harness, connection), {status: 'connected', statusAt: new Date(2000)});
	t.deepEqual(await harness.deadLetters(), []);
});

test('an event that came before its connection was stored is published once it is', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('supervisor', 'log');
	const connection = sampleConnection();
	const event = sampleUpstream(connection.sessionName);
	const receivedAtMs = harness.clock.now();
	const ingestion = harness.container.resolve(TOKENS.ingestion);
	t.is(await ingestion.accept(event), 'unresolved');
	t.is(await ingestion.accept(event), 'unresolved', 'the engine may try again');
	await harness.wind(20_000);
	t.deepEqual(await harness.deadLetters(), []);
	await harness.stores.connectionStore.insert(connection);
	await harness.wind(5000);
	const logged = await logOf(harness, connection);
	t.is(logged.length, 1);
	t.like(logged[0], {id: eventId(event), connectionId: connection.id, receivedAtMs});
	t.like(JSON.parse(logged[0]?.body ?? ''), {
		connectionId: connection.id,
		payload: {body: 'hi', media: {url: `${PUBLIC_URL}/api/connections/${connection.id}/media/a.jpg`}},
	});
	t.is(harness.waiting, 0);
	t.is(await ingestion.accept(event), 'duplicate');
});

test('repeats of an event whose session was unknown become one event', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('supervisor');
	const connection = sampleConnection();
	const event = sampleUpstream(connection.sessionName);
	const ingestion = harness.container.resolve(TOKENS.ingestion);
	for (let repeat = 0; repeat < 3; repeat++) {
		t.is(await ingestion.accept(event), 'unresolved');
		await harness.wind(1000);
	}
	await harness.stores.connectionStore.insert(connection);
	await harness.wind(10_000);
	const {name} = harness.topology.exchanges.events;
	t.is(harness.broker.published.filter(({exchange}) => exchange === name).length, 1);
	t.is(harness.waiting, 0);
});

test('an event of a stranger is kept with the reason after a minute, and reaches nobody', async (t) => {
	await using harness = await DispatchHarness.create();
	const bystander = await harness.createConnection();
	await harness.startRoles('supervisor', 'log');
	const event = sampleUpstream('default');
	await harness.container.resolve(TOKENS.ingestion).accept(event);
	await harness.wind(58_000);
	t.deepEqual(await harness.deadLetters(), []);
	await harness.wind(8000);
	const letters = await harness.deadLetters();
	t.is(letters.length, 1);
	t.like(letters[0], {
		queue: harness.topology.queues.unresolved.name,
		reason: 'session default belongs to no connection',
	});
	t.deepEqual(JSON.parse(letters[0]?.body ?? ''), event);
	t.deepEqual(await logOf(harness, bystander), []);
	t.is(harness.waiting, 0);
});

test('an event that came while the store was away waits for it, however long, and is published once', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	await harness.startRoles('supervisor', 'log');
	harness.storeFaults.mode = 'away';
	const events = [1, 2, 3].map(() => sampleUpstream(connection.sessionName));
	for (const event of events) t.is(await harness.container.resolve(TOKENS.ingestion).accept(event), 'unresolved');
	await harness.wind(30 * MINUTE_MS);
	t.deepEqual(await harness.deadLetters(), []);
	harness.storeFaults.mode = 'working';
	await harness.wind(3 * MINUTE_MS);
	const logged = await logOf(harness, connection);
	t.deepEqual(logged.map(({id}) => id).sort(), events.map(eventId).sort());
	t.deepEqual(await harness.deadLetters(), []);
	t.is(harness.waiting, 0);
});

test('an event whose owner is found while the broker takes nothing is held, and published once', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = sampleConnection();
	await harness.container.resolve(TOKENS.ingestion).accept(sampleUpstream(connection.sessionName));
	await harness.stores.connectionStore.insert(connection);
	harness.broker.mode = 'away';
	await harness.startRoles('supervisor');
	await harness.wind(MINUTE_MS);
	t.is(harness.queued(harness.topology.queues.unresolved).length, 1);
	harness.broker.mode = 'working';
	await harness.startRoles('log');
	await harness.wind(11_000);
	t.is((await logOf(harness, connection)).length, 1);
	t.is(harness.queued(harness.topology.queues.unresolved).length, 0);
});
