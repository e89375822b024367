import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {createRandom} from '../support/shuffled.ts';
import {idsOf, makeStreamEvent} from '../support/stream-event.ts';
import {StreamFixture, type Tenant} from '../support/stream-fixture.ts';
import type {StreamProbe} from '../support/stream-probe.ts';

const KILOBYTE = 1024;
const HOUR = 3_600_000;

function makeEvents({userId}: Tenant, from: number, to: number, padding = 0, agoMs = 0): readonly NewLoggedEvent[] {
	const receivedAtMs = Date.now() - agoMs;
	return Array.from({length: to - from + 1}, (_, index) =>
		makeStreamEvent(userId, from + index, receivedAtMs, padding),
	);
}

function resume(fixture: StreamFixture, {token}: Tenant, since: string): Promise<StreamProbe> {
	return fixture.open(`/api/ws?token=${token}&since=${since}`);
}

test('a socket that resumes gets what it missed, byte for byte, then what comes', async (t) => {
	await using fixture = await StreamFixture.start();
	const [tenant, other] = [await fixture.addTenant(), await fixture.addTenant()];
	const [had, missed, later] = [
		makeEvents(tenant, 1, 99, 0, HOUR),
		makeEvents(tenant, 100, 500),
		makeEvents(tenant, 501, 510),
	];
	await fixture.events.append(makeEvents(other, 1, 100));
	await fixture.events.append([...had, ...missed]);
	const probe = await resume(fixture, tenant, missed[0]?.id ?? '');
	await probe.received(idsOf(missed.slice(1)));
	for (const event of later) await fixture.publish(event);
	await probe.received(idsOf(later));
	t.deepEqual(
		probe.texts,
		[...missed.slice(1), ...later].map(({body}) => body),
	);
	t.deepEqual(probe.ready, ['pos_500']);
});

test('a since that nobody knows is told as a gap, and the stream goes on', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probe = await resume(fixture, tenant, 'evt_gone%26');
	await eventually(() => probe.frames.length === 1);
	t.is(probe.texts[0], '{"type":"gap","from":"evt_gone&","to":null,"reason":"unknown"}');
	const [live] = makeEvents(tenant, 1, 1);
	if (live !== undefined) await fixture.publish(live);
	await eventually(() => probe.ids.length === 1);
});

test('nothing is missed by clients that come and go while events pour in', async (t) => {
	await using fixture = await StreamFixture.start();
	const [tenant, other] = [await fixture.addTenant(), await fixture.addTenant()];
	const random = createRandom(1);
	const COUNT = 3000;
	// A second apart, as far as the log can tell.
	const receivedAtMs = (index: number): number => Date.now() - 1000 * (COUNT - index);
	const makeAll = ({userId}: Tenant): readonly NewLoggedEvent[] =>
		Array.from({length: COUNT}, (_, index) => makeStreamEvent(userId, index, receivedAtMs(index)));
	const [all, foreign] = [makeAll(tenant), makeAll(other)];
	let isPouring = true;

	/** Drops its connection at random and resumes from the last event that it got and had not seen before. */
	const follow = async (): Promise<Set<string>> => {
		let last = all[0]?.id ?? '';
		const got = new Set([last]);
		while (isPouring || got.size < all.length) {
			const probe = await resume(fixture, tenant, last);
			await new Promise((resolve) => setTimeout(resolve, 5 + random() * 60));
			probe.socket.terminate();
			await probe.closed();
			t.deepEqual(probe.gaps, []);
			last = probe.ids.filter((id) => !got.has(id)).at(-1) ?? last;
			for (const id of probe.ids) got.add(id);
		}
		return got;
	};
	await fixture.events.append(all.slice(0, 1));
	const followers = [follow(), follow(), follow()];
	let unlogged: NewLoggedEvent[] = [];
	for (const [index, event] of all.entries()) {
		if (index > 0) {
			await fixture.publish(event);
			unlogged.push(event);
		}
		const stranger = foreign[index];
		if (stranger !== undefined) await fixture.publish(stranger);
		if (random() < 0.05) {
			await fixture.events.append(unlogged);
			unlogged = [];
			await new Promise((resolve) => setTimeout(resolve, random() * 10));
		}
	}
	await fixture.events.append(unlogged);
	isPouring = false;
	const expected = [...idsOf(all)].sort();
	for (const got of await Promise.all(followers)) t.deepEqual([...got].sort(), expected);
});

test('a slow client replays a log of 40 MB without being cut, and without filling memory', async (t) => {
	await using fixture = await StreamFixture.start({maxBufferedBytes: 256 * KILOBYTE});
	const tenant = await fixture.addTenant();
	const missed = makeEvents(tenant, 1, 321, 64 * KILOBYTE);
	await fixture.events.append(missed);
	const probe = await resume(fixture, tenant, missed[0]?.id ?? '');
	let [handled, reads] = [0, 0];
	probe.socket.on('message', () => {
		if (++handled % 40 !== 0) return;
		probe.socket.pause();
		setTimeout(() => {
			probe.socket.resume();
		}, 50);
	});
	await eventually(() => {
		if (probe.texts.length > 0 && reads === 0) reads = fixture.events.reads;
		return probe.texts.length === missed.length - 1;
	}, 60_000);
	t.is(reads, 4, 'the second page is read only when the first is taken');
	t.deepEqual(probe.ids, idsOf(missed.slice(1)));
	t.is(fixture.log.of('stream.client.cut').length, 0);
});

test('a client that takes nothing of its replay for 10 s is cut', async (t) => {
	const clock = new ManualClock();
	await using fixture = await StreamFixture.start({clock});
	const tenant = await fixture.addTenant();
	const missed = makeEvents(tenant, 1, 300, 64 * KILOBYTE);
	await fixture.events.append(missed);
	const probe = await resume(fixture, tenant, missed[0]?.id ?? '');
	probe.socket.pause();
	await eventually(() => fixture.events.reads >= 4);
	// The kernel takes some megabytes before the replay has to wait.
	await eventually(async () => {
		await clock.advance(10_000);
		return fixture.log.of('stream.client.cut').length === 1;
	});
	probe.socket.resume();
	t.is((await probe.closed()).code, 4008);
});

test('after a loss of the fan-out every open socket gets what was lost', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenants = await Promise.all(Array.from({length: 10}, () => fixture.addTenant()));
	const probes = await Promise.all(tenants.flatMap((tenant) => [fixture.connect(tenant), fixture.connect(tenant)]));
	const histories = tenants.map((tenant) => makeEvents(tenant, 1, 30));
	const both = async (events: readonly NewLoggedEvent[]): Promise<void> => {
		for (const event of events) await fixture.publish(event);
		await fixture.events.append(events);
	};
	for (const history of histories) await both(history.slice(0, 10));
	fixture.fanout.lose();
	for (const history of histories) await both(history.slice(10, 20));
	fixture.fanout.restore();
	for (const history of histories) await both(history.slice(20));
	for (const [index, probe] of probes.entries()) {
		const history = histories[Math.floor(index / 2)] ?? [];
		await probe.received(idsOf(history));
		t.deepEqual([...new Set(probe.ids)].sort(), [...idsOf(history)].sort());
	}
});

test('while the log is away a loss is told as a gap, and the sockets stay', async (t) => {
	await using fixture = await StreamFixture.start();
	const tenant = await fixture.addTenant();
	const probe = await fixture.connect(tenant);
	const events = makeEvents(tenant, 1, 2);
	for (const event of events.slice(0, 1)) await fixture.publish(event);
	fixture.events.isAway = true;
	fixture.fanout.restore();
	await eventually(() => probe.gaps.length === 1);
	t.deepEqual(probe.gaps, [{type: 'gap', from: events[0]?.id ?? null, to: null, reason: 'log-unavailable'}]);
	for (const event of events.slice(1)) await fixture.publish(event);
	await probe.received(idsOf(events));
});
