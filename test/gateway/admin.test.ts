import {randomUUID} from 'node:crypto';
import test from 'ava';
import type {ConnectionStatus} from '../../domain/connections/connection.ts';
import {EngineError} from '../../domain/errors.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {EngineSession, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import {InfrastructureOverview} from '../../domain/workers/infrastructure-overview.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {presentInfrastructure} from '../../gateway/http/resources/infrastructure.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type Tenant} from '../support/gateway-harness.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleConnection} from '../support/samples.ts';

interface UserView {
	readonly id: string;
	readonly disabled: boolean;
}

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

function createAdmin(): Promise<Tenant> {
	return gateway.createTenant({user: {isAdmin: true}});
}

test('the infrastructure has the shape of the contract', async (t) => {
	await using own = await createGatewayHarness();
	const {client} = await own.createTenant({user: {isAdmin: true}});
	const {id, name, capacity} = own.dependencies.workers.workers()[0] ?? {};
	t.deepEqual(await client.call('GET', '/infrastructure'), {
		workers: [
			{
				id,
				podName: name,
				status: 'active',
				currentSessions: 0,
				maxSessions: capacity,
				utilization: 0,
				actualSessions: 0,
			},
		],
		summary: {
			totalWorkers: 1,
			drainingWorkers: 0,
			totalCapacity: capacity,
			totalUsed: 0,
			remainingSlots: capacity,
			utilization: 0,
		},
		userSessions: {total: 0, byStatus: {}},
	});
	await client.call('POST', '/connections');
	const expected = {
		workers: [{currentSessions: 1, actualSessions: 1}],
		summary: {totalUsed: 1, remainingSlots: (capacity ?? 0) - 1},
		userSessions: {total: 1, byStatus: {scan_qr: 1}},
	};
	await eventually(async () => {
		t.like(await client.call<typeof expected>('GET', '/infrastructure'), expected);
	});
});

test('connections of all users are counted by status, in the words of the contract, deleted ones left out', async (t) => {
	await using own = await createGatewayHarness();
	const {client} = await own.createTenant({user: {isAdmin: true}});
	const workerId = randomUUID();
	const counts: Partial<Record<ConnectionStatus, number>> = {connected: 3, failed: 2, scan_qr: 1};
	for (const [status, count] of Object.entries(counts)) {
		for (let index = 0; index < count; index++) {
			// With a worker, or the supervisor would bring them up.
			const connection = sampleConnection({status: status as ConnectionStatus, workerId});
			await own.stores.connectionStore.insert(connection);
		}
	}
	const deleted = sampleConnection({workerId});
	await own.stores.connectionStore.insert(deleted);
	await own.stores.connectionStore.markDeleted(deleted.id, new Date());
	const {userSessions} = await client.call<{userSessions: unknown}>('GET', '/infrastructure');
	t.deepEqual(userSessions, {total: 6, byStatus: {working: 3, failed: 2, scan_qr: 1}});
});

test('a worker that fails or does not answer is shown without its sessions, within seconds', async (t) => {
	const workers = ['one', 'silent', 'broken', 'full'].map((name): Worker => ({
		id: randomUUID(),
		name,
		kind: 'waha',
		engine: 'GOWS',
		capacity: name === 'full' ? 1 : 3,
	}));
	const session = (status: EngineSession['status']): EngineSession => ({name: randomUUID(), status, me: null});
	const answers: Readonly<Record<string, () => Promise<readonly EngineSession[]>>> = {
		one: () => Promise.resolve([session('WORKING'), session('STOPPED'), session('SCAN_QR_CODE')]),
		silent: () => new Promise(() => undefined),
		broken: () => Promise.reject(new EngineError('ENGINE_UNAVAILABLE', 'away on purpose')),
		full: () => Promise.resolve([session('STARTING')]),
	};
	const engines: EngineDirectory = {
		workers: () => workers,
		engineOf: (id) => {
			const list = answers[workers.find((worker) => worker.id === id)?.name ?? ''];
			return {sessions: {list}} as unknown as WhatsAppEngine;
		},
	};
	const [clock, log] = [new ManualClock(), new RecordingLogger()];
	const {workerStore, connectionStore} = gateway.stores;
	for (const {id, capacity} of workers) await workerStore.takePlace(id, randomUUID(), capacity);
	const overview = new InfrastructureOverview({
		engines,
		workers: workerStore,
		connections: connectionStore,
		clock,
		log,
	});
	const shown = overview.show();
	await eventually(() => clock.timers > 0);
	await clock.advance(3000);
	const {workers: rows, summary} = presentInfrastructure(await shown);
	t.deepEqual(
		rows.map(({podName, status, currentSessions, utilization, actualSessions}) => ({
			podName,
			status,
			currentSessions,
			utilization,
			actualSessions,
		})),
		[
			{podName: 'one', status: 'active', currentSessions: 1, utilization: 33, actualSessions: 2},
			{podName: 'silent', status: 'active', currentSessions: 1, utilization: 33, actualSessions: null},
			{podName: 'broken', status: 'active', currentSessions: 1, utilization: 33, actualSessions: null},
			{podName: 'full', status: 'active', currentSessions: 1, utilization: 100, actualSessions: 1},
		],
	);
	t.deepEqual(summary, {
		totalWorkers: 4,
		drainingWorkers: 0,
		totalCapacity: 10,
		totalUsed: 4,
		remainingSlots: 6,
		utilization: 40,
	});
	t.is(log.of('infrastructure.worker.silent').length, 2);
	t.is(clock.timers, 0);
});

test('users are listed page by page, oldest first, with what administrators need', async (t) => {
	const {client, user} = await createAdmin();
	for (let index = 0; index < 5; index++) await gateway.createTenant();
	const listed: UserView[] = [];
	let path: string | undefined = '/infrastructure/users?limit=2';
	while (path !== undefined) {
		const response = await client.fetch('GET', path);
		listed.push(...((await response.json()) as UserView[]));
		path = /<.*\/api(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
	}
	t.is(new Set(listed.map(({id}) => id)).size, listed.length);
	const {id, email, name, isAdmin, disabled} = user;
	t.deepEqual(
		listed.find((each) => each.id === id),
		{
			id,
			email,
			name,
			isAdmin,
			disabled,
			slots: null,
			createdAt: user.createdAt.toISOString(),
		} as UserView,
	);
	t.true(listed.length >= 6);
});

test('a disabled user is refused at once, and welcome again when enabled', async (t) => {
	const admin = await createAdmin();
	const tenant = await gateway.createTenant();
	const path = `/infrastructure/users/${tenant.user.id}`;
	t.is((await tenant.client.fetch('GET', '/connections')).status, 200);
	for (let round = 0; round < 2; round++) {
		t.like(await admin.client.call('PATCH', path, {disabled: true}), {id: tenant.user.id, disabled: true});
		const response = await tenant.client.fetch('GET', '/connections');
		t.is(response.status, 401);
		t.like(await response.json(), {message: 'Invalid or revoked API token', code: 'UNAUTHENTICATED'});
		t.like(await admin.client.call('PATCH', path, {disabled: false}), {disabled: false});
		t.is((await tenant.client.fetch('GET', '/connections')).status, 200);
	}
	t.is((await admin.client.fetch('GET', '/infrastructure/users')).status, 200);
});

test('without a token, and with that of a user who is no administrator, nothing is shown or changed', async (t) => {
	const {client, user} = await gateway.createTenant();
	const patch = [`/infrastructure/users/${user.id}`, {disabled: true}] as const;
	for (const [method, path, body] of [
		['GET', '/infrastructure'],
		['GET', '/infrastructure/users'],
		['PATCH', ...patch],
	] as const) {
		const forbidden = await client.fetch(method, path, body);
		t.is(forbidden.status, 403);
		t.like(await forbidden.json(), {message: 'Admin access required', code: 'FORBIDDEN'});
		t.is((await fetch(`${gateway.url}/api${path}`, {method})).status, 401);
	}
	t.false((await gateway.stores.userStore.find(user.id))?.disabled);
});

test('administrators do not lock themselves out', async (t) => {
	const {client, user} = await createAdmin();
	const response = await client.fetch('PATCH', `/infrastructure/users/${user.id}`, {disabled: true});
	t.is(response.status, 403);
	t.like(await response.json(), {message: 'You cannot disable yourself: another administrator can'});
	t.like(await client.call('PATCH', `/infrastructure/users/${user.id}`, {disabled: false}), {disabled: false});
});

test('a user that does not exist is 404, a body without a decision 400', async (t) => {
	const {client} = await createAdmin();
	for (const id of [randomUUID(), 'x', '%00', '..%2f..']) {
		const response = await client.fetch('PATCH', `/infrastructure/users/${id}`, {disabled: true});
		t.is(response.status, 404);
		t.like(await response.json(), {message: 'User not found', code: 'NOT_FOUND'});
	}
	const {user} = await gateway.createTenant();
	for (const [body, message] of [
		[undefined, 'Say what to change: disabled, slots, or both'],
		[{}, 'Say what to change: disabled, slots, or both'],
		[{disabled: null}, 'Say what to change: disabled, slots, or both'],
		[{disabled: 'true'}, 'disabled must be a boolean value'],
	] as const) {
		const response = await client.fetch('PATCH', `/infrastructure/users/${user.id}`, body);
		t.is(response.status, 400);
		t.like(await response.json(), {message});
	}
	t.false((await gateway.stores.userStore.find(user.id))?.disabled);
});
