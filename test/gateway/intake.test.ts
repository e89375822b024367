import {once} from 'node:events';
import {request, type ClientRequest, type IncomingMessage} from 'node:http';
import test from 'ava';
import {OverloadedError, RateLimitedError} from '../../gateway/http/http-errors.ts';
import {FOR_STRANGERS, Intake, type ArrivingBody} from '../../gateway/http/intake.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {WritingFixture} from '../support/writing-fixture.ts';

const PLACES = 16;
const CHAT = '15550110000@c.us';

test('what comes beyond a sender’s places waits for one, in order', async (t) => {
	const intake = new Intake({clock: new ManualClock(), perSender: 1});
	const first = await intake.enter('a');
	const entered: string[] = [];
	const later = ['b', 'c'].map(async (name) => {
		using _place = await intake.enter('a');
		entered.push(name);
	});
	using _other = await intake.enter('somebody else');
	t.deepEqual(entered, []);
	first[Symbol.dispose]();
	first[Symbol.dispose]();
	await Promise.all(later);
	t.deepEqual(entered, ['b', 'c']);
});

test('all together have a bound, and whoever waits for 5 s is refused', async (t) => {
	const clock = new ManualClock();
	const intake = new Intake({clock, inAll: 2});
	const places = [await intake.enter('a'), await intake.enter('b')];
	const refused = t.throwsAsync(intake.enter('c'), {instanceOf: RateLimitedError});
	await clock.advance(5000);
	await refused;
	places[0]?.[Symbol.dispose]();
	t.truthy(await intake.enter('c'), 'the refused one has left the queue');
});

/** A body that comes at a rate of its own from `clock`'s now on, until it is cut. */
class SteadyBody implements ArrivingBody {
	readonly #clock: ManualClock;
	readonly #beganAtMs: number;
	readonly #bytesPerSecond: number;
	isCut = false;

	constructor(clock: ManualClock, bytesPerSecond: number) {
		this.#clock = clock;
		this.#beganAtMs = clock.now();
		this.#bytesPerSecond = bytesPerSecond;
	}

	receivedBytes(): number {
		return ((this.#clock.now() - this.#beganAtMs) / 1000) * this.#bytesPerSecond;
	}

	cut(): void {
		this.isCut = true;
	}
}

test('the slowest of the bodies that are too slow loses its place to whoever comes; the others go on', async (t) => {
	const clock = new ManualClock();
	const intake = new Intake({clock, perSender: 3, ...FOR_STRANGERS});
	const bodies = [1_000_000, 10, 1000].map((bytesPerSecond) => new SteadyBody(clock, bytesPerSecond));
	for (const body of bodies) await intake.enter('a', body);
	await clock.advance(10_000);
	t.deepEqual(
		bodies.map(({isCut}) => isCut),
		[false, false, false],
		'while nobody waits, slowness harms nobody',
	);
	using _b = await intake.enter('b', new SteadyBody(clock, 0));
	t.deepEqual(
		bodies.map(({isCut}) => isCut),
		[false, false, false],
		'another sender is not kept out by them',
	);
	using _first = await intake.enter('a');
	t.deepEqual(
		bodies.map(({isCut}) => isCut),
		[false, true, false],
	);
	using _second = await intake.enter('a');
	t.deepEqual(
		bodies.map(({isCut}) => isCut),
		[false, true, true],
	);
	const refused = t.throwsAsync(intake.enter('a'), {instanceOf: OverloadedError});
	await clock.advance(4000);
	await refused;
	t.false(bodies[0]?.isCut, 'what comes fast enough is never broken off');
});

test('where all places are taken, slow bodies of anybody give way', async (t) => {
	const clock = new ManualClock();
	const intake = new Intake({clock, perSender: 2, inAll: 3, ...FOR_STRANGERS});
	const bodies = ['a', 'a', 'b'].map((sender, index) => ({sender, body: new SteadyBody(clock, index)}));
	for (const {sender, body} of bodies) await intake.enter(sender, body);
	await clock.advance(1000);
	using _place = await intake.enter('c');
	t.deepEqual(
		bodies.map(({body}) => body.isCut),
		[true, false, false],
	);
});

test('a body is not slow in its first second: who waits gets its place after that, before his patience ends', async (t) => {
	const clock = new ManualClock();
	const intake = new Intake({clock, perSender: 1, ...FOR_STRANGERS});
	const dawdler = new SteadyBody(clock, 1);
	await intake.enter('a', dawdler);
	let entered = false;
	const waiting = intake.enter('a').then((place) => {
		entered = true;
		return place;
	});
	await clock.advance(900);
	t.deepEqual([entered, dawdler.isCut], [false, false]);
	await clock.advance(400);
	t.deepEqual([entered, dawdler.isCut], [true, true]);
	using _place = await waiting;
	t.is(clock.timers, 0, 'nobody waits: nothing is looked at any more');
});

test('however many dawdlers wait, the one of whose body most has come is next', async (t) => {
	const clock = new ManualClock();
	const intake = new Intake({clock, perSender: 1, ...FOR_STRANGERS});
	await intake.enter('a', new SteadyBody(clock, 0));
	const entered: string[] = [];
	const enter = async (name: string, bytesPerSecond: number): Promise<void> => {
		using _place = await intake.enter('a', new SteadyBody(clock, bytesPerSecond));
		entered.push(name);
	};
	const all = [enter('first', 1), enter('second', 1), enter('worker', 60_000), enter('third', 1)];
	await clock.advance(1250);
	await Promise.all(all);
	t.deepEqual(entered, ['worker', 'first', 'second', 'third']);
});

/** Begins a request with a body of 1 MB and stops in the middle of it. */
async function dawdle(fixture: WritingFixture, route: string, token = fixture.tenant.token): Promise<ClientRequest> {
	const dawdler = request(`${fixture.url}/api/connections/${fixture.connectionId}/${route}`, {
		method: 'POST',
		headers: {authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 1_000_000},
	});
	dawdler.on('error', () => undefined);
	dawdler.write(`{"chatId":"${CHAT}","data":"${'A'.repeat(100_000)}`);
	await once(dawdler, 'socket');
	return dawdler;
}

for (const route of ['send-image', 'send']) {
	test(`bodies for ${route} that never end keep nobody but their sender waiting, whatever tokens they use`, async (t) => {
		await using fixture = await WritingFixture.create();
		const {gateway, tenant} = fixture;
		const another = await gateway.addToken(tenant, {});
		const dawdlers = await Promise.all(
			Array.from({length: PLACES + 1}, (_, index) =>
				dawdle(fixture, route, index % 2 === 0 ? tenant.token : another.token),
			),
		);
		const [refused] = (await Promise.race(dawdlers.map((dawdler) => once(dawdler, 'response')))) as [
			{statusCode: number; headers: Record<string, string>},
		];
		t.is(refused.statusCode, 429);
		t.is(refused.headers['retry-after'], '5');
		const stranger = await gateway.createTenant();
		const large = {chatId: CHAT, text: 'x', padding: 'x'.repeat(100_000)};
		const {status} = await fetch(`${fixture.url}/api/connections/${fixture.connectionId}/${route}`, {
			method: 'POST',
			headers: {authorization: `Bearer ${stranger.token}`, 'content-type': 'application/json'},
			body: JSON.stringify(large),
		});
		t.is(status, 403, 'a stranger is answered');
		const created = await fetch(`${fixture.url}/api/tokens`, {
			method: 'POST',
			headers: {authorization: `Bearer ${stranger.token}`, 'content-type': 'application/json'},
			body: JSON.stringify({name: 'x', padding: 'x'.repeat(100_000)}),
		});
		t.is(created.status, 201, 'his large bodies are read');
		for (const dawdler of dawdlers) dawdler.destroy();
		const own = await eventually(async () => {
			const response = await fixture.post(route, {...large, data: 'QUJD'});
			return response.status === 201 && response;
		});
		t.is(own.status, 201, 'places are free again');
		await eventually(() => fixture.media.filenames.length <= 1);
		t.pass('nothing is left of what was broken off');
	});
}

test('unsigned events that never end take bounded memory, and keep no event of usual size waiting', async (t) => {
	await using fixture = await WritingFixture.create();
	const {gateway} = fixture;
	const {sessionName: session} = (await gateway.stores.connectionStore.find(fixture.connectionId)) ?? {sessionName: ''};
	const path = `${gateway.url}/api/events/waha/simulator/${session}`;
	const dawdlers = Array.from({length: 9}, () => {
		const headers = {'x-webhook-hmac': 'a'.repeat(128), 'content-length': 10_000_000};
		const dawdler = request(path, {method: 'POST', headers});
		dawdler.on('error', () => undefined);
		dawdler.write('{'.repeat(1_000_000));
		return dawdler;
	});
	const [refused] = (await Promise.race(dawdlers.map((dawdler) => once(dawdler, 'response')))) as [IncomingMessage];
	t.is(refused.statusCode, 503);
	t.is(refused.headers['retry-after'], '5');
	const event = JSON.stringify({id: 'evt_1', session, event: 'message', payload: {body: 'x'}});
	t.is((await gateway.ingest(session, event)).status, 201);
	for (const dawdler of dawdlers) dawdler.destroy();
});

test('unsigned events that hardly come at all keep no large event of a worker out', async (t) => {
	await using fixture = await WritingFixture.create();
	const {gateway} = fixture;
	const {sessionName: session} = (await gateway.stores.connectionStore.find(fixture.connectionId)) ?? {sessionName: ''};
	const path = `${gateway.url}/api/events/waha/simulator/${session}`;
	const dawdlers = Array.from({length: 40}, () => {
		const headers = {'x-webhook-hmac': 'a'.repeat(128), 'content-length': 19_000_000};
		const dawdler = request(path, {method: 'POST', headers});
		dawdler.on('error', () => undefined);
		dawdler.write('{');
		return dawdler;
	});
	await Promise.all(dawdlers.map((dawdler) => once(dawdler, 'socket')));
	const statuses = await Promise.all(
		Array.from({length: 5}, async (_, index) => {
			const payload = {body: 'x'.repeat(100_000)};
			const event = JSON.stringify({id: `evt_${index}`, session, event: 'message', payload});
			return (await gateway.ingest(session, event)).status;
		}),
	);
	t.deepEqual(statuses, [201, 201, 201, 201, 201]);
	for (const dawdler of dawdlers) dawdler.destroy();
});
