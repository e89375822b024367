import test from 'ava';
import {EventOutbox} from '../../adapters/simulator/event-outbox.ts';
import {BrokerUnavailableError, EngineError} from '../../domain/errors.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {SimulatorBench, START_MS} from '../support/simulator-bench.ts';

const CONTACT = '15550001111@c.us';
const COUNT = 200;

/** A session that works, and what it reports of COUNT messages. */
async function run(chaos: Parameters<SimulatorBench['engine']['setChaos']>[1], seed?: string): Promise<SimulatorBench> {
	const bench = new SimulatorBench({...(seed !== undefined && {seed})});
	await bench.link('s');
	bench.events.length = 0;
	await bench.engine.setChaos('s', chaos);
	const all = Array.from({length: COUNT}, (_, n) => bench.engine.receive('s', {from: CONTACT, text: String(n)}));
	await bench.clock.advance(2000);
	await Promise.all(all);
	return bench;
}

function numbers(bench: SimulatorBench, name = 'message'): number[] {
	return bench.payloads(name).map(({body}) => Number(body));
}

const IN_ORDER = Array.from({length: COUNT}, (_, n) => n);

test('without chaos every event comes once and in order', async (t) => {
	await using bench = await run({});
	t.deepEqual(numbers(bench), IN_ORDER);
	t.deepEqual(numbers(bench, 'message.any'), IN_ORDER);
});

test('the same seed and the same calls give the same events, another seed others', async (t) => {
	const play = async (seed: string): Promise<unknown> => {
		await using bench = await run({drop: 0.1, duplicate: 0.1, reorder: 0.1}, seed);
		await bench.send('s', CONTACT, {key: '3EB0AAAA'});
		await bench.clock.advance(60_000);
		await bench.engine.sessions.logout('s');
		await bench.clock.advance(START_MS);
		const qr = await bench.engine.link.qr('s');
		return {events: bench.events, qr: qr.value};
	};
	const first = await play('one');
	t.deepEqual(await play('one'), first);
	t.notDeepEqual(await play('two'), first);
});

test('drop loses about its share', async (t) => {
	await using bench = await run({drop: 0.3});
	const kept = numbers(bench);
	t.true(kept.length > COUNT * 0.55 && kept.length < COUNT * 0.85, String(kept.length));
	t.deepEqual(
		kept,
		kept.toSorted((left, right) => left - right),
	);
});

test('drop of everything loses everything', async (t) => {
	await using bench = await run({drop: 1});
	t.deepEqual(bench.events, []);
});

test('duplicate repeats about its share, with the same id', async (t) => {
	await using bench = await run({duplicate: 0.3});
	const messages = bench.events.filter(({event}) => event === 'message');
	t.true(messages.length > COUNT * 1.15 && messages.length < COUNT * 1.45, String(messages.length));
	t.is(new Set(messages.map(({id}) => id)).size, COUNT);
	t.deepEqual([...new Set(numbers(bench))], IN_ORDER);
});

test('reorder swaps neighbours and loses nothing', async (t) => {
	await using bench = await run({reorder: 0.3});
	t.notDeepEqual(numbers(bench, 'message.any'), IN_ORDER);
	for (const name of ['message', 'message.any']) {
		t.deepEqual(
			numbers(bench, name).toSorted((left, right) => left - right),
			IN_ORDER,
			name,
		);
	}
});

test('an event that nothing overtakes goes on by itself', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.setChaos('s', {reorder: 1});
	const received = bench.engine.receive('s', {from: CONTACT});
	await bench.clock.advance(1000);
	await received;
	t.is(bench.payloads('message').length, 1);
	t.is(bench.payloads('message.any').length, 1);
});

test('chaos can be switched off again, one kind at a time', async (t) => {
	await using bench = await run({drop: 1, duplicate: 1});
	await bench.engine.setChaos('s', {drop: 0});
	await bench.engine.receive('s', {from: CONTACT, text: '1000'});
	t.deepEqual(numbers(bench), [1000, 1000]);
	await bench.engine.setChaos('s', {duplicate: 0});
	await bench.engine.receive('s', {from: CONTACT, text: '1001'});
	t.deepEqual(numbers(bench), [1000, 1000, 1001]);
});

test('a deaf session says WORKING and reports nothing; a restart reports what contacts did meanwhile', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	bench.events.length = 0;
	await bench.engine.setChaos('s', {deaf: true});
	await bench.engine.receive('s', {from: CONTACT, text: 'anybody?'});
	const {id} = await bench.send('s', CONTACT);
	await bench.clock.advance(60_000);
	t.is(await bench.statusOf('s'), 'WORKING');
	t.deepEqual(bench.events, []);

	await bench.engine.sessions.restart('s');
	await bench.clock.advance(START_MS + 5000);
	t.deepEqual(bench.statuses, ['STOPPED', 'STARTING', 'WORKING']);
	t.deepEqual(
		bench.payloads('message').map(({body}) => body),
		['anybody?'],
	);
	t.deepEqual(bench.acks, ['1 SERVER', '2 DEVICE', '3 READ']);
	t.true(bench.payloads('message.ack').every((ack) => ack['id'] === id));
});

test('a deaf session that is told to hear reports what contacts did meanwhile', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.setChaos('s', {deaf: true});
	await bench.engine.receive('s', {from: CONTACT});
	await bench.engine.setChaos('s', {deaf: false});
	await bench.clock.advance(0);
	t.is(bench.payloads('message').length, 1);
});

test('while the broker is away events wait and follow in order, and the caller is told', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('s');
	bench.events.length = 0;
	bench.brokerAway = true;
	const received = IN_ORDER.map((n) => bench.engine.receive('s', {from: CONTACT, text: String(n)}));
	const outcomes = Promise.allSettled(received);
	await bench.clock.advance(0);
	await bench.clock.advance(30_000);
	for (const outcome of await outcomes) {
		t.is(outcome.status, 'rejected');
		const {reason} = outcome as {reason: unknown};
		t.true(reason instanceof EngineError && reason.code === 'ENGINE_TIMEOUT' && reason.sideEffect === 'possible');
	}
	t.deepEqual(bench.events, []);
	const {length: tries} = bench.log.of('simulator.event.refused');
	t.true(tries >= 5 && tries < 12, `${tries} tries in 30 s`);

	bench.brokerAway = false;
	await bench.clock.advance(10_000);
	t.deepEqual(numbers(bench), IN_ORDER);
	t.deepEqual(bench.log.of('simulator.event.lost'), []);
});

test('a session whose events wait does not hold up another one', async (t) => {
	await using bench = new SimulatorBench();
	await bench.link('one');
	bench.brokerAway = true;
	await bench.engine.sessions.restart('one');
	await bench.clock.advance(60_000);
	bench.brokerAway = false;
	await bench.link('two');
	t.is(bench.events.filter(({session}) => session === 'two').length, 3);
});

test('beyond 10,000 waiting events the oldest are given up, with a line in the log for each', async (t) => {
	const clock = new ManualClock();
	const log = new RecordingLogger();
	const taken: string[] = [];
	let away = true;
	const emit = async (event: UpstreamEvent): Promise<void> => {
		await Promise.resolve();
		if (away) throw new BrokerUnavailableError('switched off by the test');
		taken.push(event.id);
	};
	const outbox = new EventOutbox({emit, clock, log});
	const ids = Array.from({length: 10_011}, (_, n) => `evt_${n}`);
	const settled = ids.map((id) => outbox.add({session: 's', event: 'message', id, timestampMs: 0, payload: {}}));
	// The first is being tried, 10,000 wait.
	await clock.advance(0);
	await Promise.all(settled.slice(1, 11));
	t.deepEqual(
		log.of('simulator.event.lost').map(({fields}) => fields['engineEventId']),
		ids.slice(1, 11),
	);
	away = false;
	await clock.advance(10_000);
	await Promise.all(settled);
	t.deepEqual(taken, [ids[0], ...ids.slice(11)]);
});

test('an engine that ends while the broker is away says what it gives up', async (t) => {
	const bench = new SimulatorBench();
	await bench.link('s');
	bench.brokerAway = true;
	void bench.engine.receive('s', {from: CONTACT});
	await bench.clock.advance(5000);
	await bench.engine[Symbol.asyncDispose]();
	t.deepEqual(
		bench.log.of('simulator.event.lost').map(({fields}) => fields['event']),
		['message', 'message.any'],
	);
});

test('an engine that ends hands over what the broker takes', async (t) => {
	const bench = new SimulatorBench();
	await bench.link('s');
	await bench.engine.setChaos('s', {reorder: 1});
	void bench.engine.receive('s', {from: CONTACT});
	await bench.clock.advance(0);
	await bench.engine[Symbol.asyncDispose]();
	t.is(bench.payloads('message').length, 1);
	t.is(bench.payloads('message.any').length, 1);
});
