import test from 'ava';
import {EngineError, NotFoundError, ValidationError} from '../../domain/errors.ts';
import {ACK_DELAYS, ECHO, SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';
const ALL_ACKS_MS = ACK_DELAYS.serverMs + ACK_DELAYS.deviceMs + ACK_DELAYS.readMs;
const DAY_MS = 24 * 60 * 60 * 1000;

test('a receipt has the client message id, and a repeat of it sends nothing', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const receipt = await bench.send('s', CONTACT, {key: '3EB0AAAA'});
	t.deepEqual(receipt, {id: `true_${CONTACT}_3EB0AAAA`, timestamp: Math.floor(bench.clock.now() / 1000)});
	await bench.clock.advance(5000);
	t.deepEqual(await bench.send('s', CONTACT, {key: '3EB0AAAA'}), receipt);
	await bench.clock.advance(5000);
	t.is(bench.payloads('message.any').length, 1);
	t.is(bench.acks.length, 3);
});

test('acknowledgements come in order, each after its delay', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const {id} = await bench.send('s', '15550000000@c.us');
	t.deepEqual(bench.acks, []);
	await bench.clock.advance(ACK_DELAYS.serverMs);
	t.deepEqual(bench.acks, ['1 SERVER']);
	await bench.clock.advance(ACK_DELAYS.deviceMs);
	t.deepEqual(bench.acks, ['1 SERVER', '2 DEVICE']);
	await bench.clock.advance(ACK_DELAYS.readMs - 1);
	t.deepEqual(bench.acks, ['1 SERVER', '2 DEVICE']);
	await bench.clock.advance(DAY_MS);
	t.deepEqual(bench.acks, ['1 SERVER', '2 DEVICE', '3 READ']);
	t.true(bench.payloads('message.ack').every((payload) => payload['id'] === id));
	t.is(
		bench.events.findIndex(({event}) => event === 'message.any') + 1,
		bench.events.findIndex(({event}) => event === 'message.ack'),
	);
});

test('many messages at once keep each its own acknowledgements', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await Promise.all(Array.from({length: 500}, (_, n) => bench.send('s', CONTACT, {key: `3EB0${1000 + n}`})));
	await bench.clock.advance(ALL_ACKS_MS);
	const byMessage = Map.groupBy(bench.payloads('message.ack'), ({id}) => id);
	t.is(byMessage.size, 500);
	t.true([...byMessage.values()].every((acks) => acks.map(({ack}) => ack).join() === '1,2,3'));
});

test('…0001 is not on WhatsApp, and …0002 has blocked us: nothing goes out', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	for (const [digits, code] of [
		['0001', 'RECIPIENT_NOT_ON_WHATSAPP'],
		['0002', 'RECIPIENT_BLOCKED'],
	] as const) {
		for (const server of ['c.us', 'lid']) {
			const error = await t.throwsAsync(bench.send('s', `1555123${digits}@${server}`), {instanceOf: EngineError, code});
			t.is(error.sideEffect, 'none');
			await t.throwsAsync(bench.engine.receive('s', {from: `1555123${digits}@${server}`}), {code});
		}
	}
	await bench.clock.advance(ALL_ACKS_MS);
	t.true(bench.events.every(({event}) => event === 'session.status'));
});

test('…0003 never gets it: one tick, until a delivery is made by hand', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const {id} = await bench.send('s', '15551230003@c.us');
	await bench.clock.advance(DAY_MS);
	t.deepEqual(bench.acks, ['1 SERVER']);
	await bench.engine.acknowledge('s', id ?? '', 2);
	t.deepEqual(bench.acks, ['1 SERVER', '2 DEVICE']);
});

test('…0004 restricts the account: refused, the message ends in ERROR, and new chats are refused for a day', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.send('s', CONTACT, {key: '3EB0AAAA'});
	await bench.clock.advance(ALL_ACKS_MS);
	const seen = bench.events.length;

	const error = await t.throwsAsync(bench.send('s', '15551230004@c.us', {key: '3EB0BBBB'}), {
		instanceOf: EngineError,
		code: 'ACCOUNT_RESTRICTED',
	});
	t.is(error.scope, 'account');
	t.is(error.retryAfterMs, DAY_MS);
	await bench.clock.advance(ALL_ACKS_MS);
	const [own, status, ack, ...more] = bench.events.slice(seen);
	t.deepEqual(more, []);
	t.like(own?.payload, {id: 'true_15551230004@c.us_3EB0BBBB', ack: 0});
	const timeEnforcementEnds = Math.floor((bench.clock.now() - ALL_ACKS_MS + DAY_MS) / 1000);
	const reachoutTimelock = {enforcementType: 'RESTRICT_ALL_COMPANIONS', isActive: true, timeEnforcementEnds};
	t.like(status?.payload, {status: 'WORKING', data: {reachoutTimelock}});
	t.like(status?.me, {reachoutTimelock});
	t.like(ack?.payload, {id: 'true_15551230004@c.us_3EB0BBBB', ack: -1, ackName: 'ERROR'});

	await t.throwsAsync(bench.send('s', '15551230004@c.us', {key: '3EB0BBBB'}), {code: 'ACCOUNT_RESTRICTED'});
	await t.throwsAsync(bench.send('s', '15559990000@c.us'), {code: 'ACCOUNT_RESTRICTED'});
	t.truthy((await bench.send('s', CONTACT, {key: '3EB0CCCC'})).id, 'a chat that exists goes on');
	await bench.clock.advance(DAY_MS);
	t.truthy((await bench.send('s', '15559990000@c.us', {key: '3EB0DDDD'})).id);
});

test('a restricted account answers whoever writes to it, and the restriction outlives the process', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	await before.engine.restrict('s', new Date(before.clock.now() + DAY_MS));
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS);
	t.like(after.payloads('session.status').at(-1), {status: 'WORKING', data: {reachoutTimelock: {isActive: true}}});
	await t.throwsAsync(after.send('s', CONTACT), {code: 'ACCOUNT_RESTRICTED'});
	await after.engine.receive('s', {from: CONTACT});
	t.truthy((await after.send('s', CONTACT)).id);

	await after.engine.restrict('s', new Date(0));
	t.truthy((await after.send('s', '15559990000@c.us')).id);
	t.is(after.payloads('session.status').at(-1)?.['data'], null);
});

test('stories cannot be written to, only persons write, and a text is needed', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await t.throwsAsync(bench.send('s', 'status@broadcast'), {instanceOf: EngineError, code: 'NOT_SUPPORTED'});
	await t.throwsAsync(bench.send('s', CONTACT, {text: ''}), {instanceOf: EngineError, code: 'CONTENT_INVALID'});
	await t.throwsAsync(bench.engine.receive('s', {from: '1203631@g.us'}), {instanceOf: ValidationError});
	await t.throwsAsync(bench.engine.receive('s', {from: 'nobody'}), {instanceOf: ValidationError});
	await t.throwsAsync(bench.engine.receive('s', {from: CONTACT, group: CONTACT}), {instanceOf: ValidationError});
	await t.throwsAsync(bench.engine.react('s', '3EB0', CONTACT, '👍'), {instanceOf: ValidationError});
	await t.throwsAsync(bench.engine.acknowledge('s', 'x', 7), {instanceOf: ValidationError});
	await t.throwsAsync(bench.engine.acknowledge('s', 'x', 1), {instanceOf: NotFoundError});
});

test('an acknowledgement by hand takes the place of those that were to come', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.send('s', CONTACT, {key: '3EB0AAAA'});
	await bench.engine.acknowledge('s', '3EB0AAAA', 3);
	await bench.clock.advance(DAY_MS);
	t.deepEqual(bench.acks, ['3 READ']);

	const {id} = await bench.send('s', CONTACT, {key: '3EB0BBBB'});
	await bench.engine.acknowledge('s', id ?? '', -1);
	await bench.clock.advance(DAY_MS);
	t.deepEqual(bench.acks, ['3 READ', '-1 ERROR']);
});

test('acknowledgements that were to come come in the next process', async (t) => {
	const before = new SimulatorBench();
	await before.link('s');
	const {id} = await before.send('s', CONTACT);
	await before.clock.advance(ACK_DELAYS.serverMs + 1500);
	const {id: second} = await before.send('s', CONTACT, {key: '3EB0AAAA'});
	await using after = before.reborn();
	await after.engine.start();
	await after.clock.advance(START_MS + ALL_ACKS_MS);
	const acksOf = (message: string | null): unknown[] =>
		after
			.payloads('message.ack')
			.filter((payload) => payload['id'] === message)
			.map(({ack}) => ack);
	t.deepEqual(acksOf(id), [], 'all its acknowledgements had come');
	t.deepEqual(acksOf(second), [1, 2, 3]);
	await after.engine.acknowledge('s', id ?? '', 4);
	t.deepEqual(acksOf(id), [4], 'it is still known');
});

test('only the latest messages stay known, but none that still gets acknowledgements is forgotten', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	const {id: oldest} = await bench.send('s', CONTACT, {key: '3EB00000'});
	await bench.clock.advance(ALL_ACKS_MS);
	for (let n = 0; n < 250; n++) await bench.send('s', CONTACT, {key: `3EB0${1000 + n}`});
	await bench.clock.advance(ALL_ACKS_MS);
	t.is(bench.acks.length, 3 * 251);
	await bench.send('s', CONTACT, {key: '3EB0FFFF'});
	await t.throwsAsync(bench.engine.acknowledge('s', oldest ?? '', 4), {instanceOf: NotFoundError});
	await t.notThrowsAsync(bench.engine.acknowledge('s', '3EB01249', 4));
});

test('the echo contact answers with the same text once it has read it; others do not', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.send('s', CONTACT, {text: 'hello?', key: '3EB0AAAA'});
	await bench.send('s', ECHO, {text: 'hello!', key: '3EB0BBBB'});
	await bench.clock.advance(DAY_MS);
	t.deepEqual(
		bench.payloads('message').map(({from, body}) => [from, body]),
		[[ECHO, 'hello!']],
	);
});
