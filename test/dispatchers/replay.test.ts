import test from 'ava';
import type {ReplayStatus} from '../../domain/jobs/job.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import {ReplayFixture} from '../support/replay-fixture.ts';
import {sampleConnection, sampleEvent} from '../support/samples.ts';

/** One event for each thing that can have become of it, and some that are none of the webhook's. */
async function logEverything(fixture: ReplayFixture) {
	const event = (changes: Parameters<ReplayFixture['event']>[0] = {}): NewLoggedEvent => fixture.event(changes);
	const events = {
		absent: event(),
		skipped: event({event: 'message.ack'}),
		dead: event(),
		deadUnwanted: event({event: 'presence.update'}),
		delivered: event(),
		queued: event(),
		parked: event(),
		waiting: event(),
		unwanted: event({event: 'presence.update'}),
		otherConnection: event({connectionId: sampleConnection().id}),
		otherUser: sampleEvent({receivedAtMs: fixture.startMs}),
		ofTheAccount: event({connectionId: null}),
		test: event({event: 'test'}),
		deadTest: event({event: 'test'}),
		before: event({receivedAtMs: fixture.startMs - 1}),
		last: event({receivedAtMs: fixture.request.to.getTime() - 1}),
		behind: event({receivedAtMs: fixture.request.to.getTime()}),
	};
	await fixture.log(
		...Object.entries(events).map(([name, each]) => {
			const state = (['skipped', 'dead', 'delivered', 'queued', 'parked', 'waiting'] as const).find((word) =>
				name.startsWith(word),
			);
			const due = fixture.harness.clock.now() + 3_600_000;
			const isDue = state === 'queued' || state === 'parked' || state === 'waiting';
			return [each, state && {state, ...(isDue && {nextAttemptAtMs: due})}] as const;
		}),
	);
	return events;
}

for (const [status, names] of [
	['missed', ['absent', 'skipped', 'last']],
	['failed', ['dead', 'deadUnwanted']],
	['all', ['absent', 'skipped', 'last', 'dead', 'delivered']],
] as const satisfies [ReplayStatus, string[]][]) {
	test(`${status}: sends what its name says and nothing else, in a new run of the same delivery`, async (t) => {
		await using fixture = await ReplayFixture.create();
		const events = await logEverything(fixture);
		const before = new Map((await fixture.rows()).map((row) => [row.eventId, row]));
		await fixture.harness.startRoles('webhook', 'log', 'supervisor');
		const job = await fixture.end(await fixture.replay({status}));

		t.like(job, {state: 'done', total: names.length, done: names.length, failed: 0, reason: null});
		const expected = names.map((name) => events[name].id);
		t.deepEqual(fixture.received.toSorted(), expected.toSorted());
		for (const row of await fixture.rows()) {
			const old: Delivery | undefined = before.get(row.eventId);
			if (!expected.includes(row.eventId)) t.deepEqual(row, old);
			else t.like(row, {run: (old?.run ?? 0) + 1, attempts: 1, state: 'delivered'});
		}
		const bodies = new Map(Object.values(events).map(({id, body}) => [id, body]));
		for (const {headers, body} of fixture.sink.deliveries) {
			t.is(body, bodies.get(String(headers['x-wahooks-event-id'])) ?? '');
		}
	});
}

test('a range that has nothing to send is done at once', async (t) => {
	await using fixture = await ReplayFixture.create();
	await fixture.harness.startRoles('webhook', 'log', 'supervisor');
	t.like(await fixture.end(await fixture.replay()), {state: 'done', total: 0, done: 0, failed: 0});
});

test('names, wildcards and the webhook’s own filter narrow it down', async (t) => {
	await using fixture = await ReplayFixture.create({events: ['message.*', 'group.*'], filter: {chats: ['1@c.us']}});
	const of = (event: string, id: string): NewLoggedEvent => fixture.event({event, payload: {id}});
	const wanted = of('message.ack', 'true_1@c.us_A');
	const other = of('message.ack', 'true_2@c.us_A');
	const group = of('group.join', 'g@g.us');
	const any = of('message.any', 'false_1@c.us_B');
	await fixture.log([wanted], [other], [group], [any], [of('message', 'true_1@c.us_C')]);
	await fixture.harness.startRoles('webhook', 'log', 'supervisor');
	t.like(await fixture.end(await fixture.replay({events: ['message.ack', 'group.*', 'session.*']})), {
		total: 1,
		done: 1,
	});
	t.deepEqual(fixture.received, [wanted.id]);
	t.like(await fixture.end(await fixture.replay()), {total: 1, done: 1});
	t.deepEqual(fixture.received, [wanted.id, any.id], 'what came with the first is not missed any more');
});

test('a webhook of the account gets the events of all connections; a notice about itself never, one about others where it belongs', async (t) => {
	const notice = (fixture: ReplayFixture, webhookId: string, connectionId: string | null): NewLoggedEvent =>
		fixture.event({event: 'webhook.disabled', connectionId: null, payload: {webhookId, connectionId}});
	for (const ofAccount of [true, false]) {
		await using fixture = await ReplayFixture.create({events: ['*'], ...(ofAccount && {connectionId: null})});
		const {webhook, connection} = fixture;
		const own = notice(fixture, webhook.id, webhook.connectionId);
		const sibling = notice(fixture, 'another', connection.id);
		const foreign = notice(fixture, 'another', 'elsewhere');
		const events = [fixture.event({connectionId: null}), fixture.event({connectionId: 'elsewhere'}), fixture.event()];
		await fixture.log(...[own, sibling, foreign, ...events].map((event) => [event] as const));
		const wanted = ofAccount ? [sibling, foreign, ...events] : [sibling, ...events.slice(2)];
		await fixture.harness.startRoles('webhook', 'log', 'supervisor');
		const {userId, id} = webhook;
		const stored = ofAccount ? {...webhook, userId, id, connectionId: null} : webhook;
		const {job} = await fixture.jobs.replay(stored, fixture.request);
		t.like(await fixture.end(job), {total: wanted.length, done: wanted.length});
		t.deepEqual(fixture.received.toSorted(), wanted.map((event) => event.id).toSorted());
	}
});

test('1,250 events, hundreds of them in one millisecond, cross every border of pages: each is sent once', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create({concurrency: 100});
	const events = Array.from({length: 1250}, (_, index) =>
		// Every fifth is none of its events, so that pages and steps do not end together.
		fixture.event({
			receivedAtMs: fixture.startMs + Math.floor(index / 450),
			...(index % 5 === 4 && {event: 'presence.update'}),
		}),
	);
	for (let start = 0; start < events.length; start += 250) {
		await fixture.log(...events.slice(start, start + 250).map((event) => [event] as const));
	}
	await fixture.harness.startRoles('webhook', 'log', 'supervisor');
	const job = await fixture.end(await fixture.replay(), 100_000);
	t.like(job, {state: 'done', total: 1000, done: 1000, failed: 0});
	t.is(job.work.counted, 1000);
	t.is(fixture.received.length, 1000);
	t.is(new Set(fixture.received).size, 1000);
});

test('an endpoint that hangs is not flooded: a hundred deliveries at most are under way, and their first failure counts', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create();
	await fixture.log(...Array.from({length: 300}, () => [fixture.event()] as const));
	fixture.sink.answer = () => undefined;
	const {harness} = fixture;
	await harness.startRoles('webhook', 'log', 'supervisor');
	const job = await fixture.replay();
	await harness.until(() => fixture.sink.deliveries.length === 5, 30_000);
	await harness.wind(10_000);
	t.is(fixture.sink.deliveries.length, 5, 'half of the places');
	t.is((await fixture.rows()).length, 100);
	t.like(await fixture.job(job), {state: 'running', total: 300, done: 0, failed: 0});

	fixture.sink.answer = (_, response) => response.end('ok');
	const over = await harness.until(async () => {
		await harness.wind(5000);
		const current = await fixture.job(job);
		return current.finishedAt !== null && current;
	}, 100_000);
	t.like(over, {state: 'done', total: 300});
	t.is(over.done + over.failed, 300);
	t.true(over.failed >= 5);
	t.is(new Set(fixture.received).size, 300);
});
