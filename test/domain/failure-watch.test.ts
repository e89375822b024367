import {randomUUID} from 'node:crypto';
import test from 'ava';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import type {FailedAttempt} from '../../domain/webhooks/disabling.ts';
import {FailureWatch} from '../../domain/webhooks/failure-watch.ts';
import {sampleOutcome, T0} from '../support/samples.ts';

const SECOND_MS = 1000;
const DAY_MS = 24 * 60 * 60_000;

/** Keeps what it is told. */
class Recorder {
	readonly told: string[] = [];
	/** What the next call throws. */
	fault: Error | undefined;

	succeeded(webhookIds: readonly string[]): Promise<void> {
		return this.#keep(`works: ${webhookIds.toSorted().join()}`);
	}

	failed(webhookId: string, {atMs}: FailedAttempt): Promise<void> {
		return this.#keep(`fails: ${webhookId} at ${(atMs - T0.getTime()) / SECOND_MS}`);
	}

	async #keep(line: string): Promise<void> {
		await Promise.resolve();
		const {fault} = this;
		this.fault = undefined;
		if (fault !== undefined) throw fault;
		this.told.push(line);
	}
}

function watchFor(afterMs = 5 * DAY_MS): {watch: FailureWatch; recorder: Recorder} {
	const recorder = new Recorder();
	return {watch: new FailureWatch({disabling: recorder, afterMs}), recorder};
}

function failure(webhookId: string, seconds: number, changes: Partial<Outcome> = {}): Outcome {
	return sampleOutcome({webhookId, atMs: T0.getTime() + seconds * SECOND_MS, ...changes});
}

function success(webhookId: string, seconds: number): Outcome {
	const result = {status: 200, durationMs: 5, errorClass: null, error: null, answer: 'ok'};
	return failure(webhookId, seconds, {state: 'delivered', result});
}

test('a webhook is told of once in a minute, however often it works or fails', async (t) => {
	const {watch, recorder} = watchFor();
	for (let second = 0; second <= 150; second++) {
		await watch.look([failure('a', second), success('b', second), success('c', second)]);
	}
	t.deepEqual(recorder.told, [
		'works: b,c',
		'fails: a at 0',
		'works: b,c',
		'fails: a at 60',
		'works: b,c',
		'fails: a at 120',
	]);
});

test('a success ends at once what was told before; a failure after it has a minute to pass', async (t) => {
	const {watch, recorder} = watchFor();
	await watch.look([failure('a', 0)]);
	await watch.look([success('a', 1)]);
	await watch.look([failure('a', 2)]);
	await watch.look([success('a', 3)]);
	t.deepEqual(recorder.told, ['fails: a at 0', 'works: a']);
	await watch.look([failure('a', 61)]);
	t.deepEqual(recorder.told.slice(2), ['fails: a at 61']);
});

test('of several attempts at once the last one counts, in whatever order they come', async (t) => {
	const {watch, recorder} = watchFor();
	await watch.look([success('a', 5), failure('a', 4), failure('b', 70), success('b', 2), failure('b', 1)]);
	t.deepEqual(recorder.told, ['works: a,b', 'fails: b at 70']);
});

test('what was no attempt, test events and notices of webhooks that were switched off do not count', async (t) => {
	const {watch, recorder} = watchFor();
	const {result: _, ...skipped} = failure('a', 0, {state: 'skipped'});
	await watch.look([
		skipped,
		failure('a', 1, {event: 'test'}),
		failure('a', 2, {event: 'webhook.disabled'}),
		{...success('a', 3), event: 'test'},
	]);
	t.deepEqual(recorder.told, []);
});

test('what could not be told is told when it comes again', async (t) => {
	const {watch, recorder} = watchFor();
	for (const outcome of [failure('a', 0), success('b', 0)]) {
		recorder.fault = new StoreUnavailableError('away');
		await t.throwsAsync(watch.look([outcome]), {instanceOf: StoreUnavailableError});
		await watch.look([outcome]);
		await watch.look([outcome]);
	}
	t.deepEqual(recorder.told, ['fails: a at 0', 'works: b']);
});

test('attempts that are looked at side by side are told of once', async (t) => {
	const {watch, recorder} = watchFor();
	await Promise.all([1, 2, 3].map((second) => watch.look([failure('a', second)])));
	t.deepEqual(recorder.told, ['fails: a at 1']);
});

test('where webhooks are switched off after a short time, they are looked at as often as that takes', async (t) => {
	const {watch, recorder} = watchFor(20 * SECOND_MS);
	for (let second = 0; second < 5; second++) await watch.look([failure('a', second)]);
	t.is(recorder.told.length, 5);
});

test('it remembers so many webhooks and no more', async (t) => {
	const {watch, recorder} = watchFor();
	await watch.look([success('first', 0)]);
	for (let batch = 0; batch <= 50; batch++) {
		await watch.look(Array.from({length: 1000}, () => success(randomUUID(), 0)));
	}
	const before = recorder.told.length;
	await watch.look([success('first', 1)]);
	t.is(recorder.told.length, before + 1, 'it was forgotten');
});
