import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {KeyedLanes} from '../../dispatchers/keyed-lanes.ts';

test('work of one key runs in order, one at a time; other keys run side by side', async (t) => {
	const lanes = new KeyedLanes();
	const steps: string[] = [];
	const gate = Promise.withResolvers<undefined>();
	const work = (name: string) => async (): Promise<string> => {
		steps.push(`${name} begins`);
		await gate.promise;
		steps.push(`${name} ends`);
		return name;
	};
	const results = [
		lanes.run('a', work('a1')),
		lanes.run('a', work('a2')),
		lanes.run('b', work('b1')),
		lanes.run('a', work('a3')),
	];
	await setImmediate();
	t.deepEqual(steps, ['a1 begins', 'b1 begins']);
	gate.resolve(undefined);
	t.deepEqual(await Promise.all(results), ['a1', 'a2', 'b1', 'a3']);
	t.deepEqual(
		steps.filter((step) => step.startsWith('a')),
		['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends', 'a3 begins', 'a3 ends'],
	);
});

test('work that fails fails for its caller alone and does not block its lane', async (t) => {
	const lanes = new KeyedLanes();
	const failing = lanes.run('a', () => Promise.reject(new Error('out of order')));
	const throwing = lanes.run('a', () => {
		throw new Error('not even a promise');
	});
	const fine = lanes.run('a', () => Promise.resolve('fine'));
	await t.throwsAsync(failing, {message: 'out of order'});
	await t.throwsAsync(throwing, {message: 'not even a promise'});
	t.is(await fine, 'fine');
});

test('where a failure turns away, what waits behind it fails in the same way, and what comes later runs', async (t) => {
	const lanes = new KeyedLanes({turnsAway: (error) => error instanceof RangeError});
	const ran: string[] = [];
	const work = (name: string) => (): Promise<string> => {
		ran.push(name);
		return Promise.resolve(name);
	};
	const away = lanes.run('a', () => Promise.reject(new RangeError('away')));
	const behind = [lanes.run('a', work('a2')), lanes.run('a', work('a3'))];
	const other = lanes.run('b', () => Promise.reject(new Error('its own')));
	const spared = lanes.run('b', work('b2'));
	await t.throwsAsync(away, {message: 'away'});
	for (const each of behind) await t.throwsAsync(each, {message: 'away'});
	await t.throwsAsync(other, {message: 'its own'});
	t.is(await spared, 'b2');
	t.is(await lanes.run('a', work('a4')), 'a4');
	t.deepEqual(ran, ['b2', 'a4']);
	await setImmediate();
	t.is(lanes.size, 0);
});

test('a lane without work takes no memory', async (t) => {
	const lanes = new KeyedLanes();
	const all = Array.from({length: 1000}, (_, index) =>
		lanes.run(`key ${index % 300}`, () => (index % 7 === 0 ? Promise.reject(new Error('no')) : setImmediate(index))),
	);
	t.is(lanes.size, 300);
	await Promise.allSettled(all);
	await setImmediate();
	t.is(lanes.size, 0);
	t.is(await lanes.run('key 1', () => Promise.resolve(1)), 1);
});
