import test from 'ava';
import {Batch} from '../../domain/batch.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {ManualClock} from '../support/manual-clock.ts';

const isBad = (item: number): boolean => item < 0;

test('items of many callers share one write, after the delay or when enough came', async (t) => {
	const clock = new ManualClock();
	const writes: (readonly number[])[] = [];
	const flush = (items: readonly number[]): Promise<void> => {
		writes.push(items);
		return Promise.resolve();
	};
	const batch = new Batch<number>({maxItems: 3, maxDelayMs: 20, clock, flush});
	const early = [batch.add(1), batch.add(2)];
	t.deepEqual(writes, []);
	await clock.advance(20);
	await Promise.all(early);
	t.deepEqual(writes, [[1, 2]]);
	await Promise.all([batch.add(3), batch.add(4, 5)]);
	t.deepEqual(writes, [
		[1, 2],
		[3, 4, 5],
	]);
});

test('a serial batch never has two writes under way and keeps the order', async (t) => {
	const clock = new ManualClock();
	let underWay = 0;
	const written: number[] = [];
	const flush = async (items: readonly number[]): Promise<void> => {
		t.is(++underWay, 1);
		await new Promise((resolve) => setImmediate(resolve));
		written.push(...items);
		underWay--;
	};
	const batch = new Batch<number>({maxItems: 2, maxDelayMs: 5, serial: true, clock, flush});
	const all = Array.from({length: 9}, (_, index) => batch.add(index));
	await clock.advance(50);
	await Promise.all(all);
	t.deepEqual(written, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('one bad item fails its own caller and not its neighbours', async (t) => {
	const clock = new ManualClock();
	const written: number[] = [];
	const flush = (items: readonly number[]): Promise<void> => {
		if (items.some(isBad)) return Promise.reject(new Error('bad item'));
		written.push(...items);
		return Promise.resolve();
	};
	const batch = new Batch<number>({maxItems: 3, maxDelayMs: 5, clock, flush});
	const results = await Promise.allSettled([batch.add(1), batch.add(-1), batch.add(2)]);
	t.deepEqual(
		results.map(({status}) => status),
		['fulfilled', 'rejected', 'fulfilled'],
	);
	t.deepEqual(written, [1, 2]);
});

test('what came during a write that may succeed later is turned away with it: it must not overtake', async (t) => {
	const clock = new ManualClock();
	const write = Promise.withResolvers<undefined>();
	const writes: (readonly number[])[] = [];
	const flush = async (items: readonly number[]): Promise<void> => {
		writes.push(items);
		await write.promise;
	};
	const batch = new Batch<number>({maxItems: 2, maxDelayMs: 5, serial: true, clock, flush});
	const turnedAway: number[] = [];
	const all = [1, 2, 3, 4, 5].map((item) =>
		batch.add(item).catch(() => {
			turnedAway.push(item);
		}),
	);
	write.reject(new StoreUnavailableError('test'));
	await Promise.all(all);
	await clock.advance(100);
	t.deepEqual(writes, [[1, 2]]);
	t.deepEqual(turnedAway, [1, 2, 3, 4, 5], 'in order');
});

test('a store that goes away while items are written one by one turns away the rest', async (t) => {
	const clock = new ManualClock();
	const written: number[] = [];
	const flush = (items: readonly number[]): Promise<void> => {
		if (items.some(isBad)) return Promise.reject(new Error('bad item'));
		if (items.includes(3)) return Promise.reject(new StoreUnavailableError('test'));
		written.push(...items);
		return Promise.resolve();
	};
	const batch = new Batch<number>({maxItems: 4, maxDelayMs: 5, serial: true, clock, flush});
	const results = await Promise.allSettled([1, -1, 3, 4].map((item) => batch.add(item)));
	t.deepEqual(written, [1]);
	t.deepEqual(
		results.map((result) => (result.status === 'rejected' ? (result.reason as Error).name : 'written')),
		['written', 'Error', 'StoreUnavailableError', 'StoreUnavailableError'],
	);
});

test('a store that is away fails the whole batch at once: nobody hammers it item by item', async (t) => {
	const clock = new ManualClock();
	let writes = 0;
	const flush = (): Promise<void> => {
		writes++;
		return Promise.reject(new StoreUnavailableError('test'));
	};
	const batch = new Batch<number>({maxItems: 3, maxDelayMs: 5, clock, flush});
	const results = await Promise.allSettled([batch.add(1), batch.add(2), batch.add(3)]);
	t.true(results.every(({status}) => status === 'rejected'));
	t.is(writes, 1);
});
