import test from 'ava';
import {checkWindows} from './checks.ts';
import {killWindows, type KillWindow} from './kill-windows.ts';
import type {Arrival, Fault, Post} from './ledger.ts';

const KILLED_AT_MS = 10_000;

function kill(name: 'webhook 1' | 'gateway 1' | 'the process', fromMs = KILLED_AT_MS): Fault {
	const ended = {acceptsEvents: name !== 'webhook 1', makesAttempts: name !== 'gateway 1'};
	return {name: `kill -9 ${name}`, repeats: true, ended, fromMs, toMs: fromMs};
}

function post(n: number, postedAtMs: number, acceptedAtMs: number | undefined = postedAtMs + 5): Post {
	return {n, tenant: 0, chat: 'a', postedAtMs, acceptedAtMs};
}

function arrival(n: number, atMs: number, endedAtMs: number | undefined = atMs + 1): Arrival {
	const ids = {eventId: `evt_${n}`, deliveryId: `dlv_${n}`};
	return {webhook: 'plain/0', n, ...ids, attempt: 1, isSigned: true, atMs, end: 'accepted', endedAtMs};
}

function windowsOf(before: Arrival, causes: readonly Fault[], posts: readonly Post[] = [post(0, 9000)]) {
	return killWindows([{before, causes}], {posts, arrivals: [before], faults: causes});
}

test('a repeat is counted from the answer to the kill that came soonest after it', (t) => {
	const [window] = windowsOf(arrival(0, 9900, 9920), [kill('webhook 1'), kill('webhook 1', 14_000)]);
	t.like(window, {fault: kill('webhook 1'), repeats: 1, longestMs: 80});
});

test('what was under way, or reached its endpoint after the death of its sender, was not answered before', (t) => {
	t.is(windowsOf(arrival(0, 9900, 12_000), [kill('webhook 1')])[0]?.longestMs, 0);
	t.is(windowsOf({...arrival(0, 9900), endedAtMs: undefined}, [kill('webhook 1')])[0]?.longestMs, 0);
	t.is(windowsOf(arrival(0, 10_003), [kill('webhook 1')])[0]?.longestMs, 3);
});

test('the death of a gateway makes that come again which it had not accepted yet, and nothing else', (t) => {
	const before = arrival(0, 9100);
	t.is(windowsOf(before, [kill('gateway 1')], [post(0, 9000, 12_000)])[0]?.longestMs, 0);
	t.is(windowsOf(before, [kill('gateway 1')])[0]?.longestMs, Infinity);
	t.is(windowsOf(before, [kill('gateway 1'), kill('webhook 1', 9200)])[0]?.longestMs, 99);
	t.is(windowsOf(before, [kill('the process')], [post(0, 9000, 12_000)])[0]?.longestMs, 0);
});

test('what another fault may explain says nothing about kills', (t) => {
	const away: Fault = {name: 'RabbitMQ away', repeats: true, fromMs: 9000, toMs: 9500};
	t.deepEqual(windowsOf(arrival(0, 9100), [away, kill('webhook 1')]), []);
});

test('a deployment keeps up when what was posted before the kill arrived at once', (t) => {
	const prompt = arrival(0, 9050);
	t.true(windowsOf(prompt, [kill('webhook 1')])[0]?.isPrompt);
	t.false(windowsOf(prompt, [kill('webhook 1')], [post(0, 8900)])[0]?.isPrompt, 'that took 150 ms');
	t.false(windowsOf(prompt, [kill('webhook 1')], [post(0, 9000), post(1, 9500)])[0]?.isPrompt, 'one has not arrived');
	t.false(windowsOf(prompt, [kill('webhook 1')], [post(0, 9900)])[0]?.isPrompt, 'nobody can tell');
});

test('the window is what half of the kills allow at most, of those at which nothing was behind', (t) => {
	const window = (longestMs: number, isPrompt = true): KillWindow => ({
		fault: kill('webhook 1'),
		repeats: 1,
		longestMs,
		isPrompt,
	});
	t.deepEqual(checkWindows([20, 30, 900].map((ms) => window(ms))), []);
	t.is(checkWindows([20, 300, 300].map((ms) => window(ms))).length, 1);
	t.deepEqual(checkWindows([20, 300, 300].map((ms) => window(ms, false))), []);
	t.deepEqual(checkWindows([300, 300].map((ms) => window(ms))), [], 'too few');
	t.is(checkWindows([window(Infinity)]).length, 1);
});
