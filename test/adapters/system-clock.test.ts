import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {eventually} from '../support/eventually.ts';

test('now is the time of this machine', (t) => {
	const before = Date.now();
	const now = new SystemClock().now();
	t.true(now >= before && now <= Date.now());
});

test('a timer calls back once after its delay, a disposed one never', async (t) => {
	const clock = new SystemClock();
	const startedMs = performance.now();
	const calls: string[] = [];
	using _kept = clock.after(30, () => calls.push('kept'));
	clock.after(10, () => calls.push('disposed'))[Symbol.dispose]();
	// AVA waits for the promise, not for the timers: something has to hold the process.
	await eventually(() => calls.length > 0);
	t.true(performance.now() - startedMs >= 29);
	t.deepEqual(calls, ['kept']);
});

test('a timer does not keep the process alive', async (t) => {
	const module = new URL('../../adapters/system/system-clock.ts', import.meta.url).href;
	const script = `const {SystemClock} = await import('${module}'); new SystemClock().after(600_000, () => {});`;
	await t.notThrowsAsync(
		promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {timeout: 20_000}),
	);
});
