import embedded from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import {eventually} from '../support/eventually.ts';
import {LiveReplaySite} from '../support/live-replay-site.ts';
import {ReplayFixture} from '../support/replay-fixture.ts';
import {requireServices} from '../support/services.ts';

const services = await requireServices('rabbitmq', 'mongodb');

const DEPLOYMENTS = [
	{name: 'embedded', test: embedded, options: {}},
	{
		name: 'RabbitMQ and MongoDB',
		test: services.test,
		options: {amqpUrl: services.urls.rabbitmq, mongodbUrl: services.urls.mongodb},
	},
] as const;

for (const {name, test, options} of DEPLOYMENTS) {
	test(`${name}: what is retried in the moment of its replay goes out once`, async (t) => {
		t.timeout(120_000);
		const count = 60;
		await using site = await LiveReplaySite.create(options, count);
		const {harness, sink} = site;
		const deliveries = harness.container.resolve(TOKENS.deliveries);
		site.uponDecision(async () => {
			for (const row of (await site.rows()).slice(0, count / 2)) await deliveries.retry(row);
		});
		// Nobody can tell by the rows what is under way already.
		const held: (() => void)[] = [];
		sink.answer = (_, response) => {
			held.push(() => response.end('ok'));
		};
		const job = await site.replay();
		await eventually(async () => {
			const current = await harness.stores.jobStore.find(job.id);
			return current?.work.outstanding.length === count && sink.deliveries.length >= count;
		}, 60_000);
		await eventually(() => harness.publisher.isWorkedOff(harness.topology.queues.webhook));
		sink.answer = (_, response) => response.end('ok');
		for (const answer of held) answer();
		t.like(await site.end(job), {state: 'done', total: count, done: count});
		t.is(sink.deliveries.length, count);
		t.true((await site.rows()).every(({run, attempts, state}) => run === 2 && attempts === 1 && state === 'delivered'));
	});

	test(`${name}: cancelled behind its decision a replay starts nothing of it`, async (t) => {
		t.timeout(120_000);
		await using site = await LiveReplaySite.create(options, 60);
		const jobs = site.harness.container.resolve(TOKENS.jobs);
		let saves = Infinity;
		site.uponDecision(async (job) => {
			await jobs.cancel(job);
			saves = site.storeFaults.calls('save');
		});
		const job = await site.replay();
		// The step that was decided on ends with one more, in vain.
		await eventually(() => site.storeFaults.calls('save') > saves, 60_000);
		t.like(await site.end(job), {state: 'cancelled', done: 0});
		t.true((await site.rows()).every(({run, state}) => run === 1 && state === 'dead'));
	});

	test(`${name}: cancelled while it starts what it decided on, a replay starts 25 more at most`, async (t) => {
		t.timeout(120_000);
		await using site = await LiveReplaySite.create(options, 90);
		const jobs = site.harness.container.resolve(TOKENS.jobs);
		let saves = Infinity;
		const job = await site.replay();
		site.storeFaults.beforeAnswer('startRun', async () => {
			await jobs.cancel(job);
			saves = site.storeFaults.calls('save');
			return true;
		});
		await eventually(() => site.storeFaults.calls('save') > saves, 60_000);
		const started = await eventually(async () => {
			const rows = (await site.rows()).filter(({run}) => run === 2);
			return rows.every(({state}) => state === 'delivered') && rows.length;
		}, 60_000);
		t.true(started >= 1 && started <= 25, `${started} were started`);
		t.is(site.sink.deliveries.length, started);
		t.is((await site.end(job)).state, 'cancelled');
	});
}

embedded('a retry and a replay in the same millisecond: each run has one message', async (t) => {
	await using fixture = await ReplayFixture.create();
	const {harness} = fixture;
	const events = Array.from({length: 10}, () => fixture.event());
	await fixture.log(...events.map((event) => [event, {state: 'dead', reason: 'expired'}] as const));
	const deliveries = harness.container.resolve(TOKENS.deliveries);
	const apartMs: number[] = [];
	harness.storeFaults.beforeAnswer('save', async (saved) => {
		const job = saved as Awaited<ReturnType<ReplayFixture['job']>> | undefined;
		const [decided] = job?.work.starting ?? [];
		if (decided === undefined) return false;
		const retried = await Promise.all((await fixture.rows()).map((row) => deliveries.retry(row)));
		apartMs.push(...retried.map(({nextAttemptAt}) => (nextAttemptAt?.getTime() ?? 0) - (decided.atMs ?? 0)));
		return true;
	});
	await harness.startRoles('webhook', 'log', 'supervisor');
	t.like(await fixture.end(await fixture.replay({status: 'failed'})), {state: 'done', done: 10});
	t.is(apartMs.length, 10);
	t.true(apartMs.some((ms) => ms <= 2) && !apartMs.includes(0), `${apartMs.join()} ms`);
	const messages = harness.broker.published.filter(({headers}) => headers['kind'] === 'delivery');
	t.is(messages.length, 10);
	t.is(fixture.received.length, 10);
});
