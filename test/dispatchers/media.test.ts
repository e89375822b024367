import {randomBytes, randomUUID} from 'node:crypto';
import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {EngineError} from '../../domain/errors.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {readAll} from '../support/media-content.ts';
import {MediaEngine} from '../support/media-engine.ts';

const BASE = 'http://localhost:3000/api/files/session';
const MINUTE_MS = 60_000;
const REFUSED = new EngineError('ENGINE_UNAVAILABLE', 'The WhatsApp engine does not answer');

interface Fixture extends AsyncDisposable {
	readonly harness: DispatchHarness;
	readonly engine: MediaEngine;
	readonly connection: Connection;
	/** Starts the role and lets its events settle. */
	handle(...events: readonly PreparedEvent[]): Promise<void>;
	/** An event with this file. */
	eventWith(url: string, changes?: {media?: object; payload?: object; event?: string}): PreparedEvent;
	stored(filename: string): Promise<string>;
}

async function create(): Promise<Fixture> {
	const engine = new MediaEngine();
	const harness = await DispatchHarness.create({workers: [{worker: engine.worker, engine: engine.engine}]});
	const connection = await harness.createConnection({workerId: engine.worker.id, status: 'connected'});
	const {media} = harness.topology.queues;
	let isStarted = false;
	return {
		harness,
		engine,
		connection,
		async handle(...events) {
			for (const event of events) await harness.publisher.event(event);
			if (!isStarted) await harness.startRoles('media');
			isStarted = true;
			await harness.until(() => harness.queued(media).length === 0);
		},
		eventWith: (url, {media: about, payload, event = 'message'} = {}) =>
			harness.eventOf(connection, {
				event,
				payload: {
					id: 'false_15550001111@c.us_3EB0',
					hasMedia: true,
					media: {url, mimetype: 'image/jpeg', filename: null, ...about},
					...payload,
				},
			}),
		stored: async (filename) =>
			(await readAll(await harness.media.open({connectionId: connection.id, filename}))).toString(),
		[Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
	};
}

test('the file of an event is in the store under the name of its link, with what the event says of it', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.serve(`${BASE}/3EB0.pdf`, Buffer.from('content'), {contentType: 'text/html'});
	const about = {mimetype: 'application/pdf', filename: '../Счёт № 15\r\n.pdf'};
	await fixture.handle(fixture.eventWith(`${BASE}/3EB0.pdf?key=secret`, {media: about}));
	t.like(await harness.media.find({connectionId: connection.id, filename: '3EB0.pdf'}), {state: 'missing'});

	engine.serve(`${BASE}/3EB0.pdf?key=secret`, Buffer.from('content'), {contentType: 'text/html'});
	await fixture.handle(fixture.eventWith(`${BASE}/3EB0.pdf?key=secret`, {media: about}));
	t.is(await fixture.stored('3EB0.pdf'), 'content');
	t.like(await harness.media.find({connectionId: connection.id, filename: '3EB0.pdf'}), {
		state: 'stored',
		contentType: 'application/pdf',
		displayName: 'Счёт № 15.pdf',
		sizeBytes: 7,
	});
	t.is(engine.transfers, 0);
});

test('a link with percent-encoded characters is stored under the name that a route will see', async (t) => {
	await using fixture = await create();
	const url = `${BASE}/true_1555%40c.us_3EB0%20%C3%BC.jpeg`;
	fixture.engine.serve(url, Buffer.from('content'));
	await fixture.handle(fixture.eventWith(url));
	t.is(await fixture.stored('true_1555@c.us_3EB0 ü.jpeg'), 'content');
});

test('a name that no route takes is left out, and the other files of the event are copied', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	const urls = ['a%2F..%2Fb.jpeg', '%E0%A4%A.jpeg', 'good.jpeg'].map((name) => `${BASE}/${name}`);
	const [first = '', second = '', third = ''] = urls;
	for (const url of urls) engine.serve(url, Buffer.from('content'));
	const nested = {replyTo: {id: '3EB1', media: {url: second}}, after: {media: {url: third}}};
	await fixture.handle(fixture.eventWith(first, {payload: nested}));
	t.is(await fixture.stored('good.jpeg'), 'content');
	t.is(harness.log.of('media.name.invalid').length, 2);
	t.deepEqual(await harness.deadLetters(), []);
});

test('all files of an event are copied, nested ones with their own types', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	for (const name of ['own.jpeg', 'quoted.webp', 'before.mp4']) engine.serve(`${BASE}/${name}`, Buffer.from(name));
	const nested = {
		replyTo: {id: '3EB1', media: {url: `${BASE}/quoted.webp`, mimetype: 'image/webp', filename: 'sticker.webp'}},
		before: {id: 'true_1@c.us_3EB2', media: {url: `${BASE}/before.mp4`, mimetype: 'no media type'}},
	};
	await fixture.handle(fixture.eventWith(`${BASE}/own.jpeg`, {payload: nested}));
	const found = await Promise.all(
		['own.jpeg', 'quoted.webp', 'before.mp4'].map((filename) =>
			harness.media.find({connectionId: connection.id, filename}),
		),
	);
	t.like(found[0], {contentType: 'image/jpeg', displayName: null});
	t.like(found[1], {contentType: 'image/webp', displayName: 'sticker.webp'});
	t.like(found[2], {contentType: 'video/mp4', displayName: null}, 'by its name, where nobody tells');
});

test('two events with one file, at once and later, copy it once', async (t) => {
	await using fixture = await create();
	const {engine} = fixture;
	const url = `${BASE}/3EB0.jpeg`;
	engine.serve(url, randomBytes(200_000));
	await fixture.handle(fixture.eventWith(url), fixture.eventWith(url, {event: 'message.any'}));
	await fixture.handle(fixture.eventWith(url));
	t.deepEqual(engine.calls, [`open ${url}`]);
});

test('an event without files does not get here, and neither does one of a user', async (t) => {
	await using fixture = await create();
	const {harness, connection, engine} = fixture;
	await harness.publisher.event(harness.eventOf(connection, {payload: {body: 'hi', hasMedia: false, media: null}}));
	t.is(harness.queued(harness.topology.queues.media).length, 0);
	await fixture.handle({...fixture.eventWith(`${BASE}/a.jpeg`), connectionId: null});
	t.deepEqual(engine.calls, []);
});

test('a file that is not to be had is tried five times over a minute and a half, then noted with the reason', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.failure = REFUSED;
	const key = {connectionId: connection.id, filename: 'a.jpeg'};
	await fixture.handle(fixture.eventWith(`${BASE}/a.jpeg`));
	const tries = async (ms: number): Promise<number> => {
		await harness.wind(ms);
		return engine.calls.length;
	};
	t.is(await tries(0), 1);
	t.is(await tries(3000), 2);
	t.is(await tries(12_000), 3);
	t.is(await tries(22_000), 4);
	const missing = {
		state: 'missing',
		reason: 'The file could not be fetched when it came: The WhatsApp engine does not answer',
	} as const;
	const yet = await harness.media.find(key);
	t.like(yet, missing);
	const retryInMs = Number(yet?.state === 'missing' && yet.retryAt) - harness.clock.now();
	t.true(retryInMs > 0 && retryInMs <= 60_000, `not given up yet: tried again in ${retryInMs} ms`);
	t.is(await tries(64_000), 5);
	const {at, ...note} = {at: undefined, ...(await harness.media.find(key))};
	t.deepEqual(note, missing);
	t.truthy(at);
	t.is(await tries(10 * MINUTE_MS), 5);
	t.is(harness.waiting, 0);
	t.is(harness.log.of('media.missing').length, 1);
	t.deepEqual(await harness.deadLetters(), []);
});

test('a file that comes in time is stored, whatever went wrong before', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	const url = `${BASE}/a.jpeg`;
	const half = randomBytes(100_000);
	async function* broken(): AsyncGenerator<Uint8Array> {
		yield half;
		await Promise.resolve();
		throw new Error('socket hang up at 10.0.0.7');
	}
	const faults = [
		() => (engine.failure = REFUSED),
		() => {
			engine.serve(url, half, {content: broken()});
		},
		() => {
			engine.serve(url, Buffer.alloc(0), {sizeBytes: null});
		},
		() => {
			engine.serve(url, half.subarray(1), {sizeBytes: half.length});
		},
	];
	faults[0]?.();
	await fixture.handle(fixture.eventWith(url, {payload: {id: '3EB0'}}));
	for (const [index, waitMs] of [3000, 12_000, 22_000, 64_000].entries()) {
		t.is(engine.calls.length, index + 1);
		t.deepEqual(harness.media.filenames, []);
		engine.failure = undefined;
		engine.serve(url, half);
		faults[index + 1]?.();
		await harness.wind(waitMs);
	}
	t.is(engine.calls.length, 5);
	t.deepEqual(await readAll(await harness.media.open({connectionId: fixture.connection.id, filename: 'a.jpeg'})), half);
	t.is(engine.transfers, 0);
});

test('what a transfer that broke off says of our network is not in the note', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.failure = new Error('connect ECONNREFUSED 10.0.0.7:3000');
	await fixture.handle(fixture.eventWith(`${BASE}/a.jpeg`));
	await harness.wind(2 * MINUTE_MS);
	t.like(await harness.media.find({connectionId: connection.id, filename: 'a.jpeg'}), {
		reason: 'The file could not be fetched when it came: the transfer broke off',
	});
});

test('a file that the engine has forgotten is fetched again by its message', async (t) => {
	await using fixture = await create();
	const {engine} = fixture;
	engine.serve('false_15550001111@c.us_3EB0', Buffer.from('again'));
	await fixture.handle(fixture.eventWith(`${BASE}/a.jpeg`));
	t.deepEqual(engine.calls, [`open ${BASE}/a.jpeg`, 'openOfMessage false_15550001111@c.us_3EB0']);
	t.is(await fixture.stored('a.jpeg'), 'again', 'under the name of its link');
});

test('the file of a quoted message cannot be fetched again: its id is not whole', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	const payload = {media: null, replyTo: {id: '3EB1', media: {url: `${BASE}/quoted.jpeg`}}};
	await fixture.handle(fixture.eventWith('', {payload}));
	await harness.wind(2 * MINUTE_MS);
	t.deepEqual(new Set(engine.calls), new Set([`open ${BASE}/quoted.jpeg`]));
	t.like(await harness.media.find({connectionId: connection.id, filename: 'quoted.jpeg'}), {state: 'missing'});
});

test('a file that is too large is noted at once, whether the engine says so or it turns out, and not read to its end', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	const maxBytes = harness.container.resolve(TOKENS.config).mediaMaxFileBytes;
	const chunk = Buffer.alloc(1024 * 1024);
	let read = 0;
	async function* endless(): AsyncGenerator<Uint8Array> {
		for (;;) {
			read += chunk.length;
			yield await Promise.resolve(chunk);
		}
	}
	engine.serve(`${BASE}/told.mp4`, chunk, {sizeBytes: maxBytes + 1});
	await fixture.handle(fixture.eventWith(`${BASE}/told.mp4`));
	engine.serve(`${BASE}/endless.mp4`, chunk, {sizeBytes: null, content: endless()});
	await fixture.handle(fixture.eventWith(`${BASE}/endless.mp4`));
	for (const filename of ['told.mp4', 'endless.mp4']) {
		t.like(await harness.media.find({connectionId: connection.id, filename}), {
			state: 'missing',
			reason: 'The file is larger than 200 MB, which is the most that is kept',
		});
	}
	t.is(read, maxBytes + chunk.length);
	t.is(engine.calls.length, 2);
	t.is(harness.waiting, 0);
	t.is(engine.transfers, 0);
});

test('an engine that has no files says so at once', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.failure = new EngineError('NOT_SUPPORTED', 'This engine has no files');
	await fixture.handle(fixture.eventWith(`${BASE}/a.jpeg`));
	t.is(harness.waiting, 0);
	t.like(await harness.media.find({connectionId: connection.id, filename: 'a.jpeg'}), {state: 'missing'});
});

test('of two files one may fail: only that one is tried again', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	engine.serve(`${BASE}/good.jpeg`, Buffer.from('good'));
	const payload = {replyTo: {id: '3EB1', media: {url: `${BASE}/late.jpeg`}}};
	await fixture.handle(fixture.eventWith(`${BASE}/good.jpeg`, {payload}));
	t.is(await fixture.stored('good.jpeg'), 'good');
	engine.serve(`${BASE}/late.jpeg`, Buffer.from('late'));
	await harness.wind(5000);
	t.is(await fixture.stored('late.jpeg'), 'late');
	t.deepEqual(engine.calls, [`open ${BASE}/good.jpeg`, `open ${BASE}/late.jpeg`, `open ${BASE}/late.jpeg`]);
});

test('a connection that was deleted, before or meanwhile, has no files any more', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	const deleted = await harness.createConnection({workerId: engine.worker.id});
	await harness.stores.connectionStore.markDeleted(deleted.id, new Date());
	const owner = {userId: deleted.userId, connectionId: deleted.id};
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	await fixture.handle(
		{...fixture.eventWith(`${BASE}/a.jpeg`), ...owner},
		{...fixture.eventWith(`${BASE}/a.jpeg`), connectionId: randomUUID()},
	);
	t.deepEqual(engine.calls, []);

	const rest = Promise.withResolvers<Buffer>();
	async function* slow(): AsyncGenerator<Uint8Array> {
		yield Buffer.from('one');
		yield await rest.promise;
	}
	engine.serve(`${BASE}/b.jpeg`, Buffer.from('onetwo'), {content: slow()});
	await harness.publisher.event(fixture.eventWith(`${BASE}/b.jpeg`));
	await harness.until(() => engine.calls.length === 1);
	await harness.stores.connectionStore.markDeleted(connection.id, new Date());
	rest.resolve(Buffer.from('two'));
	await harness.until(() => harness.queued(harness.topology.queues.media).length === 0);
	t.deepEqual(harness.media.filenames, []);
	t.is(harness.waiting, 0);
});

test('a connection that no worker holds is tried like any other', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	const connection = await harness.createConnection({workerId: null});
	const owner = {userId: connection.userId, connectionId: connection.id};
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	await fixture.handle({...fixture.eventWith(`${BASE}/a.jpeg`), ...owner});
	await harness.stores.connectionStore.assign(connection.id, engine.worker.id, 'NOWEB', new Date());
	await harness.wind(5000);
	t.like(await harness.media.find({connectionId: connection.id, filename: 'a.jpeg'}), {state: 'stored'});
});

test('while the disk is away events wait, and no try is lost', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	harness.media.away = true;
	await fixture.handle(fixture.eventWith(`${BASE}/a.jpeg`));
	await harness.wind(5 * MINUTE_MS);
	t.is(engine.calls.length, 0);
	harness.media.away = false;
	await harness.wind(6 * MINUTE_MS);
	t.like(await harness.media.find({connectionId: connection.id, filename: 'a.jpeg'}), {state: 'stored'});
	t.deepEqual(await harness.deadLetters(), []);
});

test('while the store of connections is away events are held', async (t) => {
	await using fixture = await create();
	const {harness, engine, connection} = fixture;
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	harness.storeFaults.mode = 'away';
	await harness.publisher.event(fixture.eventWith(`${BASE}/a.jpeg`));
	await harness.startRoles('media');
	await harness.wind(MINUTE_MS);
	t.is(engine.calls.length, 0);
	harness.storeFaults.mode = 'working';
	await harness.wind(MINUTE_MS);
	t.like(await harness.media.find({connectionId: connection.id, filename: 'a.jpeg'}), {state: 'stored'});
});

test('sixteen transfers run at once, and no more', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	const gate = Promise.withResolvers<undefined>();
	let running = 0;
	let peak = 0;
	for (let index = 0; index < 40; index++) {
		engine.script(`${BASE}/${index}.jpeg`, () => ({
			contentType: 'image/jpeg',
			sizeBytes: 1,
			content: (async function* () {
				peak = Math.max(peak, ++running);
				await gate.promise;
				running--;
				yield Buffer.from('x');
			})(),
		}));
		await harness.publisher.event(fixture.eventWith(`${BASE}/${index}.jpeg`));
	}
	await harness.startRoles('media');
	await harness.until(() => running === 16);
	await harness.wind(1000);
	gate.resolve(undefined);
	await harness.until(() => harness.queued(harness.topology.queues.media).length === 0);
	t.is(peak, 16);
	t.is(harness.media.filenames.filter((name) => name.endsWith('.jpeg')).length, 40);
});

test('a transfer that takes too long is broken off and counts as a try', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	engine.script(`${BASE}/a.jpeg`, hanging);
	await harness.publisher.event(fixture.eventWith(`${BASE}/a.jpeg`));
	await harness.startRoles('media');
	await harness.until(() => engine.transfers === 1);
	await harness.wind(5 * MINUTE_MS);
	await harness.until(() => harness.waiting === 1 || engine.calls.length > 1);
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	await harness.wind(6 * MINUTE_MS);
	t.is(await fixture.stored('a.jpeg'), 'content');
});

test('a process that stops breaks its transfers off; another one does them', async (t) => {
	await using fixture = await create();
	const {harness, engine} = fixture;
	engine.script(`${BASE}/a.jpeg`, hanging);
	await harness.publisher.event(fixture.eventWith(`${BASE}/a.jpeg`));
	const dispatchers = await harness.startRoles('media');
	await harness.until(() => engine.transfers === 1);
	await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
	t.is(engine.transfers, 0);
	t.is(harness.queued(harness.topology.queues.media).length, 1, 'not counted as a try');
	engine.serve(`${BASE}/a.jpeg`, Buffer.from('content'));
	await harness.startRoles('media');
	await harness.until(() => harness.queued(harness.topology.queues.media).length === 0);
	t.is(await fixture.stored('a.jpeg'), 'content');
});

test('an envelope that is no JSON goes to the dead letters', async (t) => {
	await using fixture = await create();
	await fixture.handle({...fixture.eventWith(`${BASE}/a.jpeg`), body: Buffer.from('{"payload":')});
	t.deepEqual(await fixture.harness.deadLetters(), []);
	const letters = fixture.harness.queued(fixture.harness.topology.queues.dead);
	t.is(letters.length, 1);
});

/** A transfer that ends by its signal only. */
function hanging(signal: AbortSignal): {contentType: string; sizeBytes: null; content: AsyncIterable<Uint8Array>} {
	const content = (async function* () {
		yield Buffer.from('one');
		await new Promise((_resolve, reject) => {
			signal.addEventListener('abort', () => {
				reject(new EngineError('ENGINE_TIMEOUT', 'it was called off'));
			});
		});
	})();
	return {contentType: 'image/jpeg', sizeBytes: null, content};
}
