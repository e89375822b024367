import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {MemoryFanout} from '../../adapters/system/memory-fanout.ts';
import {EventLog, type PullRequest, type Pulled} from '../../domain/events/event-log.ts';
import type {EventFilter, LoggedEvent} from '../../domain/ports/event-store.ts';
import type {FanoutFrame} from '../../domain/ports/fanout.ts';
import {FaultyFanout} from '../support/faulty-fanout.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleEvent} from '../support/samples.ts';
import {ScriptedEventStore} from '../support/scripted-event-store.ts';

const USER = 'a user';

class Scene {
	readonly clock = new ManualClock();
	readonly log = new RecordingLogger();
	readonly store = new ScriptedEventStore();
	readonly fanout = new FaultyFanout(new MemoryFanout({log: this.log}));
	readonly events = new EventLog({events: this.store, fanout: this.fanout, clock: this.clock, log: this.log});

	pull(changes: Partial<PullRequest> = {}): Promise<Pulled> {
		const signal = new AbortController().signal;
		return this.events.pull(USER, {after: '0', limit: 10, filter: {}, waitMs: 20_000, signal, ...changes});
	}

	/** An event reaches the log, and before it the live stream. */
	async arrive({isLogged = true, isTold = true} = {}): Promise<string> {
		const event = sampleEvent({userId: USER});
		const {id, connectionId, body} = event;
		const frame: FanoutFrame = {eventId: id, event: event.event, connectionId, body: Buffer.from(body)};
		if (isTold) await this.fanout.publish(USER, frame);
		if (isLogged) await this.store.append([event]);
		return id;
	}
}

async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await setImmediate();
}

test('who waits is woken by the live stream, within some milliseconds', async (t) => {
	const scene = new Scene();
	const pulling = scene.pull();
	await scene.clock.advance(300);
	const id = await scene.arrive();
	await scene.clock.advance(60);
	t.deepEqual(
		(await pulling).events.map((event) => event.id),
		[id],
	);
});

test('an event that the stream lost, or that the log has later, comes with the next look, a second later', async (t) => {
	for (const arrival of [{isTold: false}, {isLogged: false}]) {
		const scene = new Scene();
		const pulling = scene.pull();
		await scene.clock.advance(300);
		await scene.arrive(arrival);
		await scene.clock.advance(100);
		if (arrival.isLogged === false) await scene.arrive({isTold: false});
		await scene.clock.advance(1000);
		t.is((await pulling).events.length, 1);
	}
});

test('while nothing comes the store is looked at once a second for all who wait for a user', async (t) => {
	const scene = new Scene();
	const pulls = Array.from({length: 20}, () => scene.pull());
	await settle();
	const before = scene.store.reads;
	await scene.clock.advance(10_000);
	t.true(scene.store.reads - before <= 11, `${scene.store.reads - before} reads in ten seconds`);
	await scene.clock.advance(11_000);
	for (const {events, next} of await Promise.all(pulls)) t.deepEqual([events, next], [[], '0']);
});

test('a storm of frames does not become a storm of looks', async (t) => {
	const scene = new Scene();
	const pulling = scene.pull();
	await settle();
	const before = scene.store.reads;
	for (let count = 0; count < 500; count++) {
		await scene.arrive({isLogged: false});
		await scene.clock.advance(2);
	}
	t.true(scene.store.reads - before <= 6, `${scene.store.reads - before} reads in a second`);
	await scene.clock.advance(20_000);
	await pulling;
});

test('a wait ends when the client goes, and nothing of it is left', async (t) => {
	const scene = new Scene();
	const client = new AbortController();
	const pulling = scene.pull({signal: client.signal});
	await scene.clock.advance(300);
	t.true(scene.clock.timers > 0);
	client.abort();
	t.deepEqual((await pulling).events, []);
	await settle();
	t.is(scene.clock.timers, 0);
	const reads = scene.store.reads;
	await scene.arrive();
	await scene.clock.advance(5000);
	t.is(scene.store.reads, reads, 'nobody listens any more');
});

test('a client that is gone already waits for nothing', async (t) => {
	const scene = new Scene();
	t.deepEqual((await scene.pull({signal: AbortSignal.abort()})).events, []);
	await settle();
	t.is(scene.clock.timers, 0);
});

test('without the live stream, or with a store that fails in between, a wait still gets its event', async (t) => {
	const scene = new Scene();
	scene.fanout.away = true;
	const pulling = scene.pull();
	await scene.clock.advance(1500);
	t.is(scene.log.of('events.subscribe.failed').length, 1);
	scene.store.isAway = true;
	await scene.clock.advance(3000);
	t.true(scene.log.of('events.look.failed').length >= 2);
	scene.store.isAway = false;
	await scene.arrive({isTold: false});
	await scene.clock.advance(1100);
	t.is((await pulling).events.length, 1);
});

test('when the process ends, whoever waits is answered, and nobody begins to', async (t) => {
	const scene = new Scene();
	const pulling = scene.pull();
	await scene.clock.advance(300);
	await scene.events[Symbol.asyncDispose]();
	t.deepEqual((await pulling).events, []);
	t.deepEqual((await scene.pull()).events, []);
	await settle();
	t.is(scene.clock.timers, 0);
});

/** A log that kept nothing of its first five events, and gets its sixth right after each look for what a filter lets pass. */
class EmptiedEventStore extends ScriptedEventStore {
	override lastSeq(): Promise<number> {
		return Promise.resolve(5);
	}

	override listAfter(
		_userId: string,
		_afterSeq: number,
		_limit: number,
		filter?: EventFilter,
	): Promise<readonly LoggedEvent[]> {
		return Promise.resolve(filter === undefined ? [{...sampleEvent({userId: USER}), seq: 6}] : []);
	}
}

test('a filtered pull does not go on behind an event that came after its look', async (t) => {
	const {clock, log, fanout} = new Scene();
	const events = new EventLog({events: new EmptiedEventStore(), fanout, clock, log});
	const signal = new AbortController().signal;
	const request = {after: '0', limit: 10, filter: {event: 'message'}, waitMs: 0, signal};
	t.deepEqual(await events.pull(USER, request), {events: [], next: '0'});
});
