import {randomUUID} from 'node:crypto';
import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import type {CommandReply, SessionCommand} from '../../domain/messaging/command.ts';
import {CALLBACK_URL, DispatchHarness, INGESTION_SECRET} from '../support/dispatch-harness.ts';
import {eventually} from '../support/eventually.ts';
import {inChunks} from '../support/media-content.ts';
import {T0} from '../support/samples.ts';
import {WorkerFixture} from '../support/worker-fixture.ts';

const MINUTE_MS = 60_000;

/** A phone is linked, as far as the record knows. */
const LINKED = {
	status: 'connected',
	me: {id: '15550001111@c.us', pushName: 'Shop'},
	phoneNumber: '15550001111',
	linkedAt: T0,
} as const;

/** The command dispatcher in front of these workers. */
async function startKeeper(resources: AsyncDisposableStack, ...workers: WorkerFixture[]): Promise<DispatchHarness> {
	for (const worker of workers) resources.use(worker);
	const harness = resources.use(await DispatchHarness.create({workers}));
	await harness.startRoles('command', 'log');
	return harness;
}

function ask(
	harness: DispatchHarness,
	kind: SessionCommand['kind'],
	{id, userId, sessionName, workerId}: Connection,
): Promise<CommandReply | undefined> {
	const command = {kind, id: randomUUID(), userId, connectionId: id, sessionName, workerId};
	return harness.publisher.request(command, 60_000);
}

async function reload(harness: DispatchHarness, {id}: Connection): Promise<Connection> {
	const connection = await harness.stores.connectionStore.find(id);
	if (connection === undefined) throw new Error(`no connection ${id}`);
	return connection;
}

function places(harness: DispatchHarness, {worker}: WorkerFixture): Promise<number> {
	return harness.stores.workerStore.countPlaces(worker.id);
}

test('ensure puts a session on a worker that will report to us, and shows at once that a QR code comes', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w 1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection({statusAt: new Date(0)});
	t.like(await ask(harness, 'session.ensure', connection), {ok: true});
	t.like(await reload(harness, connection), {workerId: w1.worker.id, engine: 'GOWS', status: 'scan_qr'});
	t.is(await places(harness, w1), 1);
	const webhook = w1.waha.session(connection.sessionName).config?.webhooks?.[0];
	t.is(webhook?.url, `${CALLBACK_URL}/api/events/waha/w%201/${connection.sessionName}`);
	t.is(webhook?.hmac?.key, ingestionKey(INGESTION_SECRET, connection.sessionName));
});

test('ensure can be repeated: the session stays where it is, takes one place and keeps its later status', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [await WorkerFixture.start('w1'), await WorkerFixture.start('w2')];
	const harness = await startKeeper(resources, w1, w2);
	const connection = await harness.createConnection({statusAt: new Date(0)});
	await Promise.all([1, 2, 3].map(() => ask(harness, 'session.ensure', connection)));
	await harness.stores.connectionStore.applyReport(connection.id, {status: 'connected', me: null, atMs: 5});
	await ask(harness, 'session.ensure', connection);
	t.like(await reload(harness, connection), {workerId: w1.worker.id, status: 'connected'});
	t.is(await places(harness, w1), 1);
	t.is(await places(harness, w2), 0);
	t.deepEqual(w2.created, []);
});

test('workers are filled in order and never beyond their capacity, however many ask at once', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [await WorkerFixture.start('w1', 2), await WorkerFixture.start('w2', 3)];
	const harness = await startKeeper(resources, w1, w2);
	const connections = await Promise.all(Array.from({length: 8}, () => harness.createConnection()));
	const replies = await Promise.all(connections.map((connection) => ask(harness, 'session.ensure', connection)));
	const refusals = replies.filter((reply) => reply?.ok === false);
	t.is(refusals.length, 3);
	for (const refusal of refusals) t.like(refusal, {failure: {code: 'NO_WORKER_AVAILABLE', retryAfterMs: 10_000}});
	t.deepEqual([await places(harness, w1), await places(harness, w2)], [2, 3]);
	t.deepEqual([w1.created.length, w2.created.length], [2, 3]);
	const assigned = await Promise.all(connections.map((connection) => reload(harness, connection)));
	t.is(assigned.filter(({workerId}) => workerId === null).length, 3);

	const [freed] = assigned.filter(({workerId}) => workerId === w1.worker.id);
	const [waiting] = assigned.filter(({workerId}) => workerId === null);
	if (freed === undefined || waiting === undefined) throw new Error('nobody to swap');
	await ask(harness, 'session.remove', freed);
	t.like(await ask(harness, 'session.ensure', waiting), {ok: true});
	t.is((await reload(harness, waiting)).workerId, w1.worker.id);
});

test('a worker that cannot be reached gets no session and keeps no place: the next one does', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [await WorkerFixture.start('w1'), await WorkerFixture.start('w2', 1)];
	const harness = await startKeeper(resources, w1, w2);
	await w1.switchOff();
	const first = await harness.createConnection();
	t.like(await ask(harness, 'session.ensure', first), {ok: true});
	t.is((await reload(harness, first)).workerId, w2.worker.id);
	t.is(await places(harness, w1), 0);

	const second = await harness.createConnection();
	t.like(await ask(harness, 'session.ensure', second), {ok: false, failure: {code: 'ENGINE_UNAVAILABLE'}});
	t.is((await reload(harness, second)).workerId, null);
	t.is(await places(harness, w1), 0);
	await w1.switchOn();
	t.like(await ask(harness, 'session.ensure', second), {ok: true});
	t.is((await reload(harness, second)).workerId, w1.worker.id);
});

test('a session that may have begun keeps its place: a time-out is no proof that there is nothing', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [await WorkerFixture.start('w1'), await WorkerFixture.start('w2')];
	const harness = await startKeeper(resources, w1, w2);
	const connection = await harness.createConnection();
	w1.waha.failNext('POST', '/api/sessions', {kind: 'hang'});
	t.like(await ask(harness, 'session.ensure', connection), {ok: false, failure: {code: 'ENGINE_TIMEOUT'}});
	t.like(await reload(harness, connection), {workerId: w1.worker.id, status: 'pending'});
	t.is(await places(harness, w1), 1);
	t.deepEqual(w2.created, []);
	t.like(await ask(harness, 'session.ensure', connection), {ok: true});
	t.is((await reload(harness, connection)).workerId, w1.worker.id);
});

test('a linked session stays on its worker, reachable or not: its credentials are there', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [await WorkerFixture.start('w1'), await WorkerFixture.start('w2')];
	const harness = await startKeeper(resources, w1, w2);
	const connection = await harness.createConnection();
	await ask(harness, 'session.ensure', connection);
	await harness.stores.connectionStore.applyReport(connection.id, {
		status: 'connected',
		me: null,
		atMs: connection.statusAt.getTime() + 1,
	});
	await w1.switchOff();
	// A call on a connection that was open already may have arrived, for all we know; one on a new connection has not.
	await ask(harness, 'session.ensure', connection);
	t.like(await ask(harness, 'session.ensure', connection), {ok: false, failure: {code: 'ENGINE_UNAVAILABLE'}});
	t.is((await reload(harness, connection)).workerId, w1.worker.id);
	t.is(await places(harness, w1), 1);
	t.deepEqual(w2.created, []);
});

test('ensure is held while the store is away, and done when it is back', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	harness.storeFaults.refuseNext('assign');
	const reply = ask(harness, 'session.ensure', connection);
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	t.deepEqual(w1.created, []);
	await harness.wind(1000);
	t.like(await reply, {ok: true});
	t.is((await reload(harness, connection)).workerId, w1.worker.id);
	t.is(await places(harness, w1), 1);
});

test('a removal is tried again for ever while the engine is away, every five minutes, and gives the place back in the end', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1', 1);
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	await ask(harness, 'session.ensure', connection);
	await w1.switchOff();
	const assigned = await reload(harness, connection);
	await harness.container.resolve(TOKENS.connections).remove(assigned);
	t.like(await reload(harness, connection), {status: 'stopped', workerId: null});
	for (const tries of [1, 2, 3]) {
		await harness.until(() => harness.log.of('session.removal.delayed').length === tries);
		t.is(await places(harness, w1), 1);
		await harness.until(() => harness.waiting === 1);
		if (tries < 3) await harness.wind(5 * MINUTE_MS, 60_000);
	}
	await w1.switchOn();
	await harness.wind(5 * MINUTE_MS, 60_000);
	await harness.until(async () => (await places(harness, w1)) === 0);
	t.is(w1.waha.requestsTo('DELETE', `/api/sessions/${connection.sessionName}`).length, 1);
	t.is(harness.waiting, 0);
	t.deepEqual(await harness.deadLetters(), []);
	t.deepEqual(harness.log.of('message.failed'), [], 'nothing is counted, so it never comes to an end');
});

test('a removal takes the files of its connection along, and no others; a media store that is away only delays it', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const [gone, never, kept] = [
		await harness.createConnection(),
		await harness.createConnection(),
		await harness.createConnection(),
	];
	await ask(harness, 'session.ensure', gone);
	for (const {id: connectionId} of [gone, never, kept]) {
		const content = inChunks(Buffer.from('a file'));
		await harness.media.put(
			{connectionId, filename: `of ${connectionId}`},
			{contentType: 'text/plain', displayName: null, content, maxBytes: 100},
		);
	}
	harness.media.away = true;
	for (const connection of [gone, never]) {
		const {id: connectionId, userId, sessionName, workerId} = await reload(harness, connection);
		const command = {kind: 'session.remove', id: randomUUID(), userId, connectionId, sessionName, workerId} as const;
		await harness.publisher.command(command);
	}
	await harness.until(() => harness.log.of('session.removal.delayed').length === 2);
	t.is(await places(harness, w1), 0, 'the place does not wait for the files');
	t.is(harness.media.filenames.length, 3);
	harness.media.away = false;
	await harness.wind(5 * MINUTE_MS, 60_000);
	await harness.until(() => harness.media.filenames.length === 1);
	t.deepEqual(harness.media.filenames, [`of ${kept.id}`]);
});

test('a removal that the engine refuses for good is a dead letter, not forgotten', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	await ask(harness, 'session.ensure', connection);
	const path = `/api/sessions/${connection.sessionName}`;
	w1.waha.failNext('DELETE', path, {kind: 'answer', status: 401, body: '{}'});
	const assigned = await reload(harness, connection);
	await harness.container.resolve(TOKENS.connections).remove(assigned);
	const [letter] = await harness.until(async () => {
		const letters = await harness.deadLetters();
		return letters.length > 0 && letters;
	});
	t.regex(letter?.reason ?? '', /^EngineError: The WhatsApp engine refused this gateway's key/);
	t.is(await places(harness, w1), 1);
});

test('a connection that is deleted while its session starts leaves no session and no place behind', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	w1.engine.gatesSessions = true;
	const reply = ask(harness, 'session.ensure', connection);
	const call = await eventually(() => w1.engine.calls[0] ?? false);
	// As a route does that read the connection before it had a worker.
	const removal = {kind: 'session.remove', id: randomUUID(), workerId: null} as const;
	const {id: connectionId, userId, sessionName} = connection;
	await harness.publisher.command({...removal, userId, connectionId, sessionName});
	await harness.stores.connectionStore.markDeleted(connectionId, new Date());
	call.pass();
	await reply;
	t.throws(() => w1.waha.session(sessionName));
	t.is(w1.created.length, 1);
	t.is(await places(harness, w1), 0);
});

test('a removal that was asked for before there was a worker finds the one that came since', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	await ask(harness, 'session.ensure', connection);
	t.like(await ask(harness, 'session.remove', {...connection, workerId: null}), {ok: true});
	t.throws(() => w1.waha.session(connection.sessionName));
	t.is(await places(harness, w1), 0);
	const never = await harness.createConnection();
	t.like(await ask(harness, 'session.remove', never), {ok: true});
});

test('restart and logout reach the session; without a worker they say so', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const connection = await harness.createConnection();
	t.like(await ask(harness, 'session.restart', connection), {ok: false, failure: {code: 'NO_WORKER_AVAILABLE'}});
	await ask(harness, 'session.ensure', connection);
	const assigned = await reload(harness, connection);
	for (const verb of ['restart', 'logout'] as const) {
		t.like(await ask(harness, `session.${verb}`, assigned), {ok: true});
		t.is(w1.waha.requestsTo('POST', `/api/sessions/${connection.sessionName}/${verb}`).length, 1);
	}
});

for (const kind of ['session.restart', 'session.logout'] as const) {
	test(`${kind} creates a session again that its worker has lost: it waits for a phone`, async (t) => {
		await using resources = new AsyncDisposableStack();
		const w1 = await WorkerFixture.start('w1');
		const harness = await startKeeper(resources, w1);
		const connection = await harness.createConnection({workerId: w1.worker.id, ...LINKED});
		await harness.stores.workerStore.takePlace(w1.worker.id, connection.id, 10);
		t.like(await ask(harness, kind, connection), {ok: true});
		t.deepEqual(w1.created, [connection.sessionName]);
		const {status, me, phoneNumber, workerId, linkedAt} = await reload(harness, connection);
		t.deepEqual(
			{status, me, phoneNumber, workerId, linkedAt},
			{status: 'scan_qr', me: null, phoneNumber: null, workerId: w1.worker.id, linkedAt: LINKED.linkedAt},
		);
		t.is(await places(harness, w1), 1);
		t.is(harness.log.of('session.lost').length, 1);
		await eventually(() => w1.waha.session(connection.sessionName).status === 'SCAN_QR_CODE');
		t.like(await ask(harness, kind, connection), {ok: true});
		t.is(w1.created.length, 1, 'the session is there now');
	});

	test(`${kind} creates nothing that is deleted, suspended or on another worker by now`, async (t) => {
		await using resources = new AsyncDisposableStack();
		const w1 = await WorkerFixture.start('w1');
		const harness = await startKeeper(resources, w1);
		const {connectionStore} = harness.stores;
		const asked = await Promise.all([1, 2, 3].map(() => harness.createConnection({workerId: w1.worker.id, ...LINKED})));
		const [deleted, suspended, moved] = asked.map(({id}) => id);
		await connectionStore.markDeleted(deleted ?? '', new Date());
		await connectionStore.suspend(suspended ?? '', new Date());
		await connectionStore.assign(moved ?? '', 'another', 'GOWS', new Date());
		for (const connection of asked) {
			const before = await reload(harness, connection);
			t.like(await ask(harness, kind, connection), {ok: false, failure: {code: 'SESSION_NOT_FOUND'}});
			t.deepEqual(await reload(harness, connection), before);
		}
		t.deepEqual(w1.created, []);
	});

	test(`${kind} of a lost session that cannot be created leaves it to the supervisor`, async (t) => {
		await using resources = new AsyncDisposableStack();
		const w1 = await WorkerFixture.start('w1');
		const harness = await startKeeper(resources, w1);
		const connection = await harness.createConnection({workerId: w1.worker.id, ...LINKED});
		w1.waha.failNext('POST', '/api/sessions', {kind: 'answer', status: 401, body: '{}'});
		t.like(await ask(harness, kind, connection), {ok: false, failure: {code: 'ENGINE_REFUSED'}});
		const [pending] = await harness.stores.connectionStore.listUnprovisioned(5);
		t.like(pending, {id: connection.id, status: 'pending', me: null, workerId: w1.worker.id});
	});
}

test('over a real connection: a send whose answer was cut off is unknown, a refused one failed; neither is repeated', async (t) => {
	await using resources = new AsyncDisposableStack();
	const w1 = await WorkerFixture.start('w1');
	const harness = await startKeeper(resources, w1);
	const created = await harness.createConnection();
	await ask(harness, 'session.ensure', created);
	const {sessionName} = created;
	await eventually(() => w1.waha.session(sessionName).status === 'SCAN_QR_CODE');
	w1.waha.scan(sessionName);
	await eventually(() => w1.waha.session(sessionName).status === 'WORKING');
	const connection = await reload(harness, created);
	const messaging = harness.container.resolve(TOKENS.messaging);
	const faults = [
		['OUTCOME_UNKNOWN', {kind: 'reset'}],
		['OUTCOME_UNKNOWN', {kind: 'exception', message: 'Evaluation failed'}],
		['ENGINE_REFUSED', {kind: 'answer', status: 400, body: '{}'}],
	] as const;
	for (const [index, [code, fault]] of faults.entries()) {
		w1.waha.failNext('POST', '/api/sendText', fault);
		const content = {kind: 'text', text: `message ${index}`} as const;
		const sending = messaging.send(connection, {chatId: '15550001111@c.us', content}, {humanlike: false});
		const call = await eventually(() => w1.engine.calls[index] ?? false);
		call.pass();
		await t.throwsAsync(sending, {code});
	}
	t.is(w1.waha.requestsTo('POST', '/api/sendText').length, faults.length);
});
