import test, {type ExecutionContext} from 'ava';
import {PNG} from 'pngjs';
import {create} from 'qrcode';
import {QrLifetimes} from '../../adapters/waha/qr-lifetimes.ts';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import type {FakeFault} from '../support/fake-waha.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {startWahaFixture, type WahaFixture} from '../support/waha-fixture.ts';

const SESSION = 'u_1_s_1';
const QR = `/api/${SESSION}/auth/qr`;
const CODE = `/api/${SESSION}/auth/request-code`;
const PHONE = '15550002222';

test('the QR code encodes the value', async (t) => {
	await using fixture = await startUnlinked();
	const {value, png} = await fixture.engine.link.qr(SESSION);
	t.is(value, fixture.waha.session(SESSION).qr);

	const {width, data} = PNG.sync.read(png);
	const {modules} = create(value);
	const margin = 4;
	const scale = width / (modules.size + 2 * margin);
	const isDark = (row: number, column: number): boolean => {
		const [y, x] = [row, column].map((index) => Math.floor((index + margin + 0.5) * scale)) as [number, number];
		return (data[(y * width + x) * 4] ?? 255) < 128;
	};
	for (let row = 0; row < modules.size; row++) {
		for (let column = 0; column < modules.size; column++) {
			if (isDark(row, column) !== (modules.get(row, column) === 1)) t.fail(`${row}, ${column} differs`);
		}
	}
});

test('WAHA is not asked for a QR code that will not come: it would hold the request for seconds', async (t) => {
	await using fixture = await startWahaFixture();
	await fixture.linkSession(SESSION);
	await fails(t, fixture.engine.link.qr(SESSION), 'QR_NOT_READY');
	t.deepEqual(fixture.waha.requestsTo('GET', QR), []);
});

test('a QR code that is gone between two calls is not ready', async (t) => {
	await using fixture = await startUnlinked();
	const linked = {
		error: 'Session status is not as expected',
		session: SESSION,
		status: 'WORKING',
		expected: ['SCAN_QR_CODE'],
	};
	for (const fault of [answer(422, linked), answer(200, {}), answer(200, '')]) {
		fixture.waha.failNext('GET', QR, fault);
		await fails(t, fixture.engine.link.qr(SESSION), 'QR_NOT_READY');
	}
});

for (const engine of ['GOWS', 'NOWEB', 'WEBJS'] as const) {
	test(`${engine}: a pairing code is asked for with the digits of the phone, and nothing else`, async (t) => {
		await using fixture = await startUnlinked({engine});
		t.is(await fixture.engine.link.requestPairingCode(SESSION, PHONE), fixture.waha.session(SESSION).pairingCode);
		const [request] = fixture.waha.requestsTo('POST', CODE);
		t.deepEqual(request?.body, {phoneNumber: PHONE});
	});
}

test('a pairing code without its dash gets one, and what is none is not passed on', async (t) => {
	await using fixture = await startUnlinked();
	fixture.waha.failNext('POST', CODE, answer(201, {code: 'abcd1234'}));
	t.is(await fixture.engine.link.requestPairingCode(SESSION, PHONE), 'ABCD-1234');
	for (const body of [{}, {code: null}, {code: 'ABCD'}]) {
		fixture.waha.failNext('POST', CODE, answer(201, body));
		await fails(t, fixture.engine.link.requestPairingCode(SESSION, PHONE), 'ENGINE_UNAVAILABLE');
	}
});

test('WAHA is not asked for the pairing code of a number that cannot be', async (t) => {
	await using fixture = await startUnlinked();
	for (const phone of ['', '12', '05550002222', '+15550002222', '1555000222233334', '1555000222x']) {
		await fails(t, fixture.engine.link.requestPairingCode(SESSION, phone), 'RECIPIENT_INVALID');
	}
	t.deepEqual(fixture.waha.requestsTo('POST', CODE), []);
});

test('a session that is linked while a pairing code is asked for has none', async (t) => {
	await using fixture = await startUnlinked();
	const refusals = [
		answer(404, {message: 'Session not found', error: 'Not Found', statusCode: 404}),
		answer(422, {
			statusCode: 422,
			message: 'Can request code only in SCAN_QR_CODE status. The current status is WORKING',
			error: 'Unprocessable Entity',
		}),
	];
	for (const refusal of refusals) {
		fixture.waha.failNext('POST', CODE, refusal);
		await fails(t, fixture.engine.link.requestPairingCode(SESSION, PHONE), 'QR_NOT_READY');
	}
	fixture.waha.scan(SESSION);
	await eventually(() => fixture.waha.session(SESSION).status === 'WORKING');
	const asked = fixture.waha.requestsTo('POST', CODE).length;
	await fails(t, fixture.engine.link.requestPairingCode(SESSION, PHONE), 'QR_NOT_READY');
	t.is(fixture.waha.requestsTo('POST', CODE).length, asked);
});

test('a QR code that was seen to appear tells until when it is good', async (t) => {
	await using fixture = await startWahaFixture({timing: {startMs: 1000}});
	await fixture.engine.sessions.ensure(SESSION, fixture.configOf(SESSION));
	const startMs = fixture.clock.now();
	await fails(t, fixture.engine.link.qr(SESSION), 'SESSION_STARTING');
	await eventually(() => fixture.waha.session(SESSION).status === 'SCAN_QR_CODE');
	t.is((await fixture.engine.link.qr(SESSION)).expiresAt?.getTime(), startMs + 60_000);
});

test('a QR code that was there before anybody looked does not', async (t) => {
	await using fixture = await startUnlinked();
	t.false('expiresAt' in (await fixture.engine.link.qr(SESSION)));
});

test('the first code lives for 60 s from the last look without one, however often it is seen', async (t) => {
	const {clock, lifetimes, startMs} = newLifetimes();
	lifetimes.noteAbsent(SESSION);
	await clock.advance(2000);
	t.is(lifetimes.note(SESSION, 'one')?.getTime(), startMs + 60_000);
	await clock.advance(50_000);
	t.is(lifetimes.note(SESSION, 'one')?.getTime(), startMs + 60_000);
});

test('the next ones live for 20 s from the last look at the one before', async (t) => {
	const {clock, lifetimes, startMs} = newLifetimes();
	lifetimes.note(SESSION, 'one');
	await clock.advance(3000);
	lifetimes.note(SESSION, 'one');
	await clock.advance(3000);
	t.is(lifetimes.note(SESSION, 'two')?.getTime(), startMs + 23_000);
	await clock.advance(3000);
	t.is(lifetimes.note(SESSION, 'three')?.getTime(), startMs + 26_000);
});

test('nobody can tell how old a code is after a long time without a look', async (t) => {
	const {clock, lifetimes} = newLifetimes();
	lifetimes.noteAbsent(SESSION);
	await clock.advance(10_001);
	t.is(lifetimes.note(SESSION, 'one'), undefined);
	await clock.advance(1000);
	t.is(lifetimes.note(SESSION, 'one'), undefined, 'a second look at it tells no more');
	t.is(lifetimes.note('another', 'one'), undefined);
});

test('only so many sessions are remembered, those seen last', (t) => {
	const {lifetimes} = newLifetimes();
	lifetimes.noteAbsent('first');
	lifetimes.noteAbsent('second');
	lifetimes.noteAbsent('first');
	for (let session = 0; session < 9999; session++) lifetimes.noteAbsent(String(session));
	t.truthy(lifetimes.note('first', 'a code'));
	t.is(lifetimes.note('second', 'a code'), undefined);
});

function newLifetimes(): {clock: ManualClock; lifetimes: QrLifetimes; startMs: number} {
	const clock = new ManualClock();
	return {clock, lifetimes: new QrLifetimes({clock}), startMs: clock.now()};
}

/** A fixture with one session that shows its QR code, at which nobody has looked. */
async function startUnlinked(options: Parameters<typeof startWahaFixture>[0] = {}): Promise<WahaFixture> {
	const fixture = await startWahaFixture(options);
	await fixture.engine.sessions.ensure(SESSION, fixture.configOf(SESSION));
	await eventually(() => fixture.waha.session(SESSION).status === 'SCAN_QR_CODE');
	return fixture;
}

function answer(status: number, body: string | object): FakeFault {
	return {kind: 'answer', status, body: typeof body === 'string' ? body : JSON.stringify(body)};
}

async function fails(t: ExecutionContext, call: Promise<unknown>, code: EngineErrorCode): Promise<void> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
	if (code !== 'ENGINE_UNAVAILABLE') t.is(error.sideEffect, 'none');
}
