import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {RecordingMember} from '../support/recording-member.ts';
import {RoomsBench, USER} from '../support/rooms-bench.ts';
import {createRandom} from '../support/shuffled.ts';
import {first, idsOf, makeStreamEvent} from '../support/stream-event.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

test('a member that resumes gets what it missed in order, then the live stream', async (t) => {
	const bench = new RoomsBench();
	const missed = bench.make(1, 1000);
	await bench.events.append(missed);
	const member = await bench.join(first(missed).id);
	const later = bench.make(1001, 1010);
	await bench.both(...later);
	t.deepEqual(member.ids, idsOf([...missed.slice(1), ...later]));
});

test('a client whose last event is not in the log any more is told so, and gets all that is', async (t) => {
	const bench = new RoomsBench();
	const [expired] = bench.make(1, 1);
	await bench.clock.advance(31 * 24 * HOUR);
	const kept = bench.make(2, 4);
	await bench.events.append(kept);
	const member = await bench.join(expired?.id);
	const later = bench.make(5, 6);
	await bench.both(...later);
	t.deepEqual(member.frames[0], {type: 'gap', from: expired?.id ?? '', to: first(kept).id, reason: 'expired'});
	t.deepEqual(member.ids, idsOf([...kept, ...later]));
});

test('a gap names no event that the client may not know of', async (t) => {
	const bench = new RoomsBench();
	const [expired] = bench.make(1, 1);
	await bench.clock.advance(31 * 24 * HOUR);
	await bench.events.append(bench.make(2, 4));
	const member = new RecordingMember();
	member.connectionIds = ['another'];
	await bench.rooms.join(USER, member, expired?.id);
	await bench.clock.advance(0);
	t.deepEqual(member.frames, [{type: 'gap', from: expired?.id ?? '', to: null, reason: 'expired'}]);
});

test('live frames that come during the replay follow it, and what the log has of them is not repeated', async (t) => {
	const bench = new RoomsBench();
	const missed = bench.make(1, 3);
	await bench.events.append(missed);
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	const member = new RecordingMember();
	await bench.rooms.join(USER, member, undefined);
	bench.rooms.leave(USER, member);
	const before = bench.events.reads;
	bench.events.delay = async () => {
		// The look-up of `since` and the first page wait; the room's own read does not.
		if (bench.events.reads > before + 1) await paused;
	};
	const joined = bench.rooms.join(USER, member, first(missed).id);
	await joined;
	const [logged, unlogged] = [bench.make(4, 5), bench.make(6, 7)];
	await bench.live(...logged, ...unlogged);
	t.deepEqual(member.ids, []);
	await bench.events.append(logged);
	release(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf([...missed.slice(1), ...logged, ...unlogged]));
	await bench.events.append(unlogged);
	await bench.clock.advance(HOUR);
	t.is(member.frames.length, 6);
});

test('an event that was live just before the subscription and reaches the log long after it is not missed', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const late = bench.make(2, 3);
	await bench.live(...late);
	const member = await bench.join(first(had).id);
	t.deepEqual(member.ids, []);
	await bench.clock.advance(20 * 60 * SECOND);
	await bench.events.append(late);
	await bench.clock.advance(6 * 60 * SECOND);
	t.deepEqual(member.ids, idsOf(late));
	t.deepEqual(member.gaps, []);
});

test('while the log lags, live frames go out at once, and once', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const member = await bench.join(first(had).id);
	const events = bench.make(2, 50);
	await bench.live(...events);
	t.deepEqual(member.ids, idsOf(events));
	await bench.clock.advance(60 * SECOND);
	await bench.events.append(events);
	await bench.clock.advance(2 * HOUR);
	t.deepEqual(member.ids, idsOf(events));
	t.deepEqual(member.gaps, []);
});

test('comparing with the log ends as soon as the log has passed the subscription', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	await bench.join(first(had).id);
	await bench.clock.advance(6 * SECOND);
	await bench.both(...bench.make(2, 2));
	await bench.clock.advance(2 * SECOND);
	const {reads} = bench.events;
	await bench.both(...bench.make(3, 10));
	await bench.clock.advance(2 * HOUR);
	t.is(bench.events.reads, reads);
});

test('a quiet log is asked ever less often, and no more after an hour', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const member = await bench.join(first(had).id);
	await bench.clock.advance(2 * HOUR);
	const {reads} = bench.events;
	t.true(reads < 40, `${reads} reads`);
	await bench.clock.advance(10 * HOUR);
	t.is(bench.events.reads, reads);
	t.deepEqual(member.frames, []);
});

test('a log that does not catch up within an hour is told as a gap', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const member = await bench.join(first(had).id);
	const live = bench.make(2, 2);
	await bench.live(...live);
	await bench.clock.advance(2 * HOUR);
	t.deepEqual(member.gaps, [{type: 'gap', from: first(had).id, to: null, reason: 'log-behind'}]);
});

test('a member that leaves ends its reading', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const member = await bench.join(first(had).id);
	bench.rooms.leave(USER, member);
	const {reads} = bench.events;
	await bench.clock.advance(2 * HOUR);
	t.is(bench.events.reads, reads);
	t.is(bench.rooms.size, 0);
});

test('a since that is no event id is a gap at once', async (t) => {
	const bench = new RoomsBench();
	for (const since of ['nonsense', 'evt_1', `evt_${'U'.repeat(26)}`, '{"$ne":null}']) {
		const member = await bench.join(since);
		t.deepEqual(member.frames, [{type: 'gap', from: since, to: null, reason: 'unknown'}]);
		const live = bench.make(1, 1);
		await bench.live(...live);
		t.deepEqual(member.ids, idsOf(live));
	}
});

test("an unknown event id, or another user's, is a gap after 20 s; what came meanwhile follows", async (t) => {
	const bench = new RoomsBench();
	const foreign = bench.make(1, 1, 'user-2');
	await bench.events.append(foreign);
	for (const since of [first(foreign).id, first(bench.make(99, 99)).id]) {
		const member = await bench.join(since);
		const live = bench.make(1, 2);
		await bench.live(...live);
		await bench.clock.advance(19_900);
		t.deepEqual(member.frames, []);
		await bench.clock.advance(100);
		t.deepEqual(first(member.frames), {type: 'gap', from: since, to: null, reason: 'unknown'});
		t.deepEqual(member.ids, idsOf(live));
	}
});

test('an event that was had live is resumed from, though the log gets it only now', async (t) => {
	const bench = new RoomsBench();
	const [had, missed] = [bench.make(1, 1), bench.make(2, 5)];
	const member = await bench.join(first(had).id);
	await bench.clock.advance(2 * SECOND);
	await bench.events.append([...had, ...missed]);
	await bench.clock.advance(3 * SECOND);
	t.deepEqual(member.ids, idsOf(missed));
	t.deepEqual(member.gaps, []);
});

test('a live stream that is more than may be held is read from the log instead', async (t) => {
	const bench = new RoomsBench(2000);
	const missed = bench.make(1, 1000);
	await bench.events.append(missed);
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	const member = new RecordingMember();
	member.full = promise;
	await bench.rooms.join(USER, member, first(missed).id);
	await bench.clock.advance(0);
	const poured = bench.make(1001, 1500);
	await bench.both(...poured.slice(0, 400));
	const stillUnlogged = poured.slice(400);
	await bench.live(...stillUnlogged);
	drain(undefined);
	await bench.clock.advance(0);
	await bench.events.append(stillUnlogged);
	await bench.clock.advance(2 * HOUR);
	t.deepEqual([...new Set(member.ids)].sort(), [...idsOf([...missed.slice(1), ...poured])].sort());
	t.deepEqual(member.gaps, []);
});

test('a client that takes its time is live only when it has everything, in order, however much comes meanwhile', async (t) => {
	const bench = new RoomsBench(2000);
	const had = bench.make(1, 1);
	await bench.events.append(had);
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	const member = new RecordingMember();
	await bench.rooms.join(USER, member, undefined);
	bench.rooms.leave(USER, member);
	const joined = bench.rooms.join(USER, member, first(had).id);
	await joined;
	bench.events.delay = () => paused;
	const held = bench.make(2, 4);
	await bench.live(...held);
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	member.full = promise;
	release(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf(held.slice(0, 1)), 'what was held is on its way');
	const poured = bench.make(5, 300);
	await bench.both(...held, ...poured);
	drain(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf([...held, ...poured]));
});

test('a live frame of an event that the client has, or that the replay has sent already, is not sent again', async (t) => {
	const bench = new RoomsBench();
	const events = bench.make(1, 5);
	await bench.events.append(events);
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	const member = new RecordingMember();
	member.full = promise;
	await bench.rooms.join(USER, member, first(events).id);
	await bench.clock.advance(0);
	t.is(member.frames.length, 1);
	await bench.live(...events.slice(0, 3));
	drain(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf(events.slice(1)));
});

test('a log that cannot be read is a gap, and what came meanwhile follows', async (t) => {
	const bench = new RoomsBench();
	const had = bench.make(1, 1);
	await bench.events.append(had);
	bench.events.isAway = true;
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	const member = new RecordingMember();
	const joined = bench.rooms.join(USER, member, first(had).id);
	await joined;
	bench.events.delay = () => paused;
	const live = bench.make(2, 3);
	await bench.live(...live);
	release(undefined);
	await bench.clock.advance(0);
	t.deepEqual(first(member.frames), {type: 'gap', from: first(had).id, to: null, reason: 'log-unavailable'});
	t.deepEqual(member.ids, idsOf(live));
	t.true(bench.log.of('stream.log.failed').length > 0);
});

test('a log that fails during the replay is a gap from the last event that was sent', async (t) => {
	const bench = new RoomsBench();
	const missed = bench.make(1, 500);
	await bench.events.append(missed);
	const member = new RecordingMember();
	const {promise, resolve: drain} = Promise.withResolvers<undefined>();
	member.full = promise;
	await bench.rooms.join(USER, member, first(missed).id);
	await bench.clock.advance(0);
	bench.events.isAway = true;
	drain(undefined);
	await bench.clock.advance(0);
	const last = member.ids.at(-1);
	t.is(member.ids.length, 199);
	t.deepEqual(member.gaps, [{type: 'gap', from: last ?? null, to: null, reason: 'log-unavailable'}]);
});

test('what the fan-out lost is read from the log by every member, and nothing known is repeated', async (t) => {
	const bench = new RoomsBench();
	await bench.events.append(bench.make(1, 100));
	const members = [await bench.join(), await bench.join()];
	const [known, lost, after] = [bench.make(101, 150), bench.make(151, 170), bench.make(171, 180)];
	await bench.both(...known);
	bench.fanout.lose();
	await bench.both(...lost);
	bench.fanout.restore();
	await bench.clock.advance(0);
	await bench.both(...after);
	for (const member of members) t.deepEqual(member.ids, idsOf([...known, ...lost, ...after]));
	await bench.clock.advance(2 * HOUR);
	for (const member of members) t.is(member.frames.length, 80);
});

test('after a loss, live frames wait for what was lost', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	const [known, lost, live] = [bench.make(1, 10), bench.make(11, 20), bench.make(21, 30)];
	await bench.both(...known);
	bench.fanout.lose();
	await bench.both(...lost);
	const {promise: paused, resolve: release} = Promise.withResolvers<undefined>();
	bench.events.delay = () => paused;
	bench.fanout.restore();
	await bench.live(...live);
	t.deepEqual(member.ids, idsOf(known));
	release(undefined);
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf([...known, ...lost, ...live]));
});

test('a loss at the very moment at which an earlier one is made good is not taken for covered', async (t) => {
	for (let ticks = 0; ticks < 20; ticks++) {
		const bench = new RoomsBench();
		const member = await bench.join();
		bench.fanout.restore();
		await bench.clock.advance(10 * SECOND);
		const [passing, lost] = [bench.make(1, 1), bench.make(2, 2)];
		let calls = 0;
		bench.events.delay = async () => {
			// The end of the read that shows that the log has passed.
			if (++calls === 2) void loseAfter(ticks);
			return Promise.resolve();
		};
		const loseAfter = async (ticksLeft: number): Promise<void> => {
			for (let tick = 0; tick < ticksLeft; tick++) await Promise.resolve();
			bench.fanout.lose();
			await bench.live(...lost);
			bench.fanout.restore();
		};
		await bench.both(...passing);
		await bench.clock.advance(10 * SECOND);
		await bench.events.append(lost);
		await bench.clock.advance(HOUR);
		t.deepEqual(member.ids, idsOf([...passing, ...lost]), `after ${ticks} ticks`);
	}
});

test('a loss is made good though the log lags behind', async (t) => {
	const bench = new RoomsBench();
	await bench.events.append(bench.make(1, 100));
	const member = await bench.join();
	const [known, lost] = [bench.make(101, 110), bench.make(111, 120)];
	await bench.live(...known);
	bench.fanout.lose();
	await bench.live(...lost);
	bench.fanout.restore();
	await bench.clock.advance(30 * SECOND);
	await bench.events.append([...known, ...lost]);
	await bench.clock.advance(2 * HOUR);
	t.deepEqual(member.ids, idsOf([...known, ...lost]));
});

test('a loss is made good in a room that had no frame yet', async (t) => {
	const bench = new RoomsBench();
	await bench.events.append(bench.make(1, 100));
	const member = await bench.join();
	const lost = bench.make(101, 102);
	bench.fanout.lose();
	await bench.both(...lost);
	bench.fanout.restore();
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf(lost));
});

test('a loss while another is being made good is made good, too', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	const lost = bench.make(1, 4);
	for (const event of lost) {
		bench.fanout.lose();
		await bench.live(event);
		bench.fanout.restore();
		await bench.clock.advance(SECOND);
	}
	await bench.events.append(lost);
	await bench.clock.advance(HOUR);
	t.deepEqual(member.ids, idsOf(lost));
});

test('a loss that the log cannot make good is told as a gap', async (t) => {
	const bench = new RoomsBench();
	const quiet = await bench.join();
	await bench.both(...bench.make(1, 1, 'user-2'));
	const busy = await bench.join(undefined, 'user-2');
	const known = bench.make(2, 2, 'user-2');
	await bench.both(...known);
	bench.events.isAway = true;
	bench.fanout.restore();
	await bench.clock.advance(0);
	t.deepEqual(busy.gaps, [{type: 'gap', from: first(known).id, to: null, reason: 'log-unavailable'}]);
	// This room saw no frame, and knows where the log was when it was opened; but the log cannot be read from there.
	t.deepEqual(quiet.gaps, [{type: 'gap', from: null, to: null, reason: 'log-unavailable'}]);
});

test('an event of long ago that comes again makes a later loss repeat no more than the room has seen', async (t) => {
	const bench = new RoomsBench();
	const history = bench.make(1, 5000);
	await bench.events.append(history);
	const member = await bench.join();
	await bench.live(first(history));
	const lost = bench.make(5001, 5002);
	bench.fanout.lose();
	await bench.both(...lost);
	bench.fanout.restore();
	await bench.clock.advance(0);
	t.deepEqual(member.ids, idsOf([first(history), ...lost]));
});

test('a loss that lasted is made good, though frames that follow it come before it is told', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	const known: NewLoggedEvent[] = [];
	for (let index = 1; index <= 300; index++) {
		known.push(...bench.make(index, index));
		await bench.clock.advance(100);
	}
	const [overtaken] = known.splice(149, 1);
	if (overtaken === undefined) throw new Error('it is there');
	await bench.events.append([...known.slice(0, 149), overtaken, ...known.slice(149)]);
	await bench.live(...known);
	const lost = bench.make(301, 400);
	await bench.events.append(lost);
	await bench.clock.advance(600 * SECOND);
	const following = bench.make(401, 500);
	await bench.both(...following);
	await bench.clock.advance(SECOND);
	await bench.both(...bench.make(501, 501));
	bench.fanout.restore();
	await bench.clock.advance(0);
	const missing = idsOf([overtaken, ...lost]).filter((id) => !member.ids.includes(id));
	t.deepEqual(missing, []);
	t.is(new Set(member.ids).size, member.ids.length, 'nothing twice');
});

test('what is logged while the place to read on from is looked for is not passed by', async (t) => {
	const bench = new RoomsBench();
	const member = await bench.join();
	const [known, lost] = [bench.make(1, 3), bench.make(4, 4)];
	await bench.live(...known);
	let reads = 0;
	bench.events.delay = async () => {
		// Between the first read and the second.
		if (++reads === 3) await bench.events.append([...known, ...lost]);
	};
	bench.fanout.restore();
	await bench.clock.advance(10 * SECOND);
	t.deepEqual(member.ids, idsOf([...known, ...lost]));
});

test('a loss in many rooms is read a few rooms at a time', async (t) => {
	const bench = new RoomsBench();
	for (let user = 0; user < 100; user++) await bench.join(undefined, `user-${user}`);
	let [reading, peak] = [0, 0];
	bench.events.delay = async () => {
		// Called at the beginning and at the end of each read.
		reading++;
		peak = Math.max(peak, reading);
		await new Promise((resolve) => setImmediate(resolve));
		reading--;
	};
	bench.fanout.restore();
	await bench.clock.advance(10 * SECOND);
	t.true(peak > 1 && peak <= 16, `${peak} at once`);
	t.is(bench.rooms.size, 100);
});

/** From when a client came until it left. */
interface Visit {
	readonly member: RecordingMember;
	/** What the log had when it came, beside the event that it named; nothing for who came for what is new. */
	readonly replayed: readonly NewLoggedEvent[];
}

/** Comes and goes, and resumes from the last event that it had not seen before. */
interface Client {
	readonly visits: Visit[];
	readonly seen: Set<string>;
	last: string;
	expected: readonly NewLoggedEvent[] | undefined;
}

/** One random history: events on their two ways, each with delays of its own, losses of the fan-out, and clients that come, go and resume. */
async function simulate(seed: number): Promise<readonly Client[]> {
	const random = createRandom(seed);
	const pick = (max: number): number => Math.floor(random() * max);
	const bench = new RoomsBench(pick(2) === 0 ? 3000 : undefined);
	const {clock, events} = bench;
	events.delay = () => (pick(2) === 0 ? Promise.resolve() : new Promise((resolve) => clock.after(pick(300), resolve)));
	const startedAtMs = clock.now();
	const logStallsAt = pick(3) === 0 ? pick(60) : Number.POSITIVE_INFINITY;
	const history: {event: NewLoggedEvent; publishedAtMs: number; liveAtMs: number; loggedAtMs: number}[] = [];
	let [publishedAtMs, loggedAtMs] = [0, 0];
	for (let index = 0; index < 60; index++) {
		publishedAtMs += pick(10) === 0 ? pick(8000) : pick(200);
		if (pick(40) === 0) publishedAtMs += pick(300_000);
		const liveAtMs = publishedAtMs + (pick(8) === 0 ? pick(3000) : pick(50));
		loggedAtMs = Math.max(loggedAtMs, publishedAtMs + pick(200) + (index === logStallsAt ? 60_000 : 0));
		const event = makeStreamEvent(USER, index, startedAtMs + publishedAtMs, pick(50));
		history.push({event, publishedAtMs, liveAtMs, loggedAtMs});
		clock.after(liveAtMs, () => void bench.live(event));
		clock.after(loggedAtMs, () => void events.append([event]));
	}
	for (let loss = pick(4); loss > 0; loss--) {
		const atMs = pick(publishedAtMs);
		clock.after(atMs, () => {
			bench.fanout.lose();
		});
		clock.after(atMs + pick(2000), () => {
			bench.fanout.restore();
		});
	}
	const clients: Client[] = [];

	const leave = (client: Client, member: RecordingMember): void => {
		const fresh = member.ids.filter((id) => !client.seen.has(id));
		const last = history.find(({event}) => event.id === fresh.at(-1));
		if (last !== undefined && startedAtMs + last.loggedAtMs > clock.now()) {
			// What it would name the log does not have for another while: that would be a gap.
			clock.after(1000, () => {
				leave(client, member);
			});
			return;
		}
		bench.rooms.leave(USER, member);
		for (const id of member.ids) client.seen.add(id);
		client.last = fresh.at(-1) ?? (client.last === '' ? (member.ready[0] ?? '') : client.last);
		// It left before it was told anything: nothing was promised.
		if (client.last === '') client.expected = undefined;
		clock.after(pick(3000), () => void enter(client));
	};
	const enter = async (client: Client): Promise<void> => {
		const nowMs = clock.now() - startedAtMs;
		const member = new RecordingMember();
		const logged = history.filter(({event, loggedAtMs}) => loggedAtMs < nowMs && event.id !== client.last);
		const replayed = client.last.startsWith('evt_') ? logged.map(({event}) => event) : [];
		try {
			await bench.rooms.join(USER, member, client.last);
		} catch {
			bench.rooms.leave(USER, member);
			clock.after(500, () => void enter(client));
			return;
		}
		const sinceMs = clock.now() - startedAtMs;
		client.visits.push({member, replayed});
		client.expected ??= history.filter(({publishedAtMs}) => publishedAtMs > sinceMs).map(({event}) => event);
		// A connection that is full now and then.
		for (let pause = pick(3); pause > 0; pause--) {
			clock.after(pick(2000), () => {
				member.full = new Promise((resolve) => clock.after(pick(1000), resolve));
			});
		}
		if (client.visits.length < 6) {
			clock.after(pick(8000), () => {
				leave(client, member);
			});
		}
	};
	/** Has an event from before, one that the log has or will have soon. */
	const comeBack = (client: Client): void => {
		const nowMs = clock.now() - startedAtMs;
		const had = history.findLast(
			(entry) => Math.min(entry.liveAtMs, entry.loggedAtMs) < nowMs && entry.loggedAtMs < nowMs + 4000,
		);
		client.last = had?.event.id ?? '';
		client.expected = had && history.slice(history.indexOf(had) + 1).map(({event}) => event);
		void enter(client);
	};
	for (let index = 0; index < 4; index++) {
		const client: Client = {visits: [], seen: new Set(), last: '', expected: undefined};
		clients.push(client);
		clock.after(pick(publishedAtMs), () => {
			if (index === 0) void enter(client);
			else comeBack(client);
		});
	}
	await clock.advance(4 * HOUR);
	const {reads} = events;
	await clock.advance(4 * HOUR);
	if (events.reads !== reads) throw new Error('the log is read for ever');
	return clients;
}

test('whatever the delays and losses, every event arrives, also for those who come and go, and a replay is in order', async (t) => {
	for (let seed = 1; seed <= 150; seed++) {
		const clients = await simulate(seed);
		for (const {visits, expected = []} of clients) {
			t.true(visits.length > 0, `seed ${seed}`);
			const got = new Set(visits.flatMap(({member}) => member.ids));
			const missing = idsOf(expected).filter((id) => !got.has(id));
			if (missing.length > 0) t.fail(`seed ${seed}: ${missing.length} of ${expected.length} events are missing`);
			for (const {member, replayed} of visits) {
				t.deepEqual(member.gaps, [], `seed ${seed}`);
				const ids = new Set(member.frames.slice(0, member.framesBeforeReady).flatMap(({id}) => id ?? []));
				const order = idsOf(replayed).filter((id) => ids.has(id));
				const arrived = [...ids].filter((id) => order.includes(id));
				t.deepEqual(arrived, order, `seed ${seed}: the replay is out of order`);
			}
		}
	}
});
