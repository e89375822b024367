import {PNG} from 'pngjs';
import {EngineError} from '../../../domain/errors.ts';
import {eventually} from '../../support/eventually.ts';
import {
	eventNamed,
	fails,
	inEngineOrder,
	linkedSession,
	newSession,
	openSession,
	reach,
	send,
	type Declare,
	type EngineFixture,
} from './fixture.ts';

/** Life cycle, linking and what a session says of itself. */
export function sessionContract(declare: Declare): void {
	declare('ensure creates and starts a session that asks for its QR code to be scanned', async (t, fixture) => {
		const session = newSession();
		const created = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(created.name, session);
		t.true(['STARTING', 'SCAN_QR_CODE'].includes(created.status), created.status);
		t.is(created.me, null);

		const found = await reach(fixture, session, 'SCAN_QR_CODE');
		t.deepEqual(found, {name: session, status: 'SCAN_QR_CODE', me: null});
		t.is(await fixture.engine.me(session), null);
	});

	declare('ensure again leaves the QR code on screen', async (t, fixture) => {
		const session = await openSession(fixture);
		const before = await fixture.engine.link.qr(session);
		const again = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(again.status, 'SCAN_QR_CODE');
		t.is((await fixture.engine.link.qr(session)).value, before.value);
	});

	declare('ensure at the same time from two sides makes one session', async (t, fixture) => {
		const session = newSession();
		const {sessions} = fixture.engine;
		await Promise.all([0, 1].map(() => sessions.ensure(session, fixture.configOf(session))));
		await reach(fixture, session, 'SCAN_QR_CODE');
		t.is((await sessions.list()).filter(({name}) => name === session).length, 1);
	});

	declare('ensure never logs a linked session out', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const again = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(again.status, 'WORKING');
		t.truthy((await fixture.engine.me(session))?.id);
	});

	declare('ensure starts a stopped session, which is still linked', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.engine.sessions.stop(session);
		await reach(fixture, session, 'STOPPED');
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		await reach(fixture, session, 'WORKING');
		t.pass();
	});

	declare('a QR code has a value and is a real PNG', async (t, fixture) => {
		const [first, second] = [await openSession(fixture), await openSession(fixture)];
		const {value, png, expiresAt} = await fixture.engine.link.qr(first);
		t.not(value, '');
		t.true(expiresAt === undefined || !Number.isNaN(expiresAt.getTime()));

		const image = PNG.sync.read(png);
		t.true(image.width > 100 && image.height > 100, `${image.width} × ${image.height}`);
		t.is(image.width, image.height);
		const shades = new Set(Array.from({length: image.data.length / 4}, (_, pixel) => image.data[pixel * 4]));
		t.true(shades.size > 1, 'the picture is blank');

		const other = await fixture.engine.link.qr(second);
		t.not(other.value, value);
		t.false(other.png.equals(png));
	});

	declare('a session that starts has its QR code soon, and says so until then', async (t, fixture) => {
		const session = newSession();
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		const early = await fixture.engine.link.qr(session).catch((error: unknown) => error);
		if (early instanceof Error) {
			t.true(early instanceof EngineError && ['SESSION_STARTING', 'QR_NOT_READY'].includes(early.code), String(early));
			t.true(early instanceof EngineError && early.retryable);
		}
		await reach(fixture, session, 'SCAN_QR_CODE');
		t.not((await fixture.engine.link.qr(session)).value, '');
	});

	declare('a session that is linked or stopped has no QR code', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fails(t, fixture.engine.link.qr(session), 'QR_NOT_READY');
		await fixture.engine.sessions.stop(session);
		await reach(fixture, session, 'STOPPED');
		await fails(t, fixture.engine.link.qr(session), 'QR_NOT_READY');
	});

	declare('scanning links the session to an account', async (t, fixture) => {
		const session = await openSession(fixture);
		await fixture.link(session);
		const linked = await reach(fixture, session, 'WORKING');
		t.regex(linked.me?.id ?? '', /^\d+@c\.us$/);
		t.deepEqual(await fixture.engine.me(session), linked.me);
	});

	declare('every change of status is an event', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await eventually(async () => {
			await fixture.settle();
			return ['STARTING', 'SCAN_QR_CODE', 'WORKING'].every((status) => statusesOf(fixture, session).includes(status));
		});
		await fixture.engine.sessions.stop(session);
		await eventually(async () => {
			await fixture.settle();
			return statusesOf(fixture, session).at(-1) === 'STOPPED';
		});

		const events = fixture.events(session).filter(({event}) => event === 'session.status');
		t.is(new Set(events.map(({id}) => id)).size, events.length);
		for (const {payload} of events) {
			const {name, statuses, ...rest} = payload as Record<string, unknown>;
			t.is(name, session);
			t.deepEqual(Object.keys(rest).sort(), ['data', 'status']);
			const last = (statuses as {status: string; timestamp: number}[]).at(-1);
			t.is(last?.status, String(rest['status']));
			t.true(Number.isInteger(last?.timestamp));
		}
		const working = events.find(({payload}) => (payload as {status: string}).status === 'WORKING');
		t.regex((working?.me as {id: string}).id, /^\d+@c\.us$/);
	});

	declare('a restart keeps the credentials', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const before = await fixture.engine.me(session);
		const {name, status} = await fixture.engine.sessions.restart(session);
		t.is(name, session);
		t.true(['STARTING', 'WORKING'].includes(status), status);
		await reach(fixture, session, 'WORKING');
		t.deepEqual(await fixture.engine.me(session), before);
		t.true((await send(fixture, session)).id?.startsWith('true_'));
	});

	declare('stop and start keep the credentials and can be repeated', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {sessions} = fixture.engine;
		const before = await fixture.engine.me(session);
		await sessions.stop(session);
		await sessions.stop(session);
		t.is((await reach(fixture, session, 'STOPPED')).status, 'STOPPED');
		await sessions.start(session);
		await reach(fixture, session, 'WORKING');
		t.is((await sessions.start(session)).status, 'WORKING');
		t.deepEqual(await fixture.engine.me(session), before);
	});

	declare('logout unlinks the phone, and the session can be linked again', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.engine.sessions.logout(session);
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		const unlinked = await reach(fixture, session, 'SCAN_QR_CODE');
		t.is(unlinked.me, null);
		t.is(await fixture.engine.me(session), null);
		await fixture.link(session);
		await reach(fixture, session, 'WORKING');
	});

	declare('remove deletes the session with its credentials, and can be repeated', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {sessions} = fixture.engine;
		await sessions.remove(session);
		t.is(await sessions.find(session), undefined);
		t.false((await sessions.list()).some(({name}) => name === session));
		await sessions.remove(session);
		await sessions.remove(newSession());

		await sessions.ensure(session, fixture.configOf(session));
		t.is((await reach(fixture, session, 'SCAN_QR_CODE')).me, null);
	});

	declare('an unknown session is said to be unknown', async (t, fixture) => {
		const {engine} = fixture;
		t.is(await engine.sessions.find(newSession()), undefined);
		await fails(t, engine.sessions.start(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.sessions.restart(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.sessions.logout(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.link.qr(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.me(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, send(fixture, newSession()), 'SESSION_NOT_FOUND');
	});

	declare('list has every session, stopped ones included', async (t, fixture) => {
		const [linked, open, stopped] = [
			await linkedSession(fixture),
			await openSession(fixture),
			await openSession(fixture),
		];
		await fixture.engine.sessions.stop(stopped);
		await reach(fixture, stopped, 'STOPPED');
		const listed = await fixture.engine.sessions.list();
		t.deepEqual(
			new Map(listed.map(({name, status}) => [name, status])),
			new Map([
				[linked, 'WORKING'],
				[open, 'SCAN_QR_CODE'],
				[stopped, 'STOPPED'],
			]),
		);
		t.deepEqual(listed.find(({name}) => name === linked)?.me, await fixture.engine.me(linked));
	});

	declare('sessions do not touch each other', async (t, fixture) => {
		const [linked, open] = [await openSession(fixture), await openSession(fixture)];
		await fixture.link(linked);
		await reach(fixture, linked, 'WORKING');
		await send(fixture, linked);
		await eventNamed(fixture, linked, 'message.any');
		t.is((await fixture.engine.sessions.find(open))?.status, 'SCAN_QR_CODE');
		t.true(fixture.events(open).every(({event}) => event === 'session.status'));
	});

	declare('ping answers, and gives up when it is told to', async (t, fixture) => {
		await fixture.engine.ping(AbortSignal.timeout(10_000));
		await t.throwsAsync(fixture.engine.ping(AbortSignal.abort()));
	});

	declare('a pairing code stands in for the QR code', async (t, fixture) => {
		if (fixture.engine.capabilities()['pairing-code'].level === 'no') {
			t.pass('the capabilities say so');
			return;
		}
		const {link} = fixture.engine;
		const session = await openSession(fixture);
		t.regex(await link.requestPairingCode(session, '15550002222'), /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
		for (const phone of ['', '12', 'nobody', '+1 555 000 2222']) {
			await fails(t, link.requestPairingCode(session, phone), 'RECIPIENT_INVALID');
		}
		await fails(t, link.requestPairingCode(newSession(), '15550002222'), 'SESSION_NOT_FOUND');
		await fixture.link(session);
		await reach(fixture, session, 'WORKING');
		await fails(t, link.requestPairingCode(session, '15550002222'), 'QR_NOT_READY');
	});
}

/** The statuses that a session reported, in the engine's order. */
function statusesOf(fixture: EngineFixture, session: string): readonly string[] {
	return inEngineOrder(fixture.events(session))
		.filter(({event}) => event === 'session.status')
		.map(({payload}) => (payload as {status: string}).status);
}
