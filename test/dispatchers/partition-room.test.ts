import test from 'ava';
import {PartitionRoom, type Seat} from '../../dispatchers/webhook/partition-room.ts';
import {ManualClock} from '../support/manual-clock.ts';

let seats = 0;

function seat(webhookId: string, chatId = `chat-${seats}`): Seat {
	return {webhookId, chatId, deliveryId: `dlv_${seats++}`};
}

/** Fills the room with as many of one webhook as it takes. */
function fill(room: PartitionRoom, webhookId: string): readonly Seat[] {
	const taken: Seat[] = [];
	for (;;) {
		const next = seat(webhookId);
		if (room.enter(next) !== undefined) return taken;
		taken.push(next);
	}
}

test('one webhook gets half of the room, nine a tenth each, and another one always finds a place', (t) => {
	const clock = new ManualClock();
	t.is(fill(new PartitionRoom({clock, capacity: 400}), 'a').length, 200);

	const room = new PartitionRoom({clock, capacity: 400});
	const names = Array.from({length: 9}, (_, index) => `hanging-${index}`);
	// One after the other they take what they can, and give back what is more than the others have.
	const counts = new Map(names.map((name) => [name, 0]));
	for (let round = 0; round < 400; round++) {
		for (const name of names) {
			if (room.enter(seat(name)) === undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
		}
	}
	t.true(
		[...counts.values()].every((count) => count >= 39 && count <= 41),
		[...counts.values()].join(),
	);
	t.is(room.enter(seat('healthy')), undefined);
});

test('what is sent away comes back after 5 s at the earliest, one after the other at the pace of its webhook, within half an hour', async (t) => {
	const clock = new ManualClock();
	const room = new PartitionRoom({clock, capacity: 20});
	const taken = fill(room, 'a');
	const now = clock.now();
	const first = room.enter(seat('a'))?.untilMs ?? 0;
	t.true(first >= now + 5000 && first < now + 6000);
	for (const each of taken.slice(1)) {
		await clock.advance(1000);
		room.leave(each);
	}
	for (let round = 0; round < 5; round++) fill(room, 'a');
	const slots = Array.from({length: 10_000}, () => room.enter(seat('a'))?.untilMs ?? 0);
	const gap = (slots[1] ?? 0) - (slots[0] ?? 0);
	t.true(gap > 100 && gap < 1000, `${gap} ms between two, for one that takes a second each`);
	t.is(slots.at(-1), clock.now() + 30 * 60_000);
});

test('what comes after a delivery of its chat that is away goes away too, and they return in their order', async (t) => {
	const clock = new ManualClock();
	const room = new PartitionRoom({clock, capacity: 20});
	const taken = fill(room, 'a');
	const [first, second, third] = [seat('a', 'hot'), seat('a', 'hot'), seat('a', 'hot')];
	t.not(room.enter(first), undefined);
	t.not(room.enter(second), undefined);
	for (const each of taken) room.leave(each);
	// There is room now, but not for those who would overtake.
	t.not(room.enter(third), undefined);
	t.not(room.enter(second), undefined);
	t.is(room.enter(seat('a', 'other')), undefined);
	await clock.advance(5000);
	t.is(room.enter(first), undefined);
	t.not(room.enter(third), undefined);
	t.is(room.enter(second), undefined);
	t.is(room.enter(third), undefined);
	t.is(room.enter(seat('a', 'hot')), undefined);
});

test('a chat does not wait for ever for a delivery that was sent away and never returned', async (t) => {
	const clock = new ManualClock();
	const room = new PartitionRoom({clock, capacity: 20});
	const taken = fill(room, 'a');
	const lost = seat('a', 'hot');
	const untilMs = room.enter(lost)?.untilMs ?? 0;
	for (const each of taken) room.leave(each);
	await clock.advance(untilMs - clock.now() + 59_000);
	const next = seat('a', 'hot');
	t.not(room.enter(next), undefined);
	await clock.advance(1000);
	t.is(room.enter(next), undefined);
});

test('more than 10,000 deliveries away are not remembered', (t) => {
	const room = new PartitionRoom({clock: new ManualClock(), capacity: 2});
	const [inside] = fill(room, 'a');
	// With the one that filled it.
	for (let index = 1; index < 10_000; index++) room.enter(seat('a', `chat ${index}`));
	room.enter(seat('a', 'forgotten'));
	room.leave(inside ?? t.fail());
	t.not(room.enter(seat('a', 'chat 9999')), undefined);
	t.is(room.enter(seat('a', 'forgotten')), undefined);
});

test('10,000 deliveries away that never return are forgotten when they are a minute late, and others are remembered again', async (t) => {
	const clock = new ManualClock();
	const room = new PartitionRoom({clock, capacity: 2});
	const [inside] = fill(room, 'a');
	let lastMs = 0;
	for (let index = 0; index < 10_000; index++) lastMs = room.enter(seat('a', `chat ${index}`))?.untilMs ?? 0;
	await clock.advance(lastMs - clock.now() + 60_000);
	t.not(room.enter(seat('a', 'hot')), undefined);
	room.leave(inside ?? t.fail());
	t.not(room.enter(seat('a', 'hot')), undefined, 'it waits for the one before it');
});
