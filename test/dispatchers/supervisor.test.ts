import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {SessionReconciler} from '../../dispatchers/session/session-reconciler.ts';
import {Supervisor, type Chore} from '../../dispatchers/session/supervisor.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {CALLBACK_URL, DispatchHarness} from '../support/dispatch-harness.ts';
import {eventually} from '../support/eventually.ts';
import {sampleEvent, T0} from '../support/samples.ts';
import {WorkerFixture} from '../support/worker-fixture.ts';

const ROUND_MS = 10_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A phone is linked, as far as the record knows. */
const LINKED = {
	status: 'connected',
	me: {id: '15550001111@c.us', pushName: 'Shop'},
	phoneNumber: '15550001111',
	linkedAt: T0,
} as const;

function startSupervisor(harness: DispatchHarness, chores: readonly Chore[] = []): Supervisor {
	const {clock, log, retention} = harness;
	const {leaseStore, connectionStore} = harness.storeFaults.stores;
	const publisher = harness.container.resolve(TOKENS.publisher);
	const supervisor = new Supervisor({
		leases: leaseStore,
		connections: connectionStore,
		publisher,
		clock,
		log,
		retention,
		retentionDays: 30,
		chores,
	});
	supervisor.start();
	return supervisor;
}

/** A supervisor that looks for lost sessions. @returns ends its next round */
function startReconciling(harness: DispatchHarness, resources: AsyncDisposableStack): () => Promise<void> {
	const {clock, log, storeFaults} = harness;
	const {connectionStore: connections} = storeFaults.stores;
	const engines = harness.container.resolve(TOKENS.engines);
	const reconciler = new SessionReconciler({connections, engines, clock, log});
	let rounds = 0;
	const run = async (): Promise<void> => {
		await reconciler.reconcile();
		rounds++;
	};
	const supervisor = startSupervisor(harness, [{name: 'sessions.reconcile', run}]);
	resources.defer(() => supervisor.stop());
	return async () => {
		const before = rounds;
		await clock.advance(ROUND_MS);
		await harness.until(() => rounds > before);
	};
}

/** A connection of a phone whose session is on the worker. */
async function linkOn({worker, engine, waha}: WorkerFixture, harness: DispatchHarness): Promise<Connection> {
	const connection = await harness.createConnection({workerId: worker.id, ...LINKED});
	await engine.sessions.ensure(connection.sessionName, {callbackUrl: CALLBACK_URL, ingestionKey: 'key'});
	await eventually(() => waha.session(connection.sessionName).status === 'SCAN_QR_CODE');
	return connection;
}

async function reload({stores}: DispatchHarness, {id}: Connection): Promise<Connection | undefined> {
	return stores.connectionStore.find(id);
}

/** The connections whose session was asked for, while nobody works the commands. */
function asked(harness: DispatchHarness): readonly unknown[] {
	return harness.topology.queues.commands
		.flatMap((queue) => harness.headersIn(queue))
		.map(({connection}) => connection);
}

async function workerOf(harness: DispatchHarness, {id}: Connection): Promise<string | null | undefined> {
	return (await harness.stores.connectionStore.find(id))?.workerId;
}

test('of two supervisors one leads; when it stops, the other takes over with its next round', async (t) => {
	await using harness = await DispatchHarness.create();
	const [first, second] = [startSupervisor(harness), startSupervisor(harness)];
	const before = await harness.createConnection();
	await harness.wind(5 * ROUND_MS);
	t.deepEqual(asked(harness), [before.id], 'asked by one of them, and not again before there is an answer');
	await first.stop();
	await harness.wind(ROUND_MS);
	t.deepEqual(asked(harness), [before.id, before.id], 'the new leader knows nothing of what the old one asked');
	await second.stop();
	const afterwards = await harness.createConnection();
	await harness.wind(10 * ROUND_MS);
	t.false(asked(harness).includes(afterwards.id), 'nobody leads');
});

test('a leader that died is followed when its lease has run out', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.stores.leaseStore.acquire('supervisor', 'a process that died', 30_000, harness.clock.now());
	await harness.createConnection();
	const supervisor = startSupervisor(harness);
	await harness.wind(2 * ROUND_MS);
	t.is(asked(harness).length, 0);
	await harness.wind(2 * ROUND_MS);
	t.is(asked(harness).length, 1);
	await supervisor.stop();
});

test('connections without a session get one as soon as there is room, also those that a worker forgot', async (t) => {
	await using w1 = await WorkerFixture.start('w1', 2);
	await using harness = await DispatchHarness.create({workers: [w1]});
	await harness.startRoles('command');
	const fine = await harness.createConnection({workerId: w1.worker.id, status: 'connected'});
	await harness.stores.workerStore.takePlace(w1.worker.id, fine.id, 2);
	const [first, second] = [await harness.createConnection(), await harness.createConnection()];
	const supervisor = startSupervisor(harness);
	const round = async (): Promise<void> => {
		await harness.wind(ROUND_MS);
		await harness.until(() => harness.topology.queues.commands.every((queue) => harness.queued(queue).length === 0));
	};
	await round();
	const assigned = [await workerOf(harness, first), await workerOf(harness, second)];
	t.deepEqual([...assigned].sort(), [w1.worker.id, null], 'there was room for one');
	t.false(w1.created.includes(fine.sessionName));

	await harness.stores.workerStore.releasePlace(w1.worker.id, fine.id);
	await round();
	t.deepEqual([await workerOf(harness, first), await workerOf(harness, second)], [w1.worker.id, w1.worker.id]);

	const forgotten = await harness.createConnection({workerId: w1.worker.id, status: 'pending', statusAt: new Date(0)});
	await round();
	t.true(w1.created.includes(forgotten.sessionName));
	t.is((await harness.stores.connectionStore.find(forgotten.id))?.status, 'scan_qr');
	const rounds = harness.log.of('supervisor.ensure').length;
	await round();
	t.is(harness.log.of('supervisor.ensure').length, rounds, 'nothing is left to do');
	await supervisor.stop();
});

test('a session that its worker has lost is created again within a minute; those that are there are left alone', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [resources.use(await WorkerFixture.start('w1')), resources.use(await WorkerFixture.start('w2'))];
	const harness = resources.use(await DispatchHarness.create({workers: [w1, w2]}));
	await harness.startRoles('command');
	const [lost, kept, elsewhere] = [await linkOn(w1, harness), await linkOn(w1, harness), await linkOn(w2, harness)];
	const suspended = await harness.createConnection({workerId: w1.worker.id, ...LINKED, desiredState: 'stopped'});
	const round = startReconciling(harness, resources);
	await round();
	t.deepEqual(await reload(harness, lost), lost);
	await w1.engine.sessions.remove(lost.sessionName);
	const created = w1.created.length;
	const startedMs = harness.clock.now();
	while (harness.log.of('supervisor.ensure').length === 0) await round();
	await harness.until(async () => (await reload(harness, lost))?.status === 'scan_qr');
	t.true(harness.clock.now() - startedMs < MINUTE_MS);
	t.like(await reload(harness, lost), {me: null, phoneNumber: null, workerId: w1.worker.id, linkedAt: T0});
	for (const connection of [kept, elsewhere, suspended]) t.deepEqual(await reload(harness, connection), connection);
	t.deepEqual(w1.created.slice(created), [lost.sessionName]);
	for (let rounds = 0; rounds < 4; rounds++) await round();
	t.is(harness.log.of('session.lost').length, 1);
	t.is(w1.created.length, created + 1);
});

test('a worker that does not tell its sessions has lost none of them', async (t) => {
	await using resources = new AsyncDisposableStack();
	const [w1, w2] = [resources.use(await WorkerFixture.start('w1')), resources.use(await WorkerFixture.start('w2'))];
	const harness = resources.use(await DispatchHarness.create({workers: [w1, w2]}));
	const [unknown, lost] = [await linkOn(w1, harness), await linkOn(w2, harness)];
	await w2.engine.sessions.remove(lost.sessionName);
	const round = startReconciling(harness, resources);
	w1.waha.failNext('GET', '/api/sessions', {kind: 'hang'});
	await round();
	t.deepEqual(await reload(harness, unknown), unknown);
	t.like(await reload(harness, lost), {status: 'pending', me: null}, 'others are not kept waiting');
	await w1.switchOff();
	for (let rounds = 0; rounds < 3; rounds++) await round();
	t.deepEqual(await reload(harness, unknown), unknown);
	t.is(harness.log.of('supervisor.reconcile.failed').length, 2);
	await w1.switchOn();
	for (let rounds = 0; rounds < 3; rounds++) await round();
	t.like(await reload(harness, unknown), {status: 'pending'}, 'it came back without its sessions');
});

test('a worker that hangs does not pile up commands', async (t) => {
	await using harness = await DispatchHarness.create();
	const supervisor = startSupervisor(harness);
	await harness.createConnection();
	await harness.wind(10 * MINUTE_MS);
	const commands = harness.topology.queues.commands.flatMap((queue) => harness.queued(queue));
	t.true(commands.length >= 8 && commands.length <= 10, `${commands.length} in ten minutes`);
	await supervisor.stop();
});

test('a store or broker that is away costs rounds, not the supervisor', async (t) => {
	await using harness = await DispatchHarness.create();
	const connection = await harness.createConnection();
	const supervisor = startSupervisor(harness);
	harness.storeFaults.mode = 'away';
	await harness.wind(3 * ROUND_MS);
	t.is(harness.log.of('supervisor.round.failed').length, 3);
	harness.storeFaults.mode = 'working';
	harness.broker.mode = 'away';
	await harness.wind(2 * ROUND_MS);
	t.is(harness.log.of('supervisor.ensure.failed').length, 2);
	harness.broker.mode = 'working';
	await harness.wind(ROUND_MS);
	t.deepEqual(asked(harness), [connection.id]);
	harness.storeFaults.mode = 'away';
	await supervisor.stop();
	t.is(harness.log.of('supervisor.release.failed').length, 1);
});

test('once an hour the leader deletes what is older than it is kept', async (t) => {
	await using harness = await DispatchHarness.create();
	const {eventStore} = harness.stores;
	const add = async (ageDays: number): Promise<string> => {
		const event = sampleEvent({receivedAtMs: harness.clock.now() - ageDays * DAY_MS});
		await eventStore.append([event]);
		return event.id;
	};
	const [old, young] = [await add(31), await add(29)];
	const supervisors = [startSupervisor(harness), startSupervisor(harness)];
	await harness.wind(ROUND_MS);
	t.is(await eventStore.find(old), undefined);
	t.truthy(await eventStore.find(young));

	const another = await add(31);
	await harness.wind(59 * MINUTE_MS);
	t.truthy(await eventStore.find(another));
	await harness.wind(2 * MINUTE_MS);
	t.is(await eventStore.find(another), undefined);
	t.truthy(await eventStore.find(young));
	t.is(harness.log.of('retention.swept').length, 2);
	for (const supervisor of supervisors) await supervisor.stop();
});
