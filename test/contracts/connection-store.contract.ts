import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {Connection} from '../../domain/connections/connection.ts';
import {after, sampleConnection, T0} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';
import {allPages, byAge} from './all-pages.ts';
import type {StoresHarness} from './stores-harness.ts';

const ACCOUNT = {id: '15550001111@c.us', pushName: 'Jane 👋'};

/** What every adapter of the `ConnectionStore` port promises. */
export function connectionStoreContract(test: TestFn, harness: StoresHarness): void {
	test('connections: a connection is found by id and by session as it was inserted', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const bare = sampleConnection({name: null});
		const full = sampleConnection({
			workerId: 'worker-1',
			phoneNumber: '15550001111',
			me: ACCOUNT,
			status: 'connected',
			linkedAt: after(5),
			deletedAt: after(9),
		});
		await connectionStore.insert(bare);
		await connectionStore.insert(full);

		for (const connection of [bare, full]) {
			t.deepEqual(await connectionStore.find(connection.id), connection);
			t.deepEqual(await connectionStore.findBySession(connection.sessionName), connection);
		}
		t.is(await connectionStore.find(randomUUID()), undefined);
		t.is(await connectionStore.findBySession('default'), undefined);
	});

	test('connections: inserting an id again changes nothing; a session name belongs to one connection', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = sampleConnection();
		await connectionStore.insert(connection);
		await connectionStore.insert({...connection, name: 'again'});
		await t.throwsAsync(connectionStore.insert(sampleConnection({sessionName: connection.sessionName})));

		t.deepEqual(await connectionStore.findBySession(connection.sessionName), connection);
	});

	test('connections: pages follow (createdAt, id) without gaps or repeats, deleted ones left out', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const userId = randomUUID();
		const rows = Array.from({length: 11}, (_, index) =>
			sampleConnection({userId, createdAt: after(Math.floor(index / 4))}),
		);
		for (const row of shuffled(rows, 1)) await connectionStore.insert(row);
		await connectionStore.insert(sampleConnection());
		const deleted = rows[5]?.id ?? '';
		await connectionStore.markDeleted(deleted, after(100));

		const expected = rows.filter(({id}) => id !== deleted).sort(byAge);
		t.deepEqual(await allPages<Connection>(3, (page) => connectionStore.list(userId, page)), expected);
		t.deepEqual(await allPages<Connection>(3, (page) => connectionStore.list(userId, page, null)), expected);
	});

	test('connections: a list of chosen ones is paged, too, and holds nothing of others', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const userId = randomUUID();
		const rows = Array.from({length: 9}, (_, index) =>
			sampleConnection({userId, createdAt: after(Math.floor(index / 4))}),
		);
		const foreign = sampleConnection();
		for (const row of shuffled([...rows, foreign], 2)) await connectionStore.insert(row);
		const [deleted, ...chosen] = rows.filter((_, index) => index % 2 === 0);
		await connectionStore.markDeleted(deleted?.id ?? '', after(100));
		const ids = [...chosen.map(({id}) => id), deleted?.id ?? '', foreign.id, randomUUID(), chosen[0]?.id ?? ''];

		for (const limit of [1, 2, 10]) {
			const seen = await allPages<Connection>(limit, (page) => connectionStore.list(userId, page, ids));
			t.deepEqual(seen, chosen.toSorted(byAge), `${limit}`);
		}
		t.deepEqual(await connectionStore.list(userId, {limit: 10}, []), []);
	});

	test('connections: idle ones are those that nobody is linked to, newest first', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const userId = randomUUID();
		const at = (ms: number, changes: Partial<Connection>) =>
			sampleConnection({userId, createdAt: after(ms), ...changes});
		const idle = [
			at(1, {status: 'failed', workerId: 'w', linkedAt: after(2)}),
			at(2, {status: 'scan_qr', workerId: 'w'}),
			at(2, {status: 'pending'}),
			at(4, {status: 'pending', desiredState: 'stopped'}),
		].sort(byAge);
		const deleted = at(5, {status: 'scan_qr'});
		const others = [at(3, {status: 'connected'}), at(3, {status: 'stopped'}), deleted, sampleConnection()];
		for (const connection of shuffled([...idle, ...others], 4)) await connectionStore.insert(connection);
		await connectionStore.markDeleted(deleted.id, after(6));

		const newestFirst = idle.toReversed();
		t.deepEqual(await connectionStore.listIdle(userId, 10), newestFirst);
		t.deepEqual(await connectionStore.listIdle(userId, 2), newestFirst.slice(0, 2));
		t.deepEqual(await connectionStore.listIdle(randomUUID(), 10), []);
	});

	test('connections: those that are not deleted are counted by status, over all users', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		t.deepEqual(await connectionStore.countByStatus(), {});
		const deleted = sampleConnection({status: 'scan_qr'});
		for (const status of ['connected', 'connected', 'connected', 'pending', 'failed'] as const) {
			await connectionStore.insert(sampleConnection({status}));
		}
		await connectionStore.insert(deleted);
		t.deepEqual(await connectionStore.countByStatus(), {connected: 3, pending: 1, failed: 1, scan_qr: 1});

		await connectionStore.markDeleted(deleted.id, after(1));
		t.deepEqual(await connectionStore.countByStatus(), {connected: 3, pending: 1, failed: 1});
	});

	test('connections: a name can be set and taken off', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = sampleConnection();
		await connectionStore.insert(connection);

		const renamed = {...connection, name: 'Sales', updatedAt: after(1)};
		t.deepEqual(await connectionStore.rename(connection.id, 'Sales', after(1)), renamed);
		t.deepEqual(await connectionStore.find(connection.id), renamed);
		t.is((await connectionStore.rename(connection.id, null, after(2)))?.name, null);
		t.is(await connectionStore.rename(randomUUID(), 'x', after(2)), undefined);
	});

	test('connections: a link sets account, number and first link time; a disconnect keeps them', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = sampleConnection();
		const {id} = connection;
		await connectionStore.insert(connection);
		const at = (ms: number) => T0.getTime() + ms;

		t.true(await connectionStore.applyReport(id, {status: 'connected', me: ACCOUNT, atMs: at(10)}));
		const linked = {
			...connection,
			status: 'connected',
			statusAt: after(10),
			me: ACCOUNT,
			phoneNumber: '15550001111',
			linkedAt: after(10),
			updatedAt: after(10),
		};
		t.deepEqual(await connectionStore.find(id), linked as Connection);

		t.true(await connectionStore.applyReport(id, {status: 'failed', me: null, atMs: at(20)}));
		const failed = {...linked, status: 'failed', statusAt: after(20), updatedAt: after(20)};
		t.deepEqual(await connectionStore.find(id), failed as Connection);

		t.true(await connectionStore.applyReport(id, {status: 'connected', me: null, atMs: at(30)}));
		const again = {...linked, statusAt: after(30), updatedAt: after(30)};
		t.deepEqual(await connectionStore.find(id), again as Connection);
	});

	test('connections: a QR code to scan means that no phone is linked', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = sampleConnection();
		const {id} = connection;
		await connectionStore.insert(connection);
		await connectionStore.applyReport(id, {status: 'connected', me: ACCOUNT, atMs: T0.getTime() + 10});

		t.true(await connectionStore.applyReport(id, {status: 'scan_qr', me: null, atMs: T0.getTime() + 20}));
		t.deepEqual(await connectionStore.find(id), {
			...connection,
			status: 'scan_qr',
			statusAt: after(20),
			linkedAt: after(10),
			updatedAt: after(20),
		});
	});

	test('connections: a session that its engine has lost is pending, and has no phone any more', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = await inserted(connectionStore, sampleConnection({workerId: 'w'}));
		const {id} = connection;
		await connectionStore.applyReport(id, {status: 'connected', me: ACCOUNT, atMs: T0.getTime() + 10});

		t.true(await connectionStore.applyReport(id, {status: 'pending', me: null, atMs: T0.getTime() + 10}));
		const lost = {...connection, status: 'pending', statusAt: after(10), linkedAt: after(10), updatedAt: after(10)};
		t.deepEqual(await connectionStore.find(id), lost as Connection);
		t.deepEqual(await connectionStore.listUnprovisioned(5), [lost as Connection]);
	});

	test('connections: a report that says nothing new is no change, but older ones are late from then on', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const {id} = await inserted(connectionStore, sampleConnection());
		const report = (status: 'connected' | 'failed', ms: number, pushName = 'Jane') =>
			connectionStore.applyReport(id, {status, me: {...ACCOUNT, pushName}, atMs: T0.getTime() + ms});

		t.true(await report('connected', 10));
		t.false(await report('connected', 30));
		t.false(await report('failed', 20));
		t.true(await report('connected', 30, 'Janet'));
		t.like(await connectionStore.find(id), {
			status: 'connected',
			statusAt: after(30),
			updatedAt: after(30),
			linkedAt: after(10),
			me: {...ACCOUNT, pushName: 'Janet'},
		});
	});

	test('connections: the latest of racing reports stays, from however many processes they come', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const {id} = await inserted(connectionStore, sampleConnection());
		const reports = Array.from({length: 30}, (_, index) => ({
			status: index % 2 === 0 ? ('failed' as const) : ('connected' as const),
			me: {...ACCOUNT, pushName: `at ${index}`},
			atMs: T0.getTime() + index,
		}));
		await Promise.all(
			shuffled(reports, 7).map((report, index) => {
				const stores = index % 2 === 0 ? fixture.stores : fixture.others;
				return stores.connectionStore.applyReport(id, report);
			}),
		);

		t.like(await connectionStore.find(id), {
			status: 'connected',
			statusAt: after(29),
			me: {...ACCOUNT, pushName: 'at 29'},
		});
	});

	test('connections: nothing is reported to unknown or deleted ones', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const {id} = await inserted(connectionStore, sampleConnection());
		const deleted = await connectionStore.markDeleted(id, after(5));
		const report = {status: 'connected', me: ACCOUNT, atMs: T0.getTime() + 10} as const;

		t.false(await connectionStore.applyReport(id, report));
		t.false(await connectionStore.applyReport(randomUUID(), report));
		t.deepEqual(await connectionStore.find(id), deleted);
	});

	test('connections: a worker is assigned, with its engine where that is told, and taken off', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const {id} = await inserted(connectionStore, sampleConnection());

		await connectionStore.assign(id, 'worker-1', 'GOWS', after(1));
		t.like(await connectionStore.find(id), {workerId: 'worker-1', engine: 'GOWS', updatedAt: after(1)});
		await connectionStore.assign(id, null, null, after(2));
		t.like(await connectionStore.find(id), {workerId: null, engine: 'GOWS', updatedAt: after(2)});
		await connectionStore.markDeleted(id, after(3));
		await connectionStore.assign(id, 'worker-2', 'NOWEB', after(4));
		t.like(await connectionStore.find(id), {workerId: null, engine: 'GOWS', updatedAt: after(3)});
	});

	test('connections: deletion can be repeated and keeps its first time', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = await inserted(
			connectionStore,
			sampleConnection({workerId: 'worker-1', status: 'connected', me: ACCOUNT, phoneNumber: '15550001111'}),
		);
		const deleted: Connection = {
			...connection,
			status: 'stopped',
			desiredState: 'stopped',
			workerId: null,
			updatedAt: after(5),
			deletedAt: after(5),
		};

		t.deepEqual(await connectionStore.markDeleted(connection.id, after(5)), deleted);
		t.deepEqual(await connectionStore.markDeleted(connection.id, after(9)), deleted);
		t.deepEqual(await connectionStore.find(connection.id), deleted);
		t.is(await connectionStore.markDeleted(randomUUID(), after(5)), undefined);
	});

	test('connections: those that should run and have no worker or never reported are listed, oldest first', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const [second, first, third, silent] = [
			sampleConnection({createdAt: after(2)}),
			sampleConnection({createdAt: after(1), status: 'connected'}),
			sampleConnection({createdAt: after(3)}),
			sampleConnection({createdAt: after(4), workerId: 'w'}),
		];
		const deleted = [sampleConnection(), sampleConnection({workerId: 'w'})];
		const others = [
			sampleConnection({workerId: 'w', status: 'scan_qr'}),
			sampleConnection({workerId: 'w', status: 'failed'}),
			sampleConnection({desiredState: 'stopped'}),
			sampleConnection({workerId: 'w', desiredState: 'stopped'}),
			...deleted,
		];
		for (const connection of [second, silent, first, third, ...others]) await connectionStore.insert(connection);
		for (const {id} of deleted) await connectionStore.markDeleted(id, after(5));

		t.deepEqual(await connectionStore.listUnprovisioned(10), [first, second, third, silent]);
		t.deepEqual(await connectionStore.listUnprovisioned(2), [first, second]);
		await connectionStore.assign(first.id, 'w', 'GOWS', after(6));
		t.deepEqual(await connectionStore.listUnprovisioned(10), [second, third, silent]);
		await connectionStore.applyReport(silent.id, {status: 'scan_qr', me: null, atMs: T0.getTime() + 7});
		t.deepEqual(await connectionStore.listUnprovisioned(10), [second, third]);
	});

	test('connections: those that should run on a worker and have reported are listed, all of them', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const statuses = ['scan_qr', 'connected', 'failed'] as const;
		const provisioned = statuses.map((status, index) =>
			sampleConnection({workerId: 'w', status, createdAt: after(index)}),
		);
		const deleted = sampleConnection({workerId: 'w', status: 'scan_qr'});
		const others = [
			sampleConnection({workerId: 'w', status: 'pending'}),
			sampleConnection({workerId: 'w', status: 'connected', desiredState: 'stopped'}),
			sampleConnection({workerId: 'another', status: 'connected'}),
			sampleConnection({workerId: null, status: 'connected'}),
			deleted,
		];
		for (const connection of shuffled([...provisioned, ...others], 5)) await connectionStore.insert(connection);
		await connectionStore.markDeleted(deleted.id, after(5));

		t.deepEqual(await connectionStore.listProvisioned('w'), provisioned);
		t.deepEqual(await connectionStore.listProvisioned('unknown'), []);
	});

	test('connections: a suspended one is stopped whatever its status, and is pending when it may run again', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const connection = await inserted(
			connectionStore,
			sampleConnection({workerId: 'w', status: 'connected', me: ACCOUNT, phoneNumber: '15550001111'}),
		);
		const {id} = connection;
		t.false(await connectionStore.resume(id, after(1)));
		const suspensions = [connectionStore.suspend(id, after(2)), fixture.others.connectionStore.suspend(id, after(2))];
		t.deepEqual((await Promise.all(suspensions)).toSorted(), [false, true]);
		const suspended = {...connection, desiredState: 'stopped', suspendedAt: after(2), updatedAt: after(2)} as const;
		t.deepEqual(await connectionStore.find(id), suspended);

		t.true(await connectionStore.resume(id, after(3)));
		t.false(await connectionStore.resume(id, after(4)));
		const resumed = {...connection, status: 'pending', updatedAt: after(3)} as const;
		t.deepEqual(await connectionStore.find(id), resumed);
		t.deepEqual(await connectionStore.listUnprovisioned(5), [resumed]);
		await connectionStore.markDeleted(id, after(5));
		t.false(await connectionStore.suspend(id, after(6)));
		t.false(await connectionStore.suspend(randomUUID(), after(6)));
	});

	test('connections: those that run and those that are suspended are counted, and only the former are idle', async (t) => {
		await using fixture = await harness.open();
		const {connectionStore} = fixture.stores;
		const userId = randomUUID();
		t.deepEqual(await connectionStore.countOf(userId), {running: 0, suspended: 0});
		const connections = Array.from({length: 5}, (_, index) =>
			sampleConnection({userId, status: 'scan_qr', createdAt: after(index)}),
		);
		for (const connection of [...connections, sampleConnection()]) await connectionStore.insert(connection);
		const [a, b, c, ...rest] = connections;
		await connectionStore.markDeleted(a?.id ?? '', after(9));
		await connectionStore.suspend(b?.id ?? '', after(9));
		await connectionStore.suspend(c?.id ?? '', after(9));
		await connectionStore.markDeleted(c?.id ?? '', after(9));

		t.deepEqual(await connectionStore.countOf(userId), {running: 2, suspended: 1});
		t.deepEqual(await connectionStore.listIdle(userId, 9), rest.toReversed());
	});
}

async function inserted(
	store: {insert(connection: Connection): Promise<void>},
	connection: Connection,
): Promise<Connection> {
	await store.insert(connection);
	return connection;
}
