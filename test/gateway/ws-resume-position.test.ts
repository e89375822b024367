import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {RecordingMember} from '../support/recording-member.ts';
import {RoomsBench, USER} from '../support/rooms-bench.ts';
import {first, idsOf} from '../support/stream-event.ts';

const SECOND = 1000;
const DAY = 24 * 3_600_000;

test('what the last event of a client had overtaken when it came is replayed, the event itself is not', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	const [overtaken, had] = [bench.make(1, 1), bench.make(2, 2)];
	await bench.events.append([...overtaken, ...had]);
	await bench.live(...had);
	bench.rooms.leave(USER, member);
	await bench.live(...overtaken);
	t.deepEqual(member.ids, idsOf(had));
	const again = await bench.join(first(had).id);
	t.deepEqual(again.ids, idsOf(overtaken));
});

test('what was received more than 100 s before the last event of a client is not replayed', async (t) => {
	const bench = new RoomsBench();
	const received: NewLoggedEvent[] = [];
	for (let index = 1; index <= 30; index++) {
		received.push(...bench.make(index, index));
		await bench.clock.advance(10 * SECOND);
	}
	await bench.events.append(received);
	const member = await bench.join(received[19]?.id);
	t.deepEqual(member.ids, idsOf([...received.slice(9, 19), ...received.slice(20)]));
});

test('one event that was logged long after it was received takes nothing from what is replayed', async (t) => {
	const bench = new RoomsBench();
	const late = bench.make(1, 1);
	await bench.clock.advance(50 * SECOND);
	const [overtaken, had] = [bench.make(2, 4), bench.make(5, 5)];
	await bench.events.append([...overtaken, ...late, ...had]);
	const member = await bench.join(first(had).id);
	t.deepEqual(member.ids, idsOf([...overtaken, ...late]));
});

test('a client that says that it has nothing is told where its stream begins, and resumes from there', async (t) => {
	const bench = new RoomsBench();
	await bench.events.append(bench.make(1, 5));
	const member = await bench.join('');
	t.deepEqual(member.frames, []);
	t.deepEqual(member.ready, ['pos_5']);
	bench.rooms.leave(USER, member);
	const missed = bench.make(6, 8);
	await bench.both(...missed);
	const again = await bench.join('pos_5');
	t.deepEqual(again.ids, idsOf(missed), 'and not what came before');
	t.deepEqual(again.ready, ['pos_8']);
});

test('a stream can begin where there is no event yet', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join('');
	t.deepEqual(member.ready, ['pos_0']);
	bench.rooms.leave(USER, member);
	const missed = bench.make(1, 2);
	await bench.both(...missed);
	t.deepEqual((await bench.join('pos_0')).ids, idsOf(missed));
});

test('a client that resumes is told when it is live, behind all that it missed', async (t) => {
	const bench = new RoomsBench();
	const events = bench.make(1, 500);
	await bench.events.append(events);
	const member = new RecordingMember();
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	member.full = promise;
	await bench.rooms.join(USER, member, first(events).id);
	await bench.clock.advance(0);
	t.deepEqual(member.ready, []);
	drain(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ready, ['pos_500']);
	t.is(member.framesBeforeReady, 499);
});

test('who says nothing of what it has gets events and nothing else', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	await bench.both(...bench.make(1, 1));
	t.is(member.ids.length, 1);
	t.deepEqual(member.ready, []);
});

test('what comes while the beginning is looked for comes behind it, and once', async (t) => {
	const bench = new RoomsBench();
	await bench.join();
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	bench.events.delay = () => paused;
	const member = await bench.join('');
	const events = bench.make(1, 3);
	await bench.live(...events);
	t.deepEqual(member.ids, []);
	release(undefined);
	await bench.clock.advance(0);
	await bench.events.append(events);
	await bench.clock.advance(10 * SECOND);
	t.deepEqual(member.ids, idsOf(events));
	t.is(member.ready.length, 1);
});

test('while the log is away nobody can say where the stream begins, which is told; events come', async (t) => {
	const bench = new RoomsBench();
	bench.events.isAway = true;
	const member = await bench.join('');
	t.deepEqual(member.frames, [{type: 'gap', from: null, to: null, reason: 'log-unavailable'}]);
	t.deepEqual(member.ready, [null]);
	const events = bench.make(1, 1);
	await bench.live(...events);
	t.deepEqual(member.ids, idsOf(events));
});

test('a place that the log does not go back to is told as expired, one that it does not have as unknown', async (t) => {
	const bench = new RoomsBench();
	await bench.events.append(bench.make(1, 5));
	await bench.clock.advance(31 * DAY);
	const kept = bench.make(6, 8);
	await bench.events.append(kept);
	bench.events.expire(bench.clock.now());
	const expired = await bench.join('pos_4');
	t.deepEqual(expired.gaps, [{type: 'gap', from: 'pos_4', to: first(kept).id, reason: 'expired'}]);
	t.deepEqual(expired.ids, idsOf(kept));
	const [complete, unknown] = [await bench.join('pos_5'), await bench.join('pos_9')];
	t.deepEqual(complete.gaps, []);
	t.deepEqual(complete.ids, idsOf(kept));
	t.deepEqual(unknown.frames, [{type: 'gap', from: 'pos_9', to: null, reason: 'unknown'}]);
	t.deepEqual(unknown.ready, ['pos_8']);
});

test('where all events have expired, an event of theirs is told as expired, as is a place among them', async (t) => {
	const bench = new RoomsBench();
	const events = bench.make(1, 5);
	await bench.events.append(events);
	await bench.clock.advance(31 * DAY);
	bench.events.expire(bench.clock.now());
	for (const since of [first(events).id, 'pos_3']) {
		const member = await bench.join(since);
		t.deepEqual(member.frames, [{type: 'gap', from: since, to: null, reason: 'expired'}]);
	}
	t.deepEqual((await bench.join('pos_5')).frames, [], 'nothing came after that');
	const later = bench.make(6, 6);
	const resumed = await bench.join('pos_5');
	await bench.both(...later);
	t.deepEqual(resumed.ids, idsOf(later));
});

test('an event of a user who never had one is unknown, however old it says it is', async (t) => {
	const bench = new RoomsBench();
	const old = bench.make(1, 1);
	await bench.clock.advance(31 * DAY);
	const member = await bench.join(first(old).id);
	t.deepEqual(member.frames, [{type: 'gap', from: first(old).id, to: null, reason: 'unknown'}]);
});

test('what a deleted connection still said is replayed to nobody, what it had said before is', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	const before = bench.make(2, 3);
	await bench.clock.advance(SECOND);
	bench.deletions.set(`connection-of-${USER}`, new Date(bench.clock.now()));
	const after = [...bench.make(4, 4)];
	await bench.clock.advance(SECOND);
	after.push(...bench.make(5, 5));
	const other = bench.make(6, 6).map((event) => ({...event, connectionId: 'another'}));
	await bench.events.append([...had, ...before, ...after, ...other]);
	const member = await bench.join(first(had).id);
	t.deepEqual(member.ids, idsOf([...before, ...other]));
	const late = bench.make(7, 7);
	await bench.events.append(late);
	await bench.clock.advance(60 * SECOND);
	t.deepEqual(member.ids, idsOf([...before, ...other]));
});
