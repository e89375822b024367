import test from 'ava';
import {MemoryRecentIds} from '../../adapters/system/memory-recent-ids.ts';
import {recentIdsContract} from '../contracts/recent-ids.contract.ts';
import {ManualClock} from '../support/manual-clock.ts';

const HOUR = 60 * 60 * 1000;

recentIdsContract(test, {
	start: () => {
		const recent = new MemoryRecentIds({clock: new ManualClock()});
		return Promise.resolve({recent, other: recent, [Symbol.asyncDispose]: () => Promise.resolve()});
	},
});

test('an id is known for a day at least and for two at most', async (t) => {
	const clock = new ManualClock();
	const recent = new MemoryRecentIds({clock});
	await clock.advance(23 * HOUR);
	recent.note('late in its generation');
	await clock.advance(24 * HOUR);
	t.true(await recent.has('late in its generation'));
	await clock.advance(24 * HOUR);
	t.false(await recent.has('late in its generation'));
});

test('nothing is known after two quiet days', async (t) => {
	const clock = new ManualClock();
	const recent = new MemoryRecentIds({clock});
	recent.note('old');
	await clock.advance(48 * HOUR);
	t.false(await recent.has('old'));
});

test('at most 200,000 ids are remembered, the latest 100,000 always', async (t) => {
	const recent = new MemoryRecentIds({clock: new ManualClock()});
	const total = 350_000;
	for (let index = 0; index < total; index++) recent.note(String(index));
	let known = 0;
	for (let index = 0; index < total; index++) {
		if (await recent.has(String(index))) known++;
	}
	t.true(known <= 200_000, `${known} are known`);
	t.true(known >= 100_000, `${known} are known`);
	t.false(await recent.has('0'));
	t.true(await recent.has(String(total - 1)));
	t.true(await recent.has(String(total - 100_000)));
});
