import test from 'ava';
import type {Admission} from '../../dispatchers/webhook/admission.ts';
import {Breaker} from '../../dispatchers/webhook/breaker.ts';
import {Lane} from '../../dispatchers/webhook/lane.ts';
import {Lanes} from '../../dispatchers/webhook/lanes.ts';
import type {TurnEnd} from '../../dispatchers/webhook/turn.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {sampleOutcome} from '../support/samples.ts';

const SETTINGS = {concurrency: 2, queueLength: 3};
const MINUTE = 60_000;

const GOOD = {id: 'good', concurrency: null, ratePerSecond: null};
const BAD = {...GOOD, id: 'bad'};

/** Attempts that end when the test says so. */
class Attempts {
	readonly clock = new ManualClock();
	readonly lane: Lane;
	readonly #ends: ((isAlive: boolean) => void)[] = [];

	constructor(lane?: Lane) {
		this.lane = lane ?? new Lane(SETTINGS);
	}

	/** Asks for a place and begins the attempt if there is one. */
	async enter(isPressed = false): Promise<Admission> {
		const admission = await this.lane.enter(this.clock.now(), isPressed);
		if (admission.kind === 'run') {
			void this.lane.run(admission, {
				clock: this.clock,
				attempt: () => new Promise<boolean>((resolve) => this.#ends.push(resolve)),
				isAlive: (alive) => alive,
			});
		}
		return admission;
	}

	get underWay(): number {
		return this.#ends.length;
	}

	/** Ends the oldest attempt. */
	async end(isAlive = true): Promise<void> {
		this.#ends.shift()?.(isAlive);
		await this.clock.advance(0);
	}

	/** One whole attempt. */
	async make(isAlive: boolean, durationMs = 10): Promise<Admission> {
		const admission = await this.enter();
		await this.clock.advance(durationMs);
		if (admission.kind === 'run') await this.end(isAlive);
		return admission;
	}

	untilOf(admission: Admission): number {
		return admission.kind === 'park' ? admission.untilMs - this.clock.now() : NaN;
	}
}

/** Makes a lane's attempts known to be slow: about 15 s each. */
async function hang(attempts: Attempts): Promise<void> {
	for (let count = 0; count < 60; count++) await attempts.make(true, 15_000);
}

test('as many attempts as allowed run at once; others wait in memory and follow in order', async (t) => {
	const attempts = new Attempts();
	t.like(await attempts.enter(), {kind: 'run'});
	t.like(await attempts.enter(), {kind: 'run'});
	const order: number[] = [];
	const third = attempts.enter().then(() => order.push(3));
	const fourth = attempts.enter().then(() => order.push(4));
	await attempts.clock.advance(0);
	t.is(attempts.underWay, 2);
	await attempts.end();
	await attempts.end();
	await Promise.all([third, fourth]);
	t.deepEqual(order, [3, 4]);
	t.is(attempts.underWay, 2);
});

test('a fast lane keeps what it works off in a second; a slow one a few; the rest is parked, each a little later', async (t) => {
	const fast = new Attempts();
	for (let count = 0; count < 60; count++) await fast.make(true, 2);
	const held = Array.from({length: 500}, () => fast.enter());
	await fast.clock.advance(0);
	t.is(await Promise.race([held[499], Promise.resolve('waits')]), 'waits');

	const slow = new Attempts();
	await hang(slow);
	const admissions = Array.from({length: SETTINGS.concurrency + SETTINGS.queueLength + 100}, () => slow.enter());
	const parked = (await Promise.all(admissions.slice(SETTINGS.concurrency + SETTINGS.queueLength))).map((admission) =>
		slow.untilOf(admission),
	);
	t.is(parked[0], 5000);
	const gaps = parked.slice(1).map((delay, index) => delay - (parked[index] ?? 0));
	t.true(
		gaps.every((gap) => gap > 7000 && gap <= 7501),
		'two at once, 15 s each: one every 7.5 s',
	);
});

test('what is parked comes back within half an hour, however much there is', async (t) => {
	const attempts = new Attempts();
	await hang(attempts);
	const admissions = Array.from({length: 10_000}, () => attempts.enter());
	const last = await admissions[9_999];
	t.is(attempts.untilOf(last as Admission), 30 * MINUTE);
});

test('a process without room takes nothing more into memory for a slow endpoint, and sends away what waits', async (t) => {
	const attempts = new Attempts();
	await attempts.enter();
	await attempts.enter();
	const waiting = attempts.enter();
	t.is(await Promise.race([attempts.enter(true).then(() => 'admitted'), Promise.resolve('waits')]), 'waits');
	await attempts.clock.advance(1001);
	t.like(await attempts.enter(true), {kind: 'park'}, 'its oldest attempt takes more than a second');
	attempts.lane.relieve(attempts.clock.now(), attempts.lane.waitingForSlow(attempts.clock.now()));
	t.like(await waiting, {kind: 'park'});
	t.is(attempts.underWay, 2, 'what is under way goes on');
});

test('where attempts hang, what finds no room again and again comes back ever later; where they do not, it comes back soon', async (t) => {
	const untilOf = async (ageMs: number, parked: number): Promise<number> => {
		const attempts = new Attempts(new Lane({concurrency: 1, queueLength: 0}));
		await attempts.enter();
		await attempts.clock.advance(ageMs);
		const nowMs = attempts.clock.now();
		// The first 50 are as many as a fast lane takes into memory.
		for (let count = 0; count < 50; count++) void attempts.lane.enter(nowMs, false);
		const admission = await attempts.lane.enter(nowMs, false, {parked});
		return admission.kind === 'park' ? admission.untilMs - nowMs : NaN;
	};
	const waits = await Promise.all([0, 1, 2, 3, 5].map((parked) => untilOf(1001, parked)));
	t.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 300_000]);
	t.is(await untilOf(999, 5), 5000);
});

test('eleven failures in a row open the breaker: nothing passes for five seconds, then a single probe', async (t) => {
	const attempts = new Attempts();
	for (let count = 0; count < 11; count++) t.like(await attempts.make(false), {kind: 'run'});
	const refused = await attempts.enter();
	t.is(attempts.untilOf(refused), 5000);
	await attempts.clock.advance(5000);
	t.like(await attempts.enter(), {kind: 'run', isProbe: true});
	t.like(await attempts.enter(), {kind: 'park'}, 'one probe at a time');
	await attempts.end(true);
	t.like(await attempts.enter(), {kind: 'run', isProbe: false}, 'closed again');
	t.like(await attempts.enter(), {kind: 'run', isProbe: false});
});

test('a success in between keeps the breaker closed', async (t) => {
	const attempts = new Attempts();
	for (let count = 0; count < 50; count++) {
		t.like(await attempts.make(count % 10 === 9), {kind: 'run'});
	}
});

test('a rate lets attempts begin one after the other at equal distances; what would wait for more than a second is parked', async (t) => {
	const attempts = new Attempts(new Lane({concurrency: 100, queueLength: 20}));
	attempts.lane.ratePerSecond = 4;
	const admissions = await Promise.all(
		Array.from({length: 8}, async () => attempts.lane.enter(attempts.clock.now(), false)),
	);
	const startMs = attempts.clock.now();
	t.deepEqual(
		admissions.map((admission) =>
			admission.kind === 'run' ? admission.startAtMs - startMs : attempts.untilOf(admission),
		),
		[0, 250, 500, 750, 1000, 5000, 5250, 5500],
	);
	t.is(admissions.filter(({kind}) => kind === 'run').length, 5);
});

test('an attempt begins when the rate lets it, and what waits in memory for a place keeps to the rate', async (t) => {
	const attempts = new Attempts(new Lane({concurrency: 1, queueLength: 20}));
	attempts.lane.ratePerSecond = 10;
	const begunMs: number[] = [];
	const startMs = attempts.clock.now();
	const entries = Array.from({length: 6}, async () => {
		const admission = await attempts.lane.enter(attempts.clock.now(), false);
		if (admission.kind !== 'run') return t.fail('there is room');
		return attempts.lane.run(admission, {
			clock: attempts.clock,
			attempt: () => Promise.resolve(begunMs.push(attempts.clock.now() - startMs)),
			isAlive: () => true,
		});
	});
	for (let count = 0; count < 60; count++) await attempts.clock.advance(count === 0 ? 0 : 10);
	await Promise.all(entries);
	t.deepEqual(begunMs, [0, 100, 200, 300, 400, 500]);
	t.false(attempts.lane.isIdle(startMs + 500), 'it remembers when the next one may begin');
	t.true(attempts.lane.isIdle(startMs + 600));
});

test('a lane is as wide as its webhook says at the moment', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 100, settings: SETTINGS});
	const attempts = new Attempts(lanes.of({...GOOD, concurrency: 3}));
	for (let count = 0; count < 3; count++) t.like(await attempts.enter(), {kind: 'run'});
	void attempts.enter();
	await attempts.clock.advance(0);
	t.is(attempts.underWay, 3);
	lanes.of({...GOOD, concurrency: 5});
	t.like(await attempts.enter(), {kind: 'run'});
	lanes.of(GOOD);
	t.is(await Promise.race([attempts.enter(), Promise.resolve('waits')]), 'waits', 'two by default');
});

test('a wide lane opens its breaker only after more failures than it has attempts at once', async (t) => {
	const attempts = new Attempts();
	attempts.lane.concurrency = 50;
	for (let count = 0; count < 51; count++) t.like(await attempts.make(false), {kind: 'run'});
	t.like(await attempts.enter(), {kind: 'park'});
});

test('each probe that fails doubles the pause, up to five minutes', (t) => {
	const breaker = new Breaker();
	let now = 0;
	for (let count = 0; count < 11; count++) breaker.record(false, false, now);
	const pauses: number[] = [];
	for (let probe = 0; probe < 9; probe++) {
		const passage = breaker.ask(now);
		if (passage.pass) return t.fail('it is open');
		pauses.push(passage.untilMs - now);
		now = passage.untilMs;
		t.deepEqual(breaker.ask(now), {pass: true, isProbe: true});
		breaker.record(false, true, now);
	}
	t.deepEqual(pauses, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
});

test('attempts that were under way when it opened change nothing; a probe that was not made frees its place', (t) => {
	const breaker = new Breaker();
	for (let count = 0; count < 20; count++) breaker.record(false, false, 0);
	t.deepEqual(breaker.ask(0), {pass: false, untilMs: 5000});
	t.deepEqual(breaker.ask(5000), {pass: true, isProbe: true});
	breaker.record(false, false, 5001);
	t.like(breaker.ask(5002), {pass: false}, 'the probe is still under way');
	breaker.forget(true);
	t.deepEqual(breaker.ask(5003), {pass: true, isProbe: true});
});

test('an idle lane takes no memory; one that remembers a failure does', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 100, settings: SETTINGS});
	const attempts = new Attempts(lanes.of(GOOD));
	await attempts.make(true);
	lanes.release('good');
	t.is(lanes.size, 0);
	const failing = new Attempts(lanes.of(BAD));
	await failing.make(false);
	lanes.release('bad');
	t.is(lanes.size, 1);
	await failing.make(true);
	lanes.release('bad');
	t.is(lanes.size, 0);
});

test('10,000 lanes that remember nothing but failures of an hour ago are forgotten', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 100, settings: SETTINGS});
	for (let count = 0; count < 10_000; count++) {
		const id = `dead ${count}`;
		const lane = lanes.of({...BAD, id});
		const admission = await lane.enter(clock.now(), false);
		if (admission.kind === 'run') {
			await lane.run(admission, {clock, attempt: () => Promise.resolve(false), isAlive: (alive) => alive});
		}
		lanes.release(id);
	}
	lanes.of(GOOD);
	t.is(lanes.size, 10_001, 'they may fail again');
	await clock.advance(61 * 60_000);
	lanes.of({...GOOD, id: 'another'});
	t.is(lanes.size, 1, 'the idle one, too, makes room');
});

test('messages in hand are counted; above four fifths of the room, slow lanes are relieved until there is room again', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 10, settings: SETTINGS});
	const lane = lanes.of({...GOOD, id: 'slow'});
	const never = new Promise<boolean>(() => undefined);
	for (let count = 0; count < 2; count++) {
		const admission = await lane.enter(clock.now(), false);
		if (admission.kind === 'run') {
			void lane.run(admission, {clock, attempt: () => never, isAlive: (alive) => alive});
		}
	}
	const waiting = lane.enter(clock.now(), false);
	const done = Promise.withResolvers<undefined>();
	const held = Array.from({length: 9}, () => lanes.hold(() => done.promise));
	t.true(lanes.isPressed);
	t.is(await Promise.race([waiting, Promise.resolve('waits')]), 'waits');
	await clock.advance(1250);
	t.like(await waiting, {kind: 'park'});
	done.resolve(undefined);
	await Promise.all(held);
	t.false(lanes.isPressed);
	await clock.advance(1000);
	t.is(clock.timers, 0, 'nobody looks any more');
});

test('slow lanes give up no more than there is too much of, each its share, and what came last first', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 20, settings: {concurrency: 1, queueLength: 10}});
	const states = new Map<string, string>();
	const fill = async (id: string, count: number): Promise<void> => {
		const lane = lanes.of({...GOOD, id});
		const first = await lane.enter(clock.now(), false);
		if (first.kind === 'run') {
			void lane.run(first, {clock, attempt: () => new Promise<boolean>(() => undefined), isAlive: (alive) => alive});
		}
		for (let index = 0; index < count; index++) {
			const name = `${id} ${index}`;
			states.set(name, 'waits');
			void Promise.resolve(lane.enter(clock.now(), false)).then(({kind}) => states.set(name, kind));
		}
	};
	await fill('slow', 4);
	await fill('slower', 8);
	await clock.advance(1250);
	const done = Promise.withResolvers<undefined>();
	const held = Array.from({length: 17}, () => lanes.hold(() => done.promise));
	await clock.advance(0);
	const parked = [...states].filter(([, state]) => state === 'park').map(([name]) => name);
	t.deepEqual(parked, ['slow 3', 'slower 6', 'slower 7'], '17 in hand, of 14 that leave enough room');
	done.resolve(undefined);
	await Promise.all(held);
});

test('what has waited in memory for five minutes goes to the broker, as soon as an attempt ends', async (t) => {
	const attempts = new Attempts(new Lane({concurrency: 1, queueLength: 20}));
	await attempts.enter();
	const early = attempts.enter();
	await attempts.clock.advance(MINUTE);
	const late = attempts.enter();
	await attempts.clock.advance(4 * MINUTE + 1);
	await attempts.end();
	t.is(attempts.untilOf(await early), 5000);
	t.like(await late, {kind: 'run'}, 'it has not waited for so long');
});

test('an attempt that was not made after all says nothing about the endpoint, and frees its place', async (t) => {
	const {clock, lane} = new Attempts(new Lane({concurrency: 1, queueLength: 20}));
	for (let count = 0; count < 20; count++) {
		const admission = await lane.enter(clock.now(), false);
		if (admission.kind !== 'run') return t.fail('the breaker is closed');
		await lane.run(admission, {clock, attempt: () => Promise.resolve(), isAlive: () => undefined});
	}
	t.true(lane.isIdle(clock.now()));
});

test('whoever ends gets back what waits for a place, for the rate or comes now; others keep their places', async (t) => {
	const clock = new ManualClock();
	const lanes = new Lanes({clock, capacity: 100, settings: {concurrency: 2, queueLength: 20}});
	const [ending, staying] = [new AbortController(), new AbortController()];
	const webhook = {...GOOD, ratePerSecond: 4};
	const ends: (() => void)[] = [];
	const run = ({signal}: AbortController): Promise<TurnEnd> =>
		lanes.run(webhook, {
			entrant: {parked: 0, priority: 'live', signal},
			attempt: () => {
				if (signal.aborted) return Promise.resolve('returned');
				return new Promise((resolve) => {
					ends.push(() => {
						resolve(sampleOutcome());
					});
				});
			},
			park: () => sampleOutcome({state: 'parked'}),
		});
	const underWay = run(ending);
	const rated = run(ending);
	const waiting = run(ending);
	const other = run(staying);
	await clock.advance(0);
	t.is(ends.length, 1);
	ending.abort();
	t.deepEqual(await Promise.all([rated, waiting, run(ending)]), ['returned', 'returned', 'returned']);
	ends[0]?.();
	t.like(await underWay, {state: 'waiting'}, 'what is under way is finished');
	await clock.advance(2000);
	t.is(ends.length, 2);
	ends[1]?.();
	t.like(await other, {state: 'waiting'});
});
