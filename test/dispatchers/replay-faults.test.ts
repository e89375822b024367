import test from 'ava';
import {createDispatchers} from '../../config/dispatchers.ts';
import {TOKENS} from '../../config/tokens.ts';
import {JobReviver} from '../../dispatchers/jobs/job-reviver.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import {ConflictError, ValidationError} from '../../domain/errors.ts';
import type {Job, ReplayedRun} from '../../domain/jobs/job.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {ReplayFixture} from '../support/replay-fixture.ts';
import {sampleJob} from '../support/samples.ts';

const HOUR_MS = 3_600_000;

/** A log with so many missed events. */
async function logMissed(fixture: ReplayFixture, count: number): Promise<void> {
	const entries = Array.from({length: count}, () => [fixture.event()] as const);
	for (let start = 0; start < count; start += 250) await fixture.log(...entries.slice(start, start + 250));
}

/** Starts the supervisor's dispatchers, which the test may stop before its end. */
async function startRunner({harness}: ReplayFixture): Promise<readonly Dispatcher[]> {
	const dispatchers = createDispatchers('supervisor', harness.container);
	for (const dispatcher of dispatchers) await dispatcher.start();
	return dispatchers;
}

async function stopRunner({harness}: ReplayFixture, dispatchers: readonly Dispatcher[]): Promise<void> {
	let isStopped = false;
	const stopping = Promise.all(dispatchers.map((dispatcher) => dispatcher.stop())).then(() => {
		isStopped = true;
	});
	await Promise.all([stopping, harness.until(() => isStopped)]);
}

function reviverOf({harness}: ReplayFixture): JobReviver {
	const {clock, log, publisher} = harness;
	return new JobReviver({jobs: harness.stores.jobStore, publisher, clock, log});
}

function doneAtLeast(fixture: ReplayFixture, job: Job, count: number): Promise<Job> {
	return fixture.harness.until(async () => {
		const current = await fixture.job(job);
		return current.done >= count && current;
	}, 60_000);
}

test('one process stops in the middle, another goes on: nothing twice, nothing left out', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create({concurrency: 100});
	await logMissed(fixture, 600);
	await fixture.harness.startRoles('webhook', 'log');
	const first = await startRunner(fixture);
	const job = await fixture.replay();
	await doneAtLeast(fixture, job, 100);
	await stopRunner(fixture, first);
	const stopped = await fixture.job(job);
	t.is(stopped.state, 'running');
	t.true(stopped.done < 600);
	await fixture.harness.wind(5000);
	t.is((await fixture.job(job)).done, stopped.done, 'nobody works on it');
	await fixture.harness.startRoles('supervisor');
	t.like(await fixture.end(job), {state: 'done', total: 600, done: 600});
	t.is(fixture.received.length, 600);
	t.is(new Set(fixture.received).size, 600);
});

test('steps that are cut off anywhere are taken again: nothing twice, nothing left out', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create({concurrency: 100});
	const {harness} = fixture;
	await logMissed(fixture, 700);
	await harness.startRoles('webhook', 'log', 'supervisor');
	const job = await fixture.replay();
	let faults = 0;
	for (const [method, isDone] of [
		['save', true],
		['save', false],
		['startRun', true],
		['startRun', false],
		['listReceived', false],
		['save', true],
		['startRun', true],
		['save', false],
	] as const) {
		const {done} = await fixture.job(job);
		const calls = harness.storeFaults.calls(method);
		if (isDone) harness.storeFaults.loseNextAnswer(method);
		else harness.storeFaults.refuseNext(method);
		const current = await harness.until(async () => {
			const now = await fixture.job(job);
			return (harness.storeFaults.calls(method) > calls && now.done > done) || now.state === 'done' ? now : false;
		}, 60_000);
		if (current.state === 'done') break;
		faults++;
	}
	t.true(faults >= 4, `${faults} faults`);
	harness.broker.mode = 'away';
	await harness.wind(3000);
	harness.broker.mode = 'working';
	t.like(await fixture.end(job), {state: 'done', total: 700, done: 700});
	t.is(fixture.received.length, 700);
	t.is(new Set(fixture.received).size, 700);
	t.deepEqual(await harness.deadLetters(), []);
});

/** Starts the first run of an event's delivery; nobody publishes it. */
async function startRun(fixture: ReplayFixture, event: NewLoggedEvent, atMs: number): Promise<void> {
	const queued = {run: 1, attempt: 0, state: 'queued', nextAttemptAtMs: atMs, firstAtMs: atMs, atMs} as const;
	const {result: _, ...outcome} = fixture.outcome(event, queued);
	if (!(await fixture.harness.stores.deliveryStore.startRun(outcome))) throw new Error('it was started before');
}

/** A job that got so far, and nobody goes on with. */
function cutOff({harness, webhook, request, startMs}: ReplayFixture, starting: readonly ReplayedRun[]): Promise<Job> {
	const nowMs = harness.clock.now();
	const {userId, id: webhookId, connectionId} = webhook;
	return harness.stores.jobStore.create(
		sampleJob({
			...{userId, webhookId, connectionId, state: 'running', total: starting.length, turn: 7},
			...{from: request.from, to: request.to, updatedAt: new Date(nowMs)},
			work: {
				...sampleJob().work,
				...{position: {receivedAtMs: startMs, seq: starting.length}, runningSinceMs: nowMs, progressedAtMs: nowMs},
				starting,
			},
		}),
	);
}

test('a job of an earlier version that was cut off behind its decision starts what it had decided on', async (t) => {
	await using fixture = await ReplayFixture.create();
	const {harness} = fixture;
	const [started, published, undecided] = [fixture.event(), fixture.event(), fixture.event()];
	await fixture.log([started], [published], [undecided]);
	// One run was started, and perhaps published; the other was not.
	await startRun(fixture, started, harness.clock.now());
	const job = await cutOff(fixture, [
		{eventId: started.id, run: 1},
		{eventId: published.id, run: 1},
	]);
	await harness.startRoles('webhook', 'log', 'supervisor');
	await harness.publisher.job({jobId: job.id, turn: 6});
	await harness.wind(2000);
	t.like(await fixture.job(job), {version: 1}, 'a turn of before is void');
	await harness.publisher.job({jobId: job.id, turn: 7});
	t.like(await fixture.end(job), {state: 'done', done: 3, total: 3});
	t.deepEqual(fixture.received.toSorted(), [started.id, published.id, undecided.id].toSorted());
});

test('a job that was cut off behind its decision publishes its own runs once more, and leaves those of others alone', async (t) => {
	await using fixture = await ReplayFixture.create({retryScheduleMs: [1000]});
	const {harness} = fixture;
	const [own, unstarted, other] = [fixture.event(), fixture.event(), fixture.event()];
	await fixture.log([own], [unstarted], [other]);
	// So long ago that a delivery of that time would have expired.
	const atMs = fixture.startMs - 2 * HOUR_MS;
	await startRun(fixture, own, atMs);
	await startRun(fixture, other, harness.clock.now());
	const job = await cutOff(
		fixture,
		[own, unstarted, other].map(({id: eventId}) => ({eventId, run: 1, atMs})),
	);
	await harness.startRoles('webhook', 'log', 'supervisor');
	await harness.publisher.job({jobId: job.id, turn: 7});
	await harness.until(async () => (await fixture.job(job)).done === 2);
	await harness.wind(5000);
	t.deepEqual(fixture.received.toSorted(), [own.id, unstarted.id].toSorted());
	t.like(await fixture.job(job), {state: 'running', work: {outstanding: [{eventId: other.id}]}});
});

test('its message many times over: one goes on, nothing is sent twice', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create({concurrency: 100});
	await logMissed(fixture, 300);
	const job = await fixture.replay();
	for (let copy = 0; copy < 5; copy++) await fixture.harness.publisher.job({jobId: job.id, turn: job.turn});
	await fixture.harness.startRoles('webhook', 'log', 'supervisor');
	await doneAtLeast(fixture, job, 50);
	const {turn} = await fixture.job(job);
	for (let copy = 0; copy < 5; copy++) await fixture.harness.publisher.job({jobId: job.id, turn});
	t.like(await fixture.end(job), {state: 'done', total: 300, done: 300});
	t.is(fixture.received.length, 300);
	t.is(new Set(fixture.received).size, 300);
	await fixture.harness.wind(1000);
	t.deepEqual(fixture.harness.queued(fixture.harness.topology.queues.jobs), []);
});

test('cancelled in the middle it starts nothing more; to cancel it again, or at its end, changes nothing', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create();
	const {harness} = fixture;
	await logMissed(fixture, 500);
	await harness.startRoles('webhook', 'log', 'supervisor');
	const job = await fixture.replay();
	const {job: cancelled} = await fixture.jobs.cancel(await doneAtLeast(fixture, job, 20));
	t.is(cancelled.state, 'cancelled');
	t.truthy(cancelled.finishedAt);
	await harness.until(async () => (await fixture.rows()).every(({state}) => state === 'delivered'));
	const sent = fixture.received.length;
	t.true(sent < 400, `${sent} were sent`);
	await harness.wind(60_000);
	t.is(fixture.received.length, sent);
	t.deepEqual(await fixture.job(job), cancelled);
	t.deepEqual((await fixture.jobs.cancel(cancelled)).job, cancelled);
	t.deepEqual((await fixture.jobs.cancel(job)).job, cancelled, 'whatever the caller has read');

	const done = await fixture.end(await fixture.replay());
	t.like(done, {state: 'done', total: 500 - sent});
	t.deepEqual((await fixture.jobs.cancel(done)).job, done);
});

for (const [name, reason, end] of [
	[
		'deleted',
		'the webhook was deleted',
		async ({harness, webhook}) => harness.container.resolve(TOKENS.webhooks).remove(webhook),
	],
	[
		'switched off',
		'the webhook is inactive',
		async ({harness, webhook}) => {
			await harness.container.resolve(TOKENS.webhooks).update(webhook, {active: false});
		},
	],
	[
		'disabled by the system',
		'the webhook is disabled: it is gone',
		async ({harness, webhook}) => {
			await harness.stores.webhookStore.disable(webhook.id, 'it is gone', new Date());
		},
	],
] as const satisfies [string, string, (fixture: ReplayFixture) => Promise<void>][]) {
	test(`a webhook that is ${name} in the middle ends its replay, which says why`, async (t) => {
		t.timeout(120_000);
		await using fixture = await ReplayFixture.create();
		await logMissed(fixture, 500);
		await fixture.harness.startRoles('webhook', 'log', 'supervisor');
		const job = await fixture.replay();
		await doneAtLeast(fixture, job, 20);
		await end(fixture);
		const failed = await fixture.end(job);
		t.like(failed, {state: 'failed', reason, total: 500});
		t.true(failed.done >= 20 && failed.done < 500);
	});
}

test('one replay of a webhook at a time, and none of one that is off or of what cannot be a range', async (t) => {
	await using fixture = await ReplayFixture.create();
	const {from, to} = fixture.request;
	const asked = await Promise.allSettled(Array.from({length: 5}, () => fixture.replay()));
	const begun = asked.filter((result) => result.status === 'fulfilled');
	t.is(begun.length, 1);
	const message = `A replay of this webhook is under way: job ${begun[0]?.value.id ?? ''}`;
	await t.throwsAsync(() => fixture.replay(), {instanceOf: ConflictError, message});

	const off = {...fixture.webhook, active: false};
	await t.throwsAsync(() => fixture.jobs.replay(off, fixture.request), {
		instanceOf: ConflictError,
		message: 'The webhook is inactive: activate it first',
	});
	const now = fixture.harness.clock.now();
	for (const [changes, fault] of [
		[{from: to, to: from}, 'from must be before to'],
		[{to: from}, 'from must be before to'],
		[{to: new Date(now + 61_000)}, 'to must not be in the future'],
		[{events: ['No Such']}, /^events: "No Such" is not an event name/],
	] as const) {
		await t.throwsAsync(() => fixture.replay(changes), {instanceOf: ValidationError, message: fault});
	}
	await fixture.jobs.cancel(begun[0]?.value ?? sampleJob());
	const ahead = await fixture.replay({to: new Date(now + 50_000)});
	t.deepEqual(ahead.to, new Date(now), 'clocks of callers may be ahead');
});

test('a message that got lost is replaced after some minutes, and void if it turns up after all', async (t) => {
	await using fixture = await ReplayFixture.create();
	const {harness} = fixture;
	await logMissed(fixture, 10);
	const reviver = reviverOf(fixture);
	harness.broker.mode = 'away';
	const job = await fixture.replay();
	harness.broker.mode = 'working';
	await reviver.revive();
	t.deepEqual(harness.queued(harness.topology.queues.jobs), [], 'too early to tell');
	await harness.wind(301_000, 10_000);
	for (let round = 0; round < 3; round++) await reviver.revive();
	t.is(harness.queued(harness.topology.queues.jobs).length, 1);
	await harness.publisher.job({jobId: job.id, turn: 1});
	t.is((await fixture.job(job)).turn, 2);
	await harness.startRoles('webhook', 'log', 'supervisor');
	t.like(await fixture.end(job), {state: 'done', total: 10, done: 10});
	await harness.wind(301_000, 10_000);
	await reviver.revive();
	t.deepEqual(harness.queued(harness.topology.queues.jobs), [], 'what is over stays over');
});

test('what is being delivered for the first time has a row by then, and is not taken for missed', async (t) => {
	await using fixture = await ReplayFixture.create({timeoutMs: 30_000});
	const {harness, connection} = fixture;
	let answer: () => void = () => undefined;
	fixture.sink.answer = (_, response) => {
		answer = () => response.end('ok');
	};
	await harness.startRoles('webhook', 'log', 'supervisor');
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => fixture.received.length === 1);
	await harness.until(async () => (await harness.stores.eventStore.lastSeq(connection.userId)) === 1);
	const from = new Date(harness.clock.now() - 1000);
	await harness.wind(1);
	const job = await fixture.replay({from, to: new Date(harness.clock.now())});
	t.like(await fixture.end(job), {state: 'done', total: 0});
	t.like((await fixture.rows())[0], {state: 'queued', run: 1, attempts: 0, nextAttemptAt: null});
	answer();
	await harness.until(async () => (await fixture.rows())[0]?.state === 'delivered');
	t.is(fixture.received.length, 1);
});

test('as long as the webhook dispatcher is behind, nobody can tell what was missed', async (t) => {
	await using fixture = await ReplayFixture.create();
	const {harness} = fixture;
	await logMissed(fixture, 3);
	await harness.startRoles('log', 'supervisor');
	const job = await fixture.replay();
	await harness.wind(30_000);
	t.like(await fixture.job(job), {state: 'queued', startedAt: null});
	await harness.startRoles('webhook');
	await harness.wind(15_000);
	t.like(await fixture.end(job), {state: 'done', done: 3});
});
