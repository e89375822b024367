import test from 'ava';
import {afterReport} from '../../domain/connections/after-report.ts';
import type {Account, Connection} from '../../domain/connections/connection.ts';
import {Linking, type Linkable} from '../../domain/connections/linking.ts';
import {
	ConflictError,
	EngineError,
	NotFoundError,
	NotSupportedError,
	QrNotReadyError,
	SlotsExhaustedError,
} from '../../domain/errors.ts';
import type {Command} from '../../domain/messaging/command.ts';
import type {EngineLink, EngineSession, Operation, QrCode} from '../../domain/ports/whatsapp-engine.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleConnection, sampleWebhook} from '../support/samples.ts';
import {SCRIPTED_WORKER, scriptedEngines} from '../support/scripted-engine.ts';

/** Clients give up at 30 s, and the contract promises 25. */
const PROMISED_MS = 25_000;
const CREATION_MS = 15_000;

const QR: QrCode = {value: '2@x', png: Buffer.from('png'), expiresAt: new Date('2026-01-01T00:00:20Z')};
const USER = sampleConnection().userId;

class Scene {
	readonly clock = new ManualClock();
	readonly commands: Command[] = [];
	/** By id; newest first. */
	connections: Connection[] = [];
	withWebhooks: readonly string[] = [];
	link: Partial<EngineLink> = {};
	session: EngineSession['status'] | undefined = 'SCAN_QR_CODE';
	me: Account | null = null;
	limits: Partial<Record<Operation, {level: 'no'; note: string}>> = {};
	creationMs = 0;
	/** Whether there is no slot for another connection. */
	full = false;

	get linking(): Linking {
		return new Linking({
			connections: {create: (_userId, _name, withinMs) => this.#create(withinMs)},
			store: {
				find: (id) => Promise.resolve(this.connections.find((connection) => connection.id === id)),
				listIdle: (userId, limit) =>
					Promise.resolve(
						this.connections.filter((one) => one.userId === userId && one.status !== 'connected').slice(0, limit),
					),
				applyReport: (id, report) => {
					const known = this.connections.find((connection) => connection.id === id);
					const applied = known && afterReport(known, report);
					if (applied !== undefined) this.set(id, applied.connection);
					return Promise.resolve(applied?.changed ?? false);
				},
			},
			webhooks: {
				listByConnection: (id) => Promise.resolve(this.withWebhooks.includes(id) ? [sampleWebhook()] : []),
			},
			engines: scriptedEngines(
				{
					link: this.link,
					sessions: {
						find: (name) => Promise.resolve(this.session && {name, status: this.session, me: this.me}),
					},
				},
				this.limits,
			),
			publisher: {
				command: (command) => {
					this.commands.push(command);
					return Promise.resolve();
				},
			},
			clock: this.clock,
			log: new RecordingLogger(),
		});
	}

	add(changes: Partial<Connection> = {}): Connection {
		const connection = sampleConnection({
			userId: USER,
			workerId: SCRIPTED_WORKER.id,
			status: 'scan_qr',
			...changes,
		});
		this.connections.push(connection);
		return connection;
	}

	set(id: string, changes: Partial<Connection>): void {
		this.connections = this.connections.map((one) => (one.id === id ? {...one, ...changes} : one));
	}

	/** What get-or-create answered, and after how long. */
	async getOrCreate(virginOnly = false): Promise<Linkable & {readonly afterMs: number}> {
		const startedAt = this.clock.now();
		const outcome = {isKnown: false};
		const answering = this.linking
			.getOrCreate(USER, virginOnly)
			.then((linkable) => ({...linkable, afterMs: this.clock.now() - startedAt}))
			.finally(() => (outcome.isKnown = true));
		await Promise.race([answering.catch(() => undefined), this.#wind(() => outcome.isKnown)]);
		if (!outcome.isKnown) throw new Error('no answer');
		return answering;
	}

	async #wind(isEnough: () => boolean): Promise<void> {
		const end = this.clock.now() + 2 * PROMISED_MS;
		while (!isEnough() && this.clock.now() < end) await this.clock.advance(100);
	}

	async #create(withinMs = CREATION_MS): Promise<Connection> {
		if (this.full) throw new SlotsExhaustedError('All 1 connection slots in use');
		const {promise, resolve} = Promise.withResolvers<undefined>();
		this.clock.after(Math.min(this.creationMs, withinMs), () => {
			resolve(undefined);
		});
		await promise;
		return this.add({name: 'new'});
	}
}

function notReady(
	code: 'QR_NOT_READY' | 'SESSION_STARTING' | 'SESSION_NOT_FOUND' | 'ENGINE_UNAVAILABLE',
): () => Promise<never> {
	return () => Promise.reject(new EngineError(code, `engine says ${code}`));
}

const showsQr = (): Promise<QrCode> => Promise.resolve(QR);
const hangs = (): Promise<never> => new Promise(() => undefined);

test('get-or-create takes the newest idle connection, and touches nothing of a code that is on a screen', async (t) => {
	const scene = new Scene();
	scene.link = {qr: showsQr};
	const newest = scene.add();
	scene.add();
	const {connection, state, afterMs} = await scene.getOrCreate();
	t.is(connection.id, newest.id);
	t.deepEqual(state, {kind: 'qr', qr: QR});
	t.true(afterMs <= 100);
	t.deepEqual(scene.commands, [], 'no session was told anything');
});

test('get-or-create makes a connection only when there is no idle one', async (t) => {
	const scene = new Scene();
	scene.link = {qr: showsQr};
	scene.add({status: 'connected'});
	t.is((await scene.getOrCreate()).connection.name, 'new');
	t.is((await scene.getOrCreate()).connection.name, 'new');
	t.is(scene.connections.length, 2);
});

for (const virginOnly of [false, true]) {
	test(`who asks twice at once gets one new connection (virgin_only ${virginOnly})`, async (t) => {
		const scene = new Scene();
		scene.link = {qr: showsQr};
		scene.creationMs = 1000;
		const {linking} = scene;
		const asking = Promise.all([1, 2, 3].map(() => linking.getOrCreate(USER, virginOnly)));
		await scene.clock.advance(0);
		await scene.clock.advance(1000);
		const ids = (await asking).map(({connection}) => connection.id);
		t.deepEqual(
			scene.connections.map(({id}) => id),
			[ids[0]],
		);
		t.is(new Set(ids).size, 1);
		scene.set(ids[0] ?? '', {status: 'connected'});
		const next = linking.getOrCreate(USER, virginOnly);
		await scene.clock.advance(0);
		await scene.clock.advance(1000);
		t.not((await next).connection.id, ids[0], 'what has ended is not remembered');
	});
}

test('virgin_only passes over what was ever linked and what has webhooks, and else makes a connection', async (t) => {
	const scene = new Scene();
	scene.link = {qr: showsQr};
	scene.add({linkedAt: new Date()});
	scene.withWebhooks = [scene.add().id];
	const virgin = scene.add();
	t.is((await scene.getOrCreate(true)).connection.id, virgin.id);
	scene.set(virgin.id, {linkedAt: new Date()});
	t.is((await scene.getOrCreate(true)).connection.name, 'new');
});

test('get-or-create waits for a code that is about to come', async (t) => {
	const scene = new Scene();
	let asked = 0;
	scene.link = {qr: () => (++asked < 4 ? notReady('SESSION_STARTING')() : showsQr())};
	scene.add();
	const {state, afterMs} = await scene.getOrCreate();
	t.is(state?.kind, 'qr');
	t.true(afterMs < 3000);
});

test('get-or-create says so when the phone was linked meanwhile', async (t) => {
	const scene = new Scene();
	const {id} = scene.add();
	scene.link = {qr: notReady('QR_NOT_READY')};
	scene.clock.after(2000, () => {
		scene.set(id, {status: 'connected'});
	});
	t.deepEqual((await scene.getOrCreate()).state, {kind: 'connected'});
});

const ACCOUNT: Account = {id: '15550001111@c.us', pushName: 'Shop'};

for (const status of ['failed', 'pending'] as const) {
	test(`get-or-create passes over a connection that is ${status}, and whose phone turns out to be linked still`, async (t) => {
		const scene = new Scene();
		const linked = scene.add({status, me: ACCOUNT});
		const free = scene.add();
		let revived = false;
		scene.link = {
			qr: (name) => {
				if (name === free.sessionName) return showsQr();
				if (scene.commands.length > 0 && !revived) {
					revived = true;
					scene.clock.after(3000, () => {
						scene.session = 'WORKING';
					});
				}
				return notReady(scene.session === 'STARTING' ? 'SESSION_STARTING' : 'QR_NOT_READY')();
			},
		};
		scene.session = 'FAILED';
		const {connection, state, afterMs} = await scene.getOrCreate();
		t.is(connection.id, free.id);
		t.is(state?.kind, 'qr');
		t.true(afterMs >= 3000 && afterMs < 5000, `answered after ${afterMs} ms`);
		t.like(scene.commands, [{kind: 'session.ensure', connectionId: linked.id}]);
		t.is(scene.connections.find(({id}) => id === linked.id)?.status, 'connected', 'it is up again');
	});
}

test('get-or-create takes a failed connection whose phone has logged out, once its code is there', async (t) => {
	const scene = new Scene();
	const failed = scene.add({status: 'failed', me: ACCOUNT});
	scene.session = 'FAILED';
	scene.link = {qr: () => (scene.clock.now() < startedAt + 9000 ? notReady('QR_NOT_READY')() : showsQr())};
	const startedAt = scene.clock.now();
	const {connection, state} = await scene.getOrCreate();
	t.is(connection.id, failed.id);
	t.is(state?.kind, 'qr');
});

test('get-or-create never gives a connection of which it could not find out in time whether its phone is linked', async (t) => {
	const scene = new Scene();
	scene.session = 'FAILED';
	scene.creationMs = CREATION_MS;
	const doubtful = [1, 2, 3].map(() => scene.add({status: 'failed', me: ACCOUNT}).sessionName);
	scene.link = {qr: (name) => (doubtful.includes(name) ? hangs() : notReady('SESSION_STARTING')())};
	const {connection, state, afterMs} = await scene.getOrCreate();
	t.is(connection.name, 'new');
	t.is(state, undefined);
	t.true(afterMs < PROMISED_MS, `answered after ${afterMs} ms`);
	scene.connections = scene.connections.filter(({name}) => name !== 'new');
	scene.full = true;
	await t.throwsAsync(scene.getOrCreate(), {instanceOf: SlotsExhaustedError});
});

test('who asks twice at once for another one than those that are linked gets one new connection', async (t) => {
	const scene = new Scene();
	scene.session = 'WORKING';
	scene.creationMs = 1000;
	const linked = [1, 2].map(() => scene.add({status: 'failed', me: ACCOUNT}).sessionName);
	scene.link = {qr: (name) => (linked.includes(name) ? notReady('QR_NOT_READY')() : showsQr())};
	const {linking} = scene;
	const asking = Promise.all([1, 2].map(() => linking.getOrCreate(USER, false)));
	await scene.clock.advance(0);
	await scene.clock.advance(1000);
	const [first, second] = await asking;
	t.is(first?.connection.name, 'new');
	t.is(second?.connection.id, first?.connection.id);
	t.is(scene.connections.length, 3);
});

for (const [what, qr] of Object.entries({
	'never shows a code': notReady('SESSION_STARTING'),
	'is away': notReady('ENGINE_UNAVAILABLE'),
	hangs,
})) {
	test(`get-or-create answers within 25 s, without a code, when the engine ${what}, creation included`, async (t) => {
		const scene = new Scene();
		scene.link = {qr};
		scene.creationMs = CREATION_MS;
		const {state, afterMs} = await scene.getOrCreate();
		t.is(state, undefined);
		t.true(afterMs < PROMISED_MS, `answered after ${afterMs} ms`);
	});
}

test('a code is asked for at most for 20 s', async (t) => {
	const scene = new Scene();
	scene.link = {qr: hangs, requestPairingCode: hangs};
	const connection = scene.add();
	const asking = Promise.all([
		t.throwsAsync(scene.linking.stateOf(connection), {code: 'ENGINE_TIMEOUT'}),
		t.throwsAsync(scene.linking.requestPairingCode(connection, '15550001111'), {code: 'ENGINE_TIMEOUT'}),
	]);
	await scene.clock.advance(20_000);
	await asking;
});

test('why there is no code is said in a word for programs', async (t) => {
	const scene = new Scene();
	const reasonOf = async (connection: Connection): Promise<string> => {
		const error = await t.throwsAsync(scene.linking.stateOf(connection), {instanceOf: QrNotReadyError});
		return `${error.reason}: ${error.message}`;
	};
	const unassigned = scene.add({workerId: null});
	t.is(await reasonOf(unassigned), 'worker_pending: Worker is being provisioned, please wait');
	scene.link = {qr: notReady('SESSION_STARTING')};
	t.is(await reasonOf(scene.add()), 'session_starting: Worker is starting up, please wait');
	scene.link = {qr: notReady('QR_NOT_READY')};
	t.is(await reasonOf(scene.add()), 'session_starting: Worker is starting up, please wait');
	scene.session = 'FAILED';
	t.is(await reasonOf(scene.add()), 'session_restarting: Worker is starting up, please wait');
});

for (const session of ['FAILED', 'STOPPED', undefined] as const) {
	test(`a session that is ${session ?? 'gone'} is brought up again, with its credentials, once in 30 s`, async (t) => {
		const scene = new Scene();
		scene.session = session;
		scene.link = {qr: notReady(session === undefined ? 'SESSION_NOT_FOUND' : 'QR_NOT_READY')};
		const {linking} = scene;
		const connection = scene.add({status: 'failed', me: {id: '15550001111@c.us', pushName: null}});
		for (let asked = 0; asked < 3; asked++) {
			await t.throwsAsync(linking.stateOf(connection), {instanceOf: QrNotReadyError});
		}
		const {id: connectionId, sessionName, workerId} = connection;
		t.like(scene.commands, [{kind: 'session.ensure', connectionId, sessionName, workerId}]);
		t.is(scene.commands.length, 1);
		await scene.clock.advance(30_000);
		await t.throwsAsync(linking.stateOf(connection), {instanceOf: QrNotReadyError});
		t.is(scene.commands.length, 2);
	});
}

test('an engine that does not answer is that failure, and brings no session up', async (t) => {
	const scene = new Scene();
	scene.link = {qr: notReady('ENGINE_UNAVAILABLE')};
	await t.throwsAsync(scene.linking.stateOf(scene.add({status: 'failed'})), {code: 'ENGINE_UNAVAILABLE'});
	t.deepEqual(scene.commands, []);
});

test('a session that works needs no code, although our record lags behind, and the record catches up', async (t) => {
	const scene = new Scene();
	scene.session = 'WORKING';
	scene.me = {id: '15550001111@c.us', pushName: 'Shop'};
	scene.link = {qr: notReady('QR_NOT_READY'), requestPairingCode: notReady('QR_NOT_READY')};
	const connection = scene.add();
	t.deepEqual(await scene.linking.stateOf(connection), {kind: 'connected'});
	t.like(scene.connections[0], {
		status: 'connected',
		me: scene.me,
		phoneNumber: '15550001111',
		statusAt: connection.statusAt,
	});
	await t.throwsAsync(scene.linking.requestPairingCode(connection, '15550001111'), {instanceOf: ConflictError});
	t.deepEqual(scene.commands, []);
});

test('a pairing code comes from the engine; a linked phone, a deleted connection and an engine without say so', async (t) => {
	const scene = new Scene();
	scene.link = {requestPairingCode: (_session, phone) => Promise.resolve(`code for ${phone}`)};
	t.is(await scene.linking.requestPairingCode(scene.add(), '15550001111'), 'code for 15550001111');
	const linked = scene.add({status: 'connected'});
	await t.throwsAsync(scene.linking.requestPairingCode(linked, '15550001111'), {instanceOf: ConflictError});
	const deleted = scene.add({status: 'stopped', deletedAt: new Date()});
	await t.throwsAsync(scene.linking.requestPairingCode(deleted, '15550001111'), {instanceOf: NotFoundError});
	await t.throwsAsync(scene.linking.stateOf(deleted), {instanceOf: NotFoundError});
	scene.limits = {'pairing-code': {level: 'no', note: 'GOWS has it'}};
	await t.throwsAsync(scene.linking.requestPairingCode(scene.add(), '15550001111'), {
		instanceOf: NotSupportedError,
		message: /GOWS has it/,
	});
});
