import test from 'ava';
import type {Admission, Priority} from '../../dispatchers/webhook/admission.ts';
import {Lane} from '../../dispatchers/webhook/lane.ts';
import {ManualClock} from '../support/manual-clock.ts';

/** A lane whose attempts begin in the order that is recorded, and end when the test says so. */
class Road {
	readonly clock = new ManualClock();
	readonly lane: Lane;
	/** Who began, first come first. */
	readonly begun: Priority[] = [];
	readonly begunAtMs: number[] = [];
	readonly parked: Priority[] = [];
	readonly #underWay: {priority: Priority; end: (isAlive: boolean) => void}[] = [];
	readonly #startMs = this.clock.now();

	constructor(concurrency: number, queueLength = 20, ratePerSecond: number | null = null) {
		this.lane = new Lane({concurrency, queueLength});
		this.lane.ratePerSecond = ratePerSecond;
	}

	get underWay(): readonly Priority[] {
		return this.#underWay.map(({priority}) => priority);
	}

	async enter(priority: Priority, count = 1): Promise<void> {
		for (let index = 0; index < count; index++) void this.#enter(priority);
		await this.clock.advance(0);
	}

	/** Ends the oldest attempt. */
	async end(isAlive = true): Promise<void> {
		this.#underWay.shift()?.end(isAlive);
		await this.clock.advance(0);
	}

	async #enter(priority: Priority): Promise<void> {
		const admission: Admission = await this.lane.enter(this.clock.now(), false, {priority});
		if (admission.kind !== 'run') {
			this.parked.push(priority);
			return;
		}
		await this.lane.run(admission, {
			clock: this.clock,
			attempt: () => {
				this.begun.push(priority);
				this.begunAtMs.push(this.clock.now() - this.#startMs);
				return new Promise<boolean>((end) => this.#underWay.push({priority, end}));
			},
			isAlive: (alive) => alive,
		});
	}
}

const count = (priorities: readonly Priority[], priority: Priority): number =>
	priorities.filter((each) => each === priority).length;

test('the background takes half of the places at most, and one where there is but one', async (t) => {
	for (const [concurrency, places] of [
		[10, 5],
		[5, 2],
		[2, 1],
		[1, 1],
	] as const) {
		const road = new Road(concurrency);
		await road.enter('background', 15);
		t.is(road.underWay.length, places, `of ${concurrency}`);
		await road.end();
		t.is(road.underWay.length, places);
	}
});

test('what is live finds its places free, however much waits in the background', async (t) => {
	const road = new Road(10);
	await road.enter('background', 25);
	await road.enter('live', 5);
	t.is(count(road.underWay, 'live'), 5, 'at once');
	await road.enter('live', 1);
	t.is(count(road.underWay, 'live'), 5);
	await road.end();
	t.is(count(road.underWay, 'live'), 6, 'a place of the background goes to who is live and waits');
	t.is(count(road.underWay, 'background'), 4);
});

test('where live deliveries take all places, every tenth goes to the background', async (t) => {
	const road = new Road(10, 200);
	await road.enter('live', 10);
	await road.enter('live', 100);
	await road.enter('background', 20);
	for (let index = 0; index < 100; index++) await road.end();
	const later = road.begun.slice(10);
	t.is(later.length, 100);
	t.is(count(later, 'background'), 10);
	const gaps = later.flatMap((priority, index) => (priority === 'background' ? [index] : []));
	t.deepEqual(
		gaps.slice(1).map((index, at) => index - (gaps[at] ?? 0)),
		Array<number>(9).fill(10),
	);
});

test('a lane with one place gives it to who is live first', async (t) => {
	const road = new Road(1);
	await road.enter('background', 3);
	await road.enter('live', 2);
	for (let index = 0; index < 5; index++) await road.end();
	t.deepEqual(road.begun, ['background', 'live', 'live', 'background', 'background']);
});

test('each waits in a list of its own: neither takes the other’s room', async (t) => {
	const road = new Road(2, 3);
	// About 15 s each: the queue is as short as it may be.
	for (let index = 0; index < 60; index++) {
		await road.enter('live');
		await road.clock.advance(15_000);
		await road.end();
	}
	await road.enter('live', 2);
	await road.enter('background', 3);
	t.is(road.parked.length, 0);
	await road.enter('background', 2);
	t.deepEqual(road.parked, ['background', 'background']);
	await road.enter('live', 3);
	t.deepEqual(road.parked, ['background', 'background'], 'live ones still find room');
	await road.enter('live');
	t.deepEqual(road.parked, ['background', 'background', 'live']);
});

test('what the background parked makes no live delivery come back later', async (t) => {
	const road = new Road(1, 0);
	for (let index = 0; index < 60; index++) {
		await road.enter('live');
		await road.clock.advance(15_000);
		await road.end();
	}
	await road.enter('live');
	const now = road.clock.now();
	const slots = (priority: Priority): number => {
		const admission = road.lane.enter(now, false, {priority});
		return !(admission instanceof Promise) && admission.kind === 'park' ? admission.untilMs - now : NaN;
	};
	for (let index = 0; index < 50; index++) slots('background');
	t.is(slots('live'), 5000);
	t.true(slots('background') > 600_000);
});

test('with a rate the background has the beginnings that live deliveries leave, and none of it waits for ever', async (t) => {
	const road = new Road(10, 20, 10);
	await road.enter('background', 5);
	for (let ms = 0; ms < 1000; ms += 10) {
		await road.clock.advance(10);
		if (road.underWay.length > 0) await road.end();
	}
	t.deepEqual(road.begun, Array<Priority>(5).fill('background'), 'alone it uses the whole rate');
	t.deepEqual(
		road.begunAtMs.slice(1).map((ms, index) => ms - (road.begunAtMs[index] ?? 0)),
		[100, 100, 100, 100],
	);

	const busy = new Road(10, 20, 10);
	for (let ms = 0; ms < 10_000; ms += 10) {
		// As much as the rate allows, and a little more.
		if (ms % 90 === 0) await busy.enter('live');
		if (ms % 500 === 0) await busy.enter('background');
		await busy.clock.advance(10);
		while (busy.underWay.length > 0) await busy.end();
	}
	const share = count(busy.begun, 'background') / busy.begun.length;
	t.true(share > 0.02 && share < 0.15, `${share} of the beginnings`);
});

test('an open breaker sends the background away, too', async (t) => {
	const road = new Road(1, 20);
	await road.enter('live', 15);
	await road.enter('background', 3);
	for (let index = 0; index < 11; index++) await road.end(false);
	t.is(road.underWay.length, 0);
	t.is(count(road.parked, 'live') + count(road.parked, 'background') + road.begun.length, 18);
	t.true(count(road.parked, 'background') >= 2);
});
