import {randomUUID} from 'node:crypto';
import test from 'ava';
import type {Connection} from '../../domain/connections/connection.ts';
import type {CommandReply, SessionCommand} from '../../domain/messaging/command.ts';
import {after} from '../support/samples.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {eventually} from '../support/eventually.ts';
import {WorkerFixture} from '../support/worker-fixture.ts';

/** The command dispatcher in front of one WAHA, with a linked connection there. */
async function create(
	resources: AsyncDisposableStack,
): Promise<{harness: DispatchHarness; worker: WorkerFixture; connection: Connection}> {
	const worker = resources.use(await WorkerFixture.start('w1'));
	const harness = resources.use(await DispatchHarness.create({workers: [worker]}));
	await harness.startRoles('command', 'log');
	const connection = await harness.createConnection({statusAt: new Date(0)});
	await ask(harness, 'session.ensure', connection);
	await eventually(() => worker.waha.session(connection.sessionName).status === 'SCAN_QR_CODE');
	worker.waha.scan(connection.sessionName);
	await eventually(() => worker.waha.session(connection.sessionName).status === 'WORKING');
	const me = {id: '15550001111@c.us', pushName: 'Jane'};
	await harness.stores.connectionStore.applyReport(connection.id, {status: 'connected', me, atMs: 5});
	return {harness, worker, connection};
}

function ask(
	harness: DispatchHarness,
	kind: SessionCommand['kind'],
	{id, userId, sessionName, workerId}: Connection,
): Promise<CommandReply | undefined> {
	const command = {kind, id: randomUUID(), userId, connectionId: id, sessionName, workerId};
	return harness.publisher.request(command, 60_000);
}

test('a suspended session is stopped, keeps its credentials, and comes back linked', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, worker, connection} = await create(resources);
	const {connectionStore} = harness.stores;
	await connectionStore.suspend(connection.id, after(0));
	for (let round = 0; round < 2; round++) t.like(await ask(harness, 'session.stop', connection), {ok: true});
	const session = worker.waha.session(connection.sessionName);
	t.is(session.status, 'STOPPED');
	t.like(await ask(harness, 'session.ensure', connection), {ok: true});
	t.is(session.status, 'STOPPED', 'nothing brings it back while it is suspended');

	await connectionStore.resume(connection.id, after(1));
	t.like(await ask(harness, 'session.ensure', connection), {ok: true});
	await eventually(() => session.status === 'WORKING');
	const resumed = await connectionStore.find(connection.id);
	t.is(resumed?.me?.id, '15550001111@c.us', 'its account is not forgotten while it starts');
	t.is(resumed?.workerId, worker.worker.id);
});

test('a command to stop that comes late stops nothing that may run again', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, worker, connection} = await create(resources);
	t.like(await ask(harness, 'session.stop', connection), {ok: true});
	t.is(worker.waha.session(connection.sessionName).status, 'WORKING');
	await harness.stores.connectionStore.suspend(connection.id, after(0));
	await harness.stores.connectionStore.markDeleted(connection.id, after(1));
	t.like(await ask(harness, 'session.stop', connection), {ok: true}, 'what is deleted is the removal’s to end');
	t.is(worker.waha.session(connection.sessionName).status, 'WORKING');
});

test('a suspended connection without a session, or whose worker forgot it, is no failure', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, worker} = await create(resources);
	for (const workerId of [null, worker.worker.id]) {
		const connection = await harness.createConnection({workerId});
		await harness.stores.connectionStore.suspend(connection.id, after(0));
		t.like(await ask(harness, 'session.stop', connection), {ok: true});
	}
});
