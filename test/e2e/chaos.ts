import type {ExecutionContext} from 'ava';
import type {Stores} from '../../domain/ports/stores.ts';
import {eventually} from '../support/eventually.ts';
import {isSigned} from '../support/webhook-sink.ts';
import {openWorldStores} from '../support/world-stores.ts';
import {outputOf, type World} from '../support/world.ts';

/** Between two events. */
const PACE_MS = 15;
/** How long it goes on between two faults. */
const CALM_MS = 700;

interface Fault {
	readonly name: string;
	readonly strike: () => Promise<void>;
}

/** What came out, by event id. */
interface Arrival {
	readonly deliveryId: string;
	readonly n: number;
}

/** SIGKILL for each process in turn, while it works; it is started again at once. */
export function killEach(world: World): readonly Fault[] {
	const names = new Map([...world.processes].map(([role, process]) => [process, role]));
	return [...names].map(([process, role]) => ({
		name: `kill -9 ${role}`,
		strike: async () => {
			await process.kill();
			await process.start();
		},
	}));
}

/** A steady stream of events while faults strike: at the end every accepted event is everywhere, and repeats carry the same ids. */
export async function runChaos(t: ExecutionContext, world: World, faults: readonly Fault[]): Promise<void> {
	const {waha, connection} = world;
	const posts: Promise<boolean>[] = [];
	let n = 0;
	const emit = (): void => {
		const number = n++;
		const envelope = {
			id: `evt_chaos_${number}`,
			timestamp: Date.now(),
			event: 'message',
			me: null,
			payload: {id: `false_1@c.us_${number}`, timestamp: 1, from: '1@c.us', fromMe: false, body: 'x', n: number},
			engine: 'NOWEB',
		};
		posts.push(
			waha.emit(connection.sessionName, envelope).then((results) => results.every(({delivered}) => delivered)),
		);
	};
	emit();
	const first = await eventually(() => world.stream.frames.find(({payload}) => numberOf(payload) === 0) ?? false);
	world.stream.resumeFrom(first.id);
	const pump = setInterval(emit, PACE_MS);
	try {
		for (const {name, strike} of faults) {
			await pause(CALM_MS);
			t.log(name);
			await strike();
		}
		await pause(CALM_MS);
	} finally {
		clearInterval(pump);
	}
	t.true((await Promise.all(posts)).every(Boolean), 'every event was accepted in the end');
	await checkArrivals(t, world, posts.length);
	await checkStores(t, world, posts.length);
}

async function checkArrivals(t: ExecutionContext, world: World, count: number): Promise<void> {
	const missing = (seen: ReadonlySet<number>): number => count - seen.size;
	await eventually(() => missing(seenAtSink(world)) === 0 && missing(seenOnSocket(world)) === 0, 60_000).catch(
		(error: unknown) => {
			t.log(
				`missing: ${missing(seenAtSink(world))} at the sink, ${missing(seenOnSocket(world))} on the socket, of ${count}`,
			);
			t.log(outputOf(world));
			throw error;
		},
	);
	const byEvent = new Map<string, Arrival>();
	for (const delivery of world.sink.deliveries) {
		t.true(isSigned(delivery, world.webhook.signingSecret));
		const {id, payload} = JSON.parse(delivery.body) as {id: string; payload: unknown};
		const arrival = {deliveryId: String(delivery.headers['x-wahooks-delivery']), n: numberOf(payload) ?? -1};
		t.deepEqual(byEvent.get(id) ?? arrival, arrival, 'a repeat carries the same ids');
		byEvent.set(id, arrival);
	}
	const numbers = [...byEvent.values()].map(({n}) => n).filter((n) => n >= 0);
	t.is(new Set(numbers).size, numbers.length, 'one event, one id');
	t.log(`${count} events, ${world.sink.deliveries.length - byEvent.size} repeats at the sink`);
}

/** The log has each event once, and every delivery has ended: at last, since what the broker held at the end is still to be recorded. */
async function checkStores(t: ExecutionContext, world: World, count: number): Promise<void> {
	const isComplete = async (): Promise<boolean> => {
		await using resources = new AsyncDisposableStack();
		return await isRecorded(await openWorldStores(world, resources), world, count);
	};
	if (world.mongodbUrl !== undefined) {
		t.true(await eventually(isComplete, 60_000));
		return;
	}
	// The embedded files can be read only while the process is down; what it had not recorded by then it records at the next start.
	const [process] = world.processes.values();
	const complete = await eventually(async () => {
		await process?.stop();
		if (await isComplete()) return true;
		await process?.start();
		await pause(1000);
		return false;
	}, 60_000);
	t.true(complete);
}

/** @throws {Error} when the log's order is broken */
async function isRecorded(
	{eventStore, deliveryStore, connectionStore}: Stores,
	world: World,
	count: number,
): Promise<boolean> {
	const {userId} = (await connectionStore.find(world.connection.id)) ?? {userId: ''};
	const events = await eventStore.listAfter(userId, 0, 100_000);
	if (events.some(({seq}, index) => seq !== index + 1)) {
		throw new Error('seq has a hole or a repeat');
	}
	const rows = await deliveryStore.listByWebhook(world.webhook.id, {limit: 100_000});
	const deliveries = rows.filter(({event}) => event === 'message');
	return (
		events.filter(({event}) => event === 'message').length === count &&
		deliveries.length === count &&
		deliveries.every(({state}) => state === 'delivered')
	);
}

function seenAtSink({sink}: World): ReadonlySet<number> {
	const numbers = sink.deliveries.map(({body}) => numberOf((JSON.parse(body) as {payload: unknown}).payload));
	return new Set(numbers.filter((n) => n !== undefined));
}

function seenOnSocket({stream}: World): ReadonlySet<number> {
	return new Set(stream.frames.map(({payload}) => numberOf(payload)).filter((n) => n !== undefined));
}

function numberOf(payload: unknown): number | undefined {
	return typeof payload === 'object' && payload !== null && 'n' in payload ? Number(payload.n) : undefined;
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
