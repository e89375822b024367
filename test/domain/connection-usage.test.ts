import test from 'ava';
import {dateOf, daysUntil, newUsage, withEvents, type UsageEvent} from '../../domain/billing/connection-usage.ts';

const at = (time: string): number => Date.parse(`2026-03-${time}Z`);
const HOUR_MS = 60 * 60_000;

const status = (seq: number, time: string, isConnected: boolean): UsageEvent => ({
	kind: 'status',
	seq,
	atMs: at(time),
	isConnected,
});

test('time is split at midnight, over as many days as it takes', (t) => {
	const usage = withEvents(newUsage('c', 'u'), [status(1, '10T22:00:00', true), status(2, '13T01:00:00', false)], 2);
	t.is(usage.connectedSinceMs, null);
	t.deepEqual(usage.days, {
		'2026-03-10': {connectedMs: 2 * HOUR_MS, messages: 0, received: 0},
		'2026-03-11': {connectedMs: 24 * HOUR_MS, messages: 0, received: 0},
		'2026-03-12': {connectedMs: 24 * HOUR_MS, messages: 0, received: 0},
		'2026-03-13': {connectedMs: HOUR_MS, messages: 0, received: 0},
	});
});

test('events that were counted are not counted again, also when batches overlap', (t) => {
	const events: readonly UsageEvent[] = [
		status(1, '10T00:00:00', true),
		{kind: 'message', seq: 2, atMs: at('10T01:00:00')},
		{kind: 'received', seq: 3, atMs: at('10T01:00:00')},
		status(4, '10T02:00:00', false),
		{kind: 'message', seq: 5, atMs: at('10T03:00:00')},
	];
	const whole = withEvents(newUsage('c', 'u'), events, 5);
	for (const border of [0, 1, 2, 3, 4, 5]) {
		const part = withEvents(newUsage('c', 'u'), events.slice(0, border), border);
		t.deepEqual(withEvents(part, events, 5), whole, `${border}`);
		t.deepEqual(withEvents(withEvents(part, events, 5), events.slice(1), 5), whole);
	}
	t.deepEqual(whole.days['2026-03-10'], {connectedMs: 2 * HOUR_MS, messages: 2, received: 1});
});

test('a connection that says again that it is connected counts the time once', (t) => {
	const usage = withEvents(
		newUsage('c', 'u'),
		[status(1, '10T00:00:00', true), status(2, '10T01:00:00', true), status(3, '10T02:00:00', false)],
		3,
	);
	t.is(usage.days['2026-03-10']?.connectedMs, 2 * HOUR_MS);
});

test('times that run backwards count nothing, and nothing twice', (t) => {
	const usage = withEvents(
		newUsage('c', 'u'),
		[
			status(1, '10T05:00:00', true),
			status(2, '10T04:00:00', true),
			status(3, '10T03:00:00', false),
			status(4, '10T06:00:00', false),
		],
		4,
	);
	t.deepEqual(usage.days, {});
});

test('time ends when a connection is suspended, though its session never says that it stopped', (t) => {
	const suspended = (seq: number, time: string): UsageEvent => ({kind: 'suspended', seq, atMs: at(time)});
	const hoursOf = (events: readonly UsageEvent[]): number =>
		(withEvents(newUsage('c', 'u'), events, events.length).days['2026-03-10']?.connectedMs ?? 0) / HOUR_MS;
	const connect = status(1, '10T00:00:00', true);
	t.is(
		hoursOf([connect, suspended(2, '10T02:00:00'), status(3, '10T20:00:00', true), status(4, '10T21:00:00', false)]),
		3,
	);
	t.is(hoursOf([connect, suspended(2, '10T02:00:00'), status(3, '10T02:00:01', false)]), 2);
	t.is(hoursOf([suspended(1, '10T02:00:00')]), 0);
	const late = [status(1, '10T05:00:00', true), suspended(2, '10T02:00:00'), status(3, '10T06:00:00', false)];
	t.is(hoursOf(late), 1, 'one that is told late ends nothing that began after it');
});

test('what is still connected is shown until a moment, and not stored', (t) => {
	const usage = withEvents(newUsage('c', 'u'), [status(1, '10T23:00:00', true)], 1);
	t.deepEqual(usage.days, {});
	t.is(daysUntil(usage, at('11T01:00:00'))['2026-03-11']?.connectedMs, HOUR_MS);
	t.deepEqual(daysUntil(usage, at('10T22:00:00')), {}, 'a moment before it');
	t.deepEqual(usage.days, {});
});

test('old days are forgotten, the newest first kept', (t) => {
	const events = Array.from({length: 1000}, (_, index): UsageEvent => ({
		kind: 'message',
		seq: index + 1,
		atMs: index * 24 * HOUR_MS,
	}));
	const dates = Object.keys(withEvents(newUsage('c', 'u'), events, 1000).days).toSorted();
	t.is(dates.length, 800);
	t.is(dates.at(-1), dateOf(999 * 24 * HOUR_MS));
});
