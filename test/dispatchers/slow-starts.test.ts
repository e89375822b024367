import test from 'ava';
import {DeliveryReports} from '../../dispatchers/webhook/delivery-reports.ts';
import {SlowStarts} from '../../dispatchers/webhook/slow-starts.ts';
import type {DeliveryTask} from '../../domain/broker/messages.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleEvent} from '../support/samples.ts';

/** What is told of deliveries, message by message. */
class Watch {
	readonly clock = new ManualClock();
	readonly messages: (readonly Outcome[])[] = [];
	isAway = false;
	readonly starts: SlowStarts;

	constructor() {
		const {clock} = this;
		const outcomes = (batch: readonly Outcome[]): Promise<void> => {
			if (this.isAway) return Promise.reject(new BrokerUnavailableError('switched off by the test'));
			this.messages.push(batch);
			return Promise.resolve();
		};
		const reports = new DeliveryReports({publisher: {outcomes}, clock});
		this.starts = new SlowStarts({reports, clock, log: new RecordingLogger()});
	}

	task(): DeliveryTask {
		const {id, event, userId, connectionId, receivedAtMs} = sampleEvent();
		const body = Buffer.from('{}');
		const firstAtMs = this.clock.now();
		return {
			event: {id, event, userId, connectionId, receivedAtMs, body, media: []},
			...{webhookId: 'webhook', run: 1, attempt: 0, firstAtMs, parked: 0},
		};
	}

	/** Time passes in steps as short as its timers are. */
	async pass(ms: number): Promise<void> {
		for (let passedMs = 0; passedMs < ms; passedMs += 10) await this.clock.advance(10);
	}
}

test('what ends within two seconds is not told of, and leaves nothing behind', async (t) => {
	const watch = new Watch();
	for (let count = 0; count < 100; count++) {
		const work = Promise.withResolvers<undefined>();
		const deliveries = [1, 2, 3].map(() => watch.starts.during(watch.task(), () => work.promise));
		await watch.pass(50);
		work.resolve(undefined);
		await Promise.all(deliveries);
	}
	await watch.pass(3000);
	t.is(watch.messages.length, 0);
	t.is(watch.clock.timers, 0, 'nobody looks any more');
});

test('what takes longer is told of once, as queued without a next attempt, a thousand in ten messages', async (t) => {
	const watch = new Watch();
	const work = Promise.withResolvers<string>();
	const tasks = Array.from({length: 1000}, () => watch.task());
	const deliveries = tasks.map((task) => watch.starts.during(task, () => work.promise));
	await watch.pass(1980);
	t.is(watch.messages.length, 0);
	await watch.pass(200);
	t.is(watch.messages.length, 10);
	const told = watch.messages.flat();
	t.deepEqual(
		told.map(({eventId}) => eventId),
		tasks.map(({event}) => event.id),
	);
	t.like(told[0], {state: 'queued', run: 1, attempt: 0, firstAtMs: tasks[0]?.firstAtMs});
	t.true(told.every(({nextAttemptAtMs, result}) => nextAttemptAtMs === undefined && result === undefined));
	await watch.pass(60_000);
	t.is(watch.messages.length, 10, 'once is enough');
	work.resolve('done');
	t.deepEqual(new Set(await Promise.all(deliveries)), new Set(['done']));
});

test('what has a row by then is not told of, however long it goes on', async (t) => {
	const watch = new Watch();
	const work = Promise.withResolvers<undefined>();
	const delivery = watch.starts.during(watch.task(), async (onRecorded) => {
		onRecorded();
		await work.promise;
	});
	await watch.pass(5000);
	t.is(watch.messages.length, 0);
	work.resolve(undefined);
	await delivery;
});

test('what the broker does not take is told as soon as it does, unless it is over by then', async (t) => {
	const watch = new Watch();
	watch.isAway = true;
	const [work, over] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
	const task = watch.task();
	const delivery = watch.starts.during(task, () => work.promise);
	const failure = watch.starts.during(watch.task(), () => over.promise);
	await watch.pass(3000);
	over.reject(new Error('it failed'));
	await t.throwsAsync(failure, {message: 'it failed'});
	watch.isAway = false;
	await watch.pass(3000);
	t.deepEqual(
		watch.messages.flat().map(({eventId}) => eventId),
		[task.event.id],
	);
	work.resolve(undefined);
	await delivery;
});
