import test, {type ExecutionContext} from 'ava';
import {SimulatorEngine} from '../../adapters/simulator/simulator-engine.ts';
import {Typist} from '../../dispatchers/command/typist.ts';
import {EngineError} from '../../domain/errors.ts';
import {GatedEngine} from '../support/gated-engine.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {MemoryEngineState} from '../support/memory-engine-state.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const CHAT = '15550001111@c.us';
const ALL = [`read ${CHAT}`, `typing ${CHAT}`, `stop typing ${CHAT}`];

interface Bench {
	readonly clock: ManualClock;
	readonly log: RecordingLogger;
	readonly engine: GatedEngine;
	readonly signal: AbortController;
	/** Begins to type. */
	readonly type: (length: number) => {readonly isDone: () => boolean};
}

function setUp(t: ExecutionContext, random: number): Bench {
	const clock = new ManualClock();
	const log = new RecordingLogger();
	const emit = (): Promise<void> => Promise.resolve();
	const simulator = new SimulatorEngine({clock: new ManualClock(), state: new MemoryEngineState(), log, emit});
	t.teardown(() => simulator[Symbol.asyncDispose]());
	const engine = new GatedEngine(simulator);
	const signal = new AbortController();
	const typist = new Typist({clock, log, random: () => random});
	const type: Bench['type'] = (length) => {
		let isDone = false;
		void typist.type({engine, name: 'u_1_s_1', isLinked: true}, CHAT, length, signal.signal).then(() => {
			isDone = true;
		});
		return {isDone: () => isDone};
	};
	return {clock, log, engine, signal, type};
}

for (const [length, random, expectedMs] of [
	[0, 0, 1000],
	[1, 0, 1050],
	[20, 0, 2000],
	[20, 0.5, 3000],
	[99, 0.25, 6450],
	[100, 0, 6000],
	[10_000, 0, 6000],
	[10_000, 0.9995, 7999],
] as const) {
	test(`${length} characters at ${random} of the luck take ${expectedMs} ms, and not one less`, async (t) => {
		const {clock, engine, type} = setUp(t, random);
		const typing = type(length);
		await clock.advance(0);
		t.deepEqual(engine.actions, ALL.slice(0, 2), 'read and typing come at once, in this order');
		await clock.advance(expectedMs - 1);
		t.deepEqual(engine.actions, ALL.slice(0, 2));
		await clock.advance(1);
		t.deepEqual(engine.actions, ALL);
		t.true(typing.isDone());
	});
}

test('failures of presence change nothing, whatever they are', async (t) => {
	const {clock, engine, log, type} = setUp(t, 0);
	engine.troubleNext('read', new EngineError('ENGINE_UNAVAILABLE', 'away'));
	engine.troubleNext('typing', new TypeError('something that no adapter foresaw'));
	engine.troubleNext('stop typing', new EngineError('SESSION_NOT_CONNECTED', 'gone'));
	const typing = type(20);
	await clock.advance(0);
	await clock.advance(1999);
	t.false(typing.isDone());
	await clock.advance(1);
	t.true(typing.isDone());
	t.deepEqual(engine.actions, ALL);
	t.is(log.of('presence.failed').length, 3);
});

test('presence that is never answered costs three seconds a call: with the longest pause 17 s, so that a send still fits 25 s', async (t) => {
	const {clock, engine, type} = setUp(t, 0.9999);
	for (const action of ['read', 'typing', 'stop typing'] as const) engine.troubleNext(action, 'hang');
	const typing = type(1000);
	await clock.advance(0);
	await clock.advance(3000);
	t.deepEqual(engine.actions, ALL.slice(0, 2));
	await clock.advance(13_998);
	t.false(typing.isDone());
	await clock.advance(2);
	t.true(typing.isDone());
	t.deepEqual(engine.actions, ALL);
});

test('what the engine cannot do is left out; the pause stays', async (t) => {
	const {clock, engine, type} = setUp(t, 0);
	engine.capabilityChanges = {'mark-read': {level: 'no'}};
	const first = type(20);
	await clock.advance(0);
	await clock.advance(2000);
	t.true(first.isDone());
	t.deepEqual(engine.actions, ALL.slice(1));

	engine.capabilityChanges = {typing: {level: 'no'}, 'mark-read': {level: 'degraded'}};
	const second = type(20);
	await clock.advance(0);
	await clock.advance(1999);
	t.false(second.isDone());
	await clock.advance(1);
	t.true(second.isDone());
	t.deepEqual(engine.actions, [...ALL.slice(1), `read ${CHAT}`]);
});

test('a pause that is broken off ends at once, and nobody goes on typing', async (t) => {
	const {clock, engine, signal, type} = setUp(t, 0);
	const typing = type(20);
	await clock.advance(0);
	await clock.advance(500);
	signal.abort();
	await clock.advance(0);
	t.true(typing.isDone());
	t.deepEqual(engine.actions, ALL);

	const late = type(20);
	await clock.advance(0);
	t.true(late.isDone(), 'nor does one begin');
});
