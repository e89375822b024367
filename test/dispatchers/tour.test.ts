import test from 'ava';
import {Tour} from '../../dispatchers/billing/tour.ts';
import type {ListPosition, Page} from '../../domain/ports/page.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {after} from '../support/samples.ts';

const EVERY_MS = 60_000;

class Scene {
	readonly clock = new ManualClock();
	readonly log = new RecordingLogger();
	readonly visited: string[] = [];
	readonly rows: ListPosition[];
	lists = 0;
	failing: string | undefined;
	readonly tour: Tour<ListPosition>;

	constructor(count: number) {
		this.rows = Array.from({length: count}, (_, index) => ({id: `${index}`, createdAt: after(index)}));
		this.tour = new Tour({
			name: 'test',
			list: (page) => this.#list(page),
			visit: ({id}) => {
				if (id === this.failing) return Promise.reject(new Error('on purpose'));
				this.visited.push(id);
				return Promise.resolve();
			},
			rowsPerRound: 3,
			everyMs: EVERY_MS,
			clock: this.clock,
			log: this.log,
		});
	}

	#list({limit, after: position}: Page): Promise<readonly ListPosition[]> {
		this.lists++;
		const start = position === undefined ? 0 : this.rows.findIndex(({id}) => id === position.id) + 1;
		return Promise.resolve(this.rows.slice(start, start + limit));
	}
}

test('everything is visited once, some in each round, and again when its time has come', async (t) => {
	const scene = new Scene(7);
	for (let round = 0; round < 10; round++) await scene.tour.round();
	t.deepEqual(
		scene.visited,
		scene.rows.map(({id}) => id),
	);
	t.is(scene.lists, 3, 'between two tours nothing is asked');
	await scene.clock.advance(EVERY_MS);
	for (let round = 0; round < 10; round++) await scene.tour.round();
	t.is(scene.visited.length, 14);
});

test('a tour that takes longer than its time is finished before the next one begins', async (t) => {
	const scene = new Scene(7);
	for (let round = 0; round < 3; round++) {
		await scene.tour.round();
		await scene.clock.advance(EVERY_MS);
	}
	t.is(scene.visited.length, 7);
	await scene.tour.round();
	t.deepEqual(scene.visited.slice(7), ['0', '1', '2']);
});

test('where the last page is full, or there is nothing at all, the tour ends as well', async (t) => {
	for (const count of [0, 3, 6]) {
		const scene = new Scene(count);
		for (let round = 0; round < 5; round++) await scene.tour.round();
		t.is(scene.visited.length, count);
	}
});

test('one that cannot be visited costs the others nothing', async (t) => {
	const scene = new Scene(5);
	scene.failing = '1';
	for (let round = 0; round < 3; round++) await scene.tour.round();
	t.deepEqual(scene.visited, ['0', '2', '3', '4']);
	t.like(scene.log.of('tour.visit.failed')[0]?.fields, {id: '1', tour: 'test'});
});
