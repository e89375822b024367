import test from 'ava';
import {ReplayFixture} from '../support/replay-fixture.ts';

const LIVE_EVENTS = 60;

test('live deliveries of a webhook go past its replay: a handful of replayed ones begin while each of them comes', async (t) => {
	t.timeout(120_000);
	await using fixture = await ReplayFixture.create();
	const {harness, sink, connection} = fixture;
	for (let batch = 0; batch < 5; batch++) {
		await fixture.log(...Array.from({length: 400}, () => [fixture.event()] as const));
	}
	// As slow as many are: the replay has work for some twenty seconds.
	sink.answer = (_, response) => {
		setTimeout(() => response.end('ok'), 50);
	};
	await harness.startRoles('webhook', 'log', 'supervisor');
	const job = await fixture.replay();
	await harness.until(() => sink.deliveries.length >= 50, 30_000);

	const overtaken: number[] = [];
	const live = new Set<string>();
	for (let index = 0; index < LIVE_EVENTS; index++) {
		const event = harness.eventOf(connection);
		live.add(event.id);
		const before = fixture.received.length;
		await harness.publisher.event(event);
		await harness.until(() => fixture.received.includes(event.id));
		overtaken.push(fixture.received.indexOf(event.id) - before);
	}
	const [median = Infinity, worst = Infinity] = [LIVE_EVENTS / 2, LIVE_EVENTS - 1].map(
		(place) => overtaken.toSorted((left, right) => left - right)[place],
	);
	// A second's worth of replays would be a hundred; in turn with them it would have to wait for as many.
	t.true(median <= 10, `median ${median}`);
	t.true(worst <= 40, `worst ${worst}`);
	const {state, done} = await fixture.job(job);
	t.is(state, 'running', 'the replay ran all the time');
	const replayed = fixture.received.filter((id) => !live.has(id)).length;
	t.true(replayed > 100 && done > 50, `and went on: ${replayed} sent, ${done} done`);
	await fixture.jobs.cancel(job);
});
