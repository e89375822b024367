import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {ended, type Job} from '../../domain/jobs/job.ts';
import {after, sampleJob, T0} from '../support/samples.ts';
import {shuffled} from '../support/shuffled.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `JobStore` port promises. */
export function jobStoreContract(test: TestFn, harness: StoresHarness): void {
	test('jobs: one is found as it was created, and as it was saved last', async (t) => {
		await using fixture = await harness.open();
		const {jobStore} = fixture.stores;
		const bare = sampleJob({connectionId: null});
		const full = sampleJob({events: ['message', 'group.*'], status: 'all'});
		for (const job of [bare, full]) {
			t.deepEqual(await jobStore.create(job), job);
			t.deepEqual(await jobStore.find(job.id), job);
		}
		const changed: Job = {
			...full,
			state: 'running',
			total: 12,
			done: 3,
			failed: 1,
			startedAt: after(5),
			updatedAt: after(9),
			turn: 4,
			work: {
				position: {receivedAtMs: T0.getTime() - 5, seq: 17},
				isAtEnd: true,
				counted: 12,
				starting: [{eventId: 'evt_1', run: 2}],
				outstanding: [
					{eventId: 'evt_2', run: 1},
					{eventId: 'evt_3', run: 7},
				],
				runningSinceMs: T0.getTime() + 6,
				progressedAtMs: T0.getTime() + 8,
			},
		};
		t.deepEqual(await jobStore.save(changed), {...changed, version: 2});
		t.deepEqual(await jobStore.find(full.id), {...changed, version: 2});
		const over = ended({...changed, version: 2}, 'failed', after(20), 'the webhook was deleted');
		t.deepEqual(await jobStore.save(over), {...over, version: 3});
		t.deepEqual(await jobStore.find(full.id), {...over, version: 3});
		t.is(await jobStore.find(randomUUID()), undefined);
		t.is(await jobStore.save(sampleJob()), undefined, 'one that was never created');
	});

	test('jobs: of 20 who save over one version from two processes, exactly one does', async (t) => {
		await using fixture = await harness.open();
		const job = await fixture.stores.jobStore.create(sampleJob());
		for (const version of [1, 2]) {
			const saved = await Promise.all(
				Array.from({length: 20}, (_, index) => {
					const {jobStore} = index % 2 === 0 ? fixture.stores : fixture.others;
					return jobStore.save({...job, version, done: 100 * version + index});
				}),
			);
			const winners = saved.filter((each) => each !== undefined);
			t.is(winners.length, 1);
			t.deepEqual(await fixture.stores.jobStore.find(job.id), winners[0]);
		}
	});

	test('jobs: a webhook has one at a time, whoever asks; the next one once that is at its end', async (t) => {
		await using fixture = await harness.open();
		const {jobStore} = fixture.stores;
		const webhookId = randomUUID();
		const asked = await Promise.all(
			Array.from({length: 20}, (_, index) => {
				const stores = index % 2 === 0 ? fixture.stores : fixture.others;
				return stores.jobStore.create(sampleJob({webhookId}));
			}),
		);
		t.is(new Set(asked.map(({id}) => id)).size, 1, 'all get the same');
		const [first = sampleJob()] = asked;
		t.not((await jobStore.create(sampleJob())).id, first.id, 'another webhook’s');
		t.is((await jobStore.create(sampleJob({webhookId}))).id, first.id);

		for (const state of ['done', 'cancelled', 'failed'] as const) {
			const current = await jobStore.create(sampleJob({webhookId}));
			await jobStore.save(ended(current, state, after(1)));
			const next = sampleJob({webhookId});
			t.is((await jobStore.create(next)).id, next.id, state);
		}
	});

	test('jobs: lists go back in time without gaps or repeats, and can be narrowed to connections', async (t) => {
		await using fixture = await harness.open();
		const {jobStore} = fixture.stores;
		const userId = randomUUID();
		const [a, b] = [randomUUID(), randomUUID()];
		const jobs = Array.from({length: 12}, (_, index) =>
			sampleJob({userId, connectionId: [a, b, null][index % 3] ?? null, createdAt: after(Math.floor(index / 5))}),
		);
		for (const job of shuffled([...jobs, sampleJob()], 5)) await jobStore.create(job);
		const order = (left: Job, right: Job): number =>
			right.createdAt.getTime() - left.createdAt.getTime() || (left.id < right.id ? 1 : -1);
		const expected = jobs.toSorted(order);

		for (const connectionIds of [undefined, [a], [a, b], [randomUUID()], []]) {
			const wanted = expected.filter(
				({connectionId}) => connectionIds === undefined || connectionIds.some((id) => id === connectionId),
			);
			const seen: Job[] = [];
			for (;;) {
				const before = seen.at(-1);
				const page = await jobStore.list(userId, {
					limit: 4,
					...(before && {before}),
					...(connectionIds && {connectionIds}),
				});
				seen.push(...page);
				if (page.length < 4) break;
			}
			t.deepEqual(seen, wanted);
		}
	});

	test('jobs: those that nobody saved for a while are listed, the longest first, unless they are at their end', async (t) => {
		await using fixture = await harness.open();
		const {jobStore} = fixture.stores;
		const jobs = [3, 1, 5, 2, 4].map((ms) => sampleJob({updatedAt: after(ms)}));
		for (const job of jobs) await jobStore.create(job);
		const over = jobs.find(({updatedAt}) => updatedAt.getTime() === after(2).getTime()) ?? sampleJob();
		await jobStore.save({...ended(over, 'done', after(2)), updatedAt: after(2)});
		const ages = async (before: Date, limit: number): Promise<readonly number[]> =>
			(await jobStore.listStale(before, limit)).map(({updatedAt}) => updatedAt.getTime() - T0.getTime());

		t.deepEqual(await ages(after(5), 10), [1, 3, 4]);
		t.deepEqual(await ages(after(9), 2), [1, 3]);
		t.deepEqual(await ages(after(1), 10), []);
	});

	test('jobs: they are kept for a time only', async (t) => {
		await using fixture = await harness.open();
		const {jobStore} = fixture.stores;
		const job = await jobStore.create(sampleJob());
		await fixture.expireAll();
		t.is(await jobStore.find(job.id), undefined);
	});
}
