import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import {eventually} from '../support/eventually.ts';

export interface FanoutFixture extends AsyncDisposable {
	readonly fanout: Fanout;
	/** The end of another process; the same one where there is only one process. */
	readonly other: Fanout;
}

export interface FanoutHarness {
	start(): Promise<FanoutFixture>;
}

/** A frame that can be told from others by its id. */
export function frameOf(eventId: string = randomUUID(), body = Buffer.from(`{"id":"${eventId}"}`)): FanoutFrame {
	return {eventId, event: 'message.any', connectionId: 'c-1', body};
}

/** Keeps the frames that a subscription gets. */
export class FrameInbox {
	readonly frames: FanoutFrame[] = [];
	readonly accept = (frame: FanoutFrame): void => {
		this.frames.push(frame);
	};

	get ids(): readonly string[] {
		return this.frames.map(({eventId}) => eventId);
	}

	async arrived(count: number): Promise<void> {
		await eventually(() => {
			if (this.frames.length < count) throw new Error(`${this.frames.length} of ${count} frames arrived`);
		});
	}
}

/** What every adapter of the `Fanout` port promises. */
export function fanoutContract(test: TestFn, harness: FanoutHarness): void {
	test('a frame reaches every handler of its room, its bytes unchanged', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inboxes = [new FrameInbox(), new FrameInbox(), new FrameInbox()];
		for (const inbox of inboxes) await fixture.fanout.subscribe(room, inbox.accept);
		const everyByte = Buffer.from(Array.from({length: 256}, (_, byte) => byte));
		const sent: FanoutFrame = {eventId: 'evt_"1"\n', event: 'message.any', connectionId: 'Grüße 👋', body: everyByte};
		await fixture.fanout.publish(room, sent);

		for (const inbox of inboxes) {
			await inbox.arrived(1);
			t.deepEqual(inbox.frames, [sent]);
		}
	});

	test('a frame of another process arrives, user-level frames without a connection too', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inbox = new FrameInbox();
		await fixture.fanout.subscribe(room, inbox.accept);
		const sent = {...frameOf(), connectionId: null};
		await fixture.other.publish(room, sent);

		await inbox.arrived(1);
		t.deepEqual(inbox.frames, [sent]);
	});

	test('an empty body and one of a megabyte arrive whole', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inbox = new FrameInbox();
		await fixture.fanout.subscribe(room, inbox.accept);
		const large = frameOf('large', Buffer.alloc(1024 * 1024, '\n{}'));
		await fixture.fanout.publish(room, frameOf('empty', Buffer.alloc(0)));
		await fixture.fanout.publish(room, large);

		await inbox.arrived(2);
		t.is(inbox.frames[0]?.body.length, 0);
		t.true(inbox.frames[1]?.body.equals(large.body));
	});

	test('frames of a room arrive in the order in which they were published', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inbox = new FrameInbox();
		await fixture.fanout.subscribe(room, inbox.accept);
		const ids = Array.from({length: 1000}, (_, index) => String(index));
		await Promise.all(ids.map((id) => fixture.other.publish(room, frameOf(id))));

		await inbox.arrived(ids.length);
		t.deepEqual(inbox.ids, ids);
	});

	test('rooms do not hear each other, however alike their names', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const [mine, others] = [new FrameInbox(), new FrameInbox()];
		await fixture.fanout.subscribe(room, mine.accept);
		for (const name of [`${room}:a`, room.slice(0, -1), `${room}*`, '']) {
			await fixture.fanout.subscribe(name, others.accept);
		}
		await fixture.fanout.publish(`${room}:a`, frameOf('for another'));
		await fixture.fanout.publish(room, frameOf('for me'));

		await mine.arrived(1);
		await others.arrived(1);
		t.deepEqual(mine.ids, ['for me']);
		t.deepEqual(others.ids, ['for another']);
	});

	test('publishing to a room without handlers resolves', async (t) => {
		await using fixture = await harness.start();
		await t.notThrowsAsync(fixture.fanout.publish(randomUUID(), frameOf()));
	});

	test('a disposed subscription hears nothing more, the others of its room do', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const [leaving, staying] = [new FrameInbox(), new FrameInbox()];
		const subscription = await fixture.fanout.subscribe(room, leaving.accept);
		await fixture.fanout.subscribe(room, staying.accept);
		await fixture.fanout.publish(room, frameOf('before'));
		await leaving.arrived(1);
		await subscription[Symbol.asyncDispose]();
		await fixture.fanout.publish(room, frameOf('after'));

		await staying.arrived(2);
		t.deepEqual(leaving.ids, ['before']);
		t.deepEqual(staying.ids, ['before', 'after']);
	});

	test('a function that is subscribed twice is two subscriptions', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inbox = new FrameInbox();
		const first = await fixture.fanout.subscribe(room, inbox.accept);
		await fixture.fanout.subscribe(room, inbox.accept);
		await fixture.fanout.publish(room, frameOf('twice'));
		await inbox.arrived(2);
		await first[Symbol.asyncDispose]();
		await first[Symbol.asyncDispose]();
		await fixture.fanout.publish(room, frameOf('once'));

		await inbox.arrived(3);
		t.deepEqual(inbox.ids, ['twice', 'twice', 'once']);
	});

	test('a room that everybody left can be joined again, also while the leaving is under way', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const inbox = new FrameInbox();
		for (let round = 0; round < 5; round++) {
			const old = await fixture.fanout.subscribe(room, inbox.accept);
			await Promise.all([old[Symbol.asyncDispose](), fixture.fanout.subscribe(room, () => undefined)]).then(
				async ([, stays]) => stays[Symbol.asyncDispose](),
			);
		}
		await fixture.fanout.subscribe(room, inbox.accept);
		await fixture.fanout.publish(room, frameOf('heard'));

		await inbox.arrived(1);
		t.deepEqual(inbox.ids, ['heard']);
	});

	test('a handler that throws keeps the frame from nobody else, nor later frames from itself', async (t) => {
		await using fixture = await harness.start();
		const room = randomUUID();
		const [broken, sound] = [new FrameInbox(), new FrameInbox()];
		await fixture.fanout.subscribe(room, (frame) => {
			broken.accept(frame);
			throw new Error('handler failed');
		});
		await fixture.fanout.subscribe(room, sound.accept);
		await fixture.fanout.publish(room, frameOf('1'));
		await fixture.fanout.publish(room, frameOf('2'));

		await Promise.all([broken.arrived(2), sound.arrived(2)]);
		t.deepEqual(broken.ids, ['1', '2']);
		t.deepEqual(sound.ids, ['1', '2']);
	});

	test('many rooms are joined at once and each hears its own', async (t) => {
		await using fixture = await harness.start();
		const rooms = Array.from({length: 200}, () => randomUUID());
		const inboxes = rooms.map(() => new FrameInbox());
		await Promise.all(inboxes.map(({accept}, index) => fixture.fanout.subscribe(rooms[index] ?? '', accept)));
		await Promise.all(rooms.map((room) => fixture.other.publish(room, frameOf(room))));

		await Promise.all(inboxes.map((inbox) => inbox.arrived(1)));
		t.deepEqual(
			inboxes.map(({ids}) => ids),
			rooms.map((room) => [room]),
		);
	});
}
