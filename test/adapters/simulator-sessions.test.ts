import test from 'ava';
import {PNG} from 'pngjs';
import {EngineError, SetupError, StoreUnavailableError} from '../../domain/errors.ts';
import {SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';

test('the first QR code lives 60 s, five more live 20 s each, then the session has failed', async (t) => {
	await using bench = new SimulatorBench();
	await bench.open('s');
	const values = new Set<string>();
	for (const lifeMs of [60_000, 20_000, 20_000, 20_000, 20_000, 20_000]) {
		const {value, expiresAt} = await bench.engine.link.qr('s');
		values.add(value);
		t.is(expiresAt?.getTime(), bench.clock.now() + lifeMs);
		await bench.clock.advance(lifeMs - 1);
		t.is((await bench.engine.link.qr('s')).value, value, 'gone before its time');
		await bench.clock.advance(1);
	}
	t.is(values.size, 6);
	t.deepEqual(bench.statuses, ['STARTING', ...Array<string>(6).fill('SCAN_QR_CODE'), 'FAILED']);
	await t.throwsAsync(bench.engine.link.qr('s'), {instanceOf: EngineError, code: 'QR_NOT_READY'});
	await t.throwsAsync(bench.engine.scan('s'), {instanceOf: EngineError, code: 'QR_NOT_READY'});
});

test('a QR code has the form of WhatsApp’s, and its picture is a PNG', async (t) => {
	await using bench = new SimulatorBench();
	await bench.open('s');
	const {value, png} = await bench.engine.link.qr('s');
	t.regex(value, /^2@[\w+/=]{128}(,[\w+/]{43}=){3},1$/);
	t.notThrows(() => PNG.sync.read(png));
});

test('a session that failed shows new codes after a restart', async (t) => {
	await using bench = new SimulatorBench();
	await bench.open('s');
	const {value} = await bench.engine.link.qr('s');
	await bench.clock.advance(160_000);
	await bench.engine.sessions.restart('s');
	await bench.clock.advance(START_MS);
	t.not((await bench.engine.link.qr('s')).value, value);
});

test('no more codes come once the session is linked', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.clock.advance(600_000);
	t.deepEqual(bench.statuses, ['STARTING', 'SCAN_QR_CODE', 'WORKING']);
	await t.throwsAsync(bench.engine.scan('s'), {code: 'QR_NOT_READY'});
});

test('scanning gives an account with a phone number, a name and an @lid id, the same one each time', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const me = bench.events.at(-1)?.me as Record<string, string>;
	t.deepEqual(Object.keys(me), ['id', 'pushName', 'lid']);
	t.regex(me['id'] ?? '', /^1555\d{3}[1-9]\d{3}@c\.us$/);
	t.regex(me['lid'] ?? '', /^\d{15}@lid$/);
	t.deepEqual(await bench.engine.me('s'), {id: me['id'], pushName: me['pushName']});

	await bench.engine.sessions.logout('s');
	await bench.clock.advance(START_MS);
	await bench.engine.scan('s');
	await bench.clock.advance(0);
	t.deepEqual(bench.events.at(-1)?.me, me);
	await bench.link('other');
	t.notDeepEqual(await bench.engine.me('other'), await bench.engine.me('s'));
});

test('logout goes by way of STARTING to a new QR code', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.sessions.logout('s');
	await bench.clock.advance(START_MS);
	t.deepEqual(bench.statuses.slice(-2), ['STARTING', 'SCAN_QR_CODE']);
	t.is(bench.events.at(-1)?.me, null);
});

test('logout of a stopped session leaves it stopped, without credentials', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.sessions.stop('s');
	await bench.engine.sessions.logout('s');
	t.deepEqual(await bench.engine.sessions.find('s'), {name: 's', status: 'STOPPED', me: null});
});

test('a phone that logs the device out leaves the session failed, and a restart shows a QR code', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.logOut('s');
	t.deepEqual(await bench.engine.sessions.find('s'), {name: 's', status: 'FAILED', me: null});
	await bench.clock.advance(600_000);
	t.is(bench.statuses.at(-1), 'FAILED');
	await bench.engine.sessions.restart('s');
	await bench.clock.advance(START_MS);
	t.is(await bench.statusOf('s'), 'SCAN_QR_CODE');
});

test('offline is STARTING until the network is back, and what contacts did meanwhile arrives then, in order', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const {id} = await bench.send('s', CONTACT);
	await bench.engine.goOffline('s');
	await bench.clock.advance(60_000);
	t.is(await bench.statusOf('s'), 'STARTING');
	await t.throwsAsync(bench.send('s', CONTACT, {key: 'AAAA'}), {code: 'SESSION_STARTING'});

	const sentAt = Math.floor(bench.clock.now() / 1000);
	const first = await bench.engine.receive('s', {from: CONTACT, text: 'first'});
	await bench.engine.react('s', first.messageId, CONTACT, '👍');
	await bench.engine.receive('s', {from: CONTACT, text: 'second'});
	await bench.clock.advance(60_000);
	t.deepEqual(bench.payloads('message'), []);
	t.deepEqual(bench.acks, [], 'acknowledgements wait, too');

	await bench.engine.goOnline('s');
	await bench.clock.advance(START_MS + 5000);
	t.deepEqual(
		bench.events.slice(-9).map(({event}) => event),
		[
			'session.status',
			...['message', 'message.any', 'message.reaction', 'message', 'message.any'],
			...['message.ack', 'message.ack', 'message.ack'],
		],
	);
	t.deepEqual(
		bench.payloads('message').map(({body, timestamp}) => [body, timestamp]),
		[
			['first', sentAt],
			['second', sentAt],
		],
	);
	t.true(bench.payloads('message.ack').every((ack) => ack['id'] === id));
});

test('a session stays offline over restarts of itself', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.goOffline('s');
	await bench.engine.sessions.restart('s');
	await bench.clock.advance(60_000);
	t.is(await bench.statusOf('s'), 'STARTING');
	await bench.engine.goOnline('s');
	await bench.engine.goOnline('s');
	await bench.clock.advance(START_MS);
	t.is(await bench.statusOf('s'), 'WORKING');
});

test('the phone does nothing to a session that is not linked', async (t) => {
	await using bench = new SimulatorBench();
	await bench.open('s');
	const {engine} = bench;
	for (const call of [
		() => engine.receive('s', {from: CONTACT}),
		() => engine.acknowledge('s', 'x', 1),
		() => engine.react('s', `true_${CONTACT}_A`, CONTACT, '👍'),
		() => engine.goOffline('s'),
		() => engine.goOnline('s'),
		() => engine.logOut('s'),
		() => engine.restrict('s', new Date()),
	]) {
		await t.throwsAsync(call(), {instanceOf: EngineError, code: 'SESSION_NOT_CONNECTED'}, call.toString());
	}
	t.is(await bench.statusOf('s'), 'SCAN_QR_CODE');
});

test('a new process brings back what ran: linked sessions work again, others show a code, stopped ones stay stopped', async (t) => {
	const before = new SimulatorBench();
	await before.link('linked');
	await before.open('unlinked');
	await before.link('stopped');
	await before.engine.sessions.stop('stopped');
	const me = await before.engine.me('linked');

	await using after = before.reborn();
	await after.engine.start();
	t.deepEqual((await after.engine.sessions.list()).map(({name, status}) => `${name} ${status}`).sort(), [
		'linked STARTING',
		'stopped STOPPED',
		'unlinked STARTING',
	]);
	await after.clock.advance(START_MS);
	t.is(await after.statusOf('linked'), 'WORKING');
	t.is(await after.statusOf('unlinked'), 'SCAN_QR_CODE');
	t.is(await after.statusOf('stopped'), 'STOPPED');
	t.deepEqual(await after.engine.me('linked'), me);
	const statuses = after.events.filter(({session}) => session === 'linked').map(({payload}) => payload);
	t.deepEqual(
		statuses.map((payload) => (payload as {status: string}).status),
		['STARTING', 'WORKING'],
	);
	await after.engine.sessions.start('stopped');
	await after.clock.advance(START_MS);
	t.is(await after.statusOf('stopped'), 'WORKING');
});

test('a new process never draws an id again', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	const first = await before.engine.receive('s', {from: CONTACT});
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS);
	const second = await after.engine.receive('s', {from: CONTACT});
	t.not(first.messageId, second.messageId);
	const ids = [...before.events, ...after.events].filter(({event}) => event !== 'message.any').map(({id}) => id);
	t.is(new Set(ids).size, ids.length);
});

test('what waited for an offline session outlives the process', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	await before.engine.goOffline('s');
	const {messageId} = await before.engine.receive('s', {from: CONTACT, text: 'are you there?'});
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(60_000);
	t.is(await after.statusOf('s'), 'STARTING');
	await after.engine.goOnline('s');
	await after.clock.advance(START_MS);
	t.deepEqual(
		after.payloads('message').map(({id, body}) => [id, body]),
		[[messageId, 'are you there?']],
	);
	await after.clock.advance(START_MS);
	await using third = after.reborn();
	await third.engine.start();
	await third.clock.advance(START_MS);
	t.is(third.statuses.at(-1), 'WORKING');
	t.deepEqual(third.payloads('message'), [], 'it was delivered, and is delivered once');
});

test('a removed session does not come back', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	const removal = before.engine.sessions.remove('s');
	await t.throwsAsync(before.engine.scan('s'), {code: 'SESSION_NOT_FOUND'});
	await removal;
	await before.clock.advance(60_000);
	await using after = before.reborn();
	t.deepEqual(await after.engine.sessions.list(), []);
});

test('while the store is away a change is refused, and the next call after that is served', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	before.state.away = true;
	await t.throwsAsync(before.send('s', CONTACT), {instanceOf: StoreUnavailableError});
	t.deepEqual(before.payloads('message.any'), [], 'what failed did not go out');
	before.state.away = false;
	await before.send('s', CONTACT);
	t.is(before.payloads('message.any').length, 1);

	await using after = before.reborn();
	after.state.away = true;
	await t.throwsAsync(after.engine.start(), {instanceOf: StoreUnavailableError});
	after.state.away = false;
	await after.engine.start();
	await after.clock.advance(START_MS);
	t.is(await after.statusOf('s'), 'WORKING');
});

test('a document of another version is refused with a line that says what to do', async (t) => {
	await using bench = new SimulatorBench();
	await bench.state.save('simulator', 's', '{"schema":2}');
	await t.throwsAsync(bench.engine.start(), {instanceOf: SetupError, message: /s was stored by another version: /});
});
