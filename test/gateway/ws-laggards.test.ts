import test, {type ExecutionContext} from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {StreamFrame} from '../../gateway/ws/stream-frame.ts';
import {RecordingMember} from '../support/recording-member.ts';
import {RoomsBench, USER} from '../support/rooms-bench.ts';
import {idsOf} from '../support/stream-event.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

/** Takes a few frames, then takes its time. */
class Trickler extends RecordingMember {
	readonly #bench: RoomsBench;
	readonly #pauseMs: number;

	constructor(bench: RoomsBench, pauseMs: number) {
		super();
		this.#bench = bench;
		this.#pauseMs = pauseMs;
	}

	override send(frame: StreamFrame): void {
		super.send(frame);
		if (this.frames.length % 5 === 0) {
			this.full ??= new Promise((resolve) => this.#bench.clock.after(this.#pauseMs, resolve));
		}
	}
}

/** Everybody here loses these events, and finds out. */
async function lose(bench: RoomsBench, events: readonly NewLoggedEvent[]): Promise<void> {
	bench.fanout.lose();
	await bench.both(...events);
	bench.fanout.restore();
	await bench.clock.advance(0);
}

async function join(bench: RoomsBench, member: RecordingMember): Promise<RecordingMember> {
	await bench.rooms.join(USER, member, undefined);
	return member;
}

function hasAllOnce(t: ExecutionContext, member: RecordingMember, events: readonly NewLoggedEvent[]): void {
	t.deepEqual(member.ids, idsOf(events));
	t.deepEqual(member.gaps, []);
}

test('a client that takes nothing holds up the others for a second, and has everything when it goes on', async (t) => {
	const bench = new RoomsBench();
	const [healthy, stuck] = [await join(bench, new RecordingMember()), await join(bench, new RecordingMember())];
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	stuck.full = promise;
	const [lost, live] = [bench.make(1, 1000), bench.make(1001, 1020)];
	await lose(bench, lost);
	await bench.clock.advance(SECOND);
	hasAllOnce(t, healthy, lost);
	await bench.both(...live.slice(0, 10));
	hasAllOnce(t, healthy, [...lost, ...live.slice(0, 10)]);
	t.true(stuck.frames.length <= 2);
	drain(undefined);
	await bench.clock.advance(0);
	await bench.both(...live.slice(10));
	hasAllOnce(t, stuck, [...lost, ...live]);
	await bench.clock.advance(2 * HOUR);
	for (const member of [healthy, stuck]) hasAllOnce(t, member, [...lost, ...live]);
});

test('a client that takes a little now and then holds up the others for a second in all', async (t) => {
	const bench = new RoomsBench();
	const healthy = [await join(bench, new RecordingMember()), await join(bench, new RecordingMember())];
	const trickler = await join(bench, new Trickler(bench, 300));
	const lost = bench.make(1, 1000);
	await lose(bench, lost);
	await bench.clock.advance(1200);
	for (const member of healthy) hasAllOnce(t, member, lost);
	t.true(trickler.frames.length < 100);
	await bench.clock.advance(100 * SECOND);
	hasAllOnce(t, trickler, lost);
});

test('clients of any speed get everything once, and what was lost in order, whatever goes on meanwhile', async (t) => {
	const bench = new RoomsBench(2000);
	const members = [await join(bench, new RecordingMember())];
	for (const pauseMs of [1, 10, 50, 200, 900, 3000]) members.push(await join(bench, new Trickler(bench, pauseMs)));
	const known = bench.make(1, 50);
	await bench.both(...known);
	const lost = bench.make(51, 400);
	await lose(bench, lost);
	const later: NewLoggedEvent[] = [];
	for (let index = 401; index <= 600; index++) {
		later.push(...bench.make(index, index));
		await bench.both(...later.slice(-1));
		await bench.clock.advance(40);
	}
	await bench.clock.advance(HOUR);
	const expected = [...known, ...lost, ...later];
	for (const {ids, gaps} of members) {
		t.deepEqual(ids.slice(0, known.length + lost.length), idsOf([...known, ...lost]));
		t.deepEqual([...ids].sort(), [...idsOf(expected)].sort());
		t.deepEqual(gaps, []);
	}
});

test('a client that falls behind while the log is only compared catches up by itself, too', async (t) => {
	const bench = new RoomsBench();
	const [healthy, stuck] = [await join(bench, new RecordingMember()), await join(bench, new RecordingMember())];
	bench.fanout.restore();
	await bench.clock.advance(SECOND);
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	stuck.full = promise;
	const [lost, live] = [bench.make(1, 300), bench.make(301, 310)];
	await lose(bench, lost);
	await bench.clock.advance(2 * SECOND);
	await bench.both(...live);
	hasAllOnce(t, healthy, [...lost, ...live]);
	t.true(stuck.frames.length <= 2);
	t.false(bench.rooms.isLive(USER, stuck));
	drain(undefined);
	await bench.clock.advance(10 * SECOND);
	hasAllOnce(t, stuck, [...lost, ...live]);
	t.true(bench.rooms.isLive(USER, stuck));
});
