import type {ExecutionContext} from 'ava';
import {eventId} from '../../domain/events/envelope.ts';
import {rewriteMedia} from '../../domain/events/media.ts';
import {eventually} from '../support/eventually.ts';
import {loadSampleEvents, type SampleEvent} from '../support/sample-events.ts';
import {isSigned} from '../support/webhook-sink.ts';
import {openWorldStores} from '../support/world-stores.ts';
import {outputOf, type World} from '../support/world.ts';

interface Envelope {
	readonly id: string;
	readonly event: string;
	readonly connectionId: string;
	readonly session: string;
	readonly timestamp: string;
	readonly payload: unknown;
	readonly me?: unknown;
	readonly engine?: string;
	readonly environment?: Readonly<Record<string, unknown>>;
	readonly metadata?: unknown;
}

const NOTHING_MORE_FOR_MS = 1500;

/** The main job on real input: every sample, posted as WAHA posts it, is found exactly once at every way out, and equal. */
export async function runMainJob(t: ExecutionContext, world: World): Promise<void> {
	const samples = loadSampleEvents();
	t.true(samples.length >= 98);
	const {sessionName} = world.connection;
	const before = new Set(world.sink.deliveries.map(({body}) => (JSON.parse(body) as Envelope).id));
	const results = await Promise.all(samples.map(({envelope}) => world.waha.emit(sessionName, {...envelope})));
	t.true(
		results.flat().every(({delivered, statuses}) => delivered && statuses.length === 1),
		'every post is accepted at once',
	);

	const received = (): readonly string[] =>
		world.sink.deliveries.map(({body}) => body).filter((body) => !before.has((JSON.parse(body) as Envelope).id));
	const count = new Set(samples.map(({envelope}) => `${envelope.event}/${envelope.id}`)).size;
	await eventually(
		() => new Set(received().map((body) => (JSON.parse(body) as Envelope).id)).size >= count,
		30_000,
	).catch((error: unknown) => {
		t.log(outputOf(world));
		throw error;
	});
	await new Promise((resolve) => setTimeout(resolve, NOTHING_MORE_FOR_MS));

	const bodies = received();
	const envelopes = bodies.map((body) => JSON.parse(body) as Envelope);
	t.is(bodies.length, count, 'each event once at the sink');
	t.true(
		world.sink.deliveries.every((delivery) => isSigned(delivery, world.webhook.signingSecret)),
		'every signature is right',
	);
	const streamed = world.stream.frames.map(({id}) => id);
	for (const sample of samples) {
		const envelope = envelopes.find(({id}) => id === idOf(sample, world));
		if (envelope === undefined) {
			t.fail(`${sample.name} is missing at the sink`);
			continue;
		}
		compare(t, sample, envelope, world);
		t.is(streamed.filter((id) => id === envelope.id).length, 1, `${sample.name} once on the socket`);
	}
	await checkLog(t, world, bodies);
}

/** Whose envelope it is: the id is derived, so a test can tell it beforehand. */
function idOf({envelope}: SampleEvent, world: World): string {
	return eventId({
		session: world.connection.sessionName,
		event: envelope.event,
		id: envelope.id,
		timestampMs: Number(envelope['timestamp']),
		payload: envelope.payload,
	});
}

/** Equal but for what the design rewrites and drops. */
function compare(t: ExecutionContext, {name, envelope}: SampleEvent, received: Envelope, world: World): void {
	const gateway = world.processes.get('gateway');
	const base = `${gateway?.url ?? ''}/api/connections/${world.connection.id}/media`;
	const {worker: _, ...environment} = envelope['environment'] as Record<string, unknown>;
	// A JSON round trip takes out keys that are undefined, as on the wire.
	t.deepEqual(received.payload, JSON.parse(JSON.stringify(rewriteMedia(envelope.payload, base).payload)), name);
	t.deepEqual(received.me, envelope['me'], name);
	t.is(received.engine, envelope['engine'] as string, name);
	t.deepEqual(received.environment, environment, name);
	t.deepEqual(received.metadata, envelope['metadata'], name);
	t.is(received.session, world.connection.sessionName, name);
	t.is(received.connectionId, world.connection.id, name);
	t.false(JSON.stringify(received).includes('localhost:3000'), `${name} names no worker`);
}

/** The log holds the same bytes, each once, with a place of its own. */
async function checkLog(t: ExecutionContext, world: World, bodies: readonly string[]): Promise<void> {
	if (world.mongodbUrl === undefined) {
		for (const process of new Set(world.processes.values())) await process.stop();
	}
	await using resources = new AsyncDisposableStack();
	const {eventStore, connectionStore} = await openWorldStores(world, resources);
	const connection = await connectionStore.find(world.connection.id);
	const logged = await eventually(async () => {
		const events = await eventStore.listAfter(connection?.userId ?? '', 0, 10_000);
		return events.length >= bodies.length && events;
	});
	const byBody = new Map<string, number>();
	for (const {body} of logged) byBody.set(body, (byBody.get(body) ?? 0) + 1);
	t.true(
		bodies.every((body) => byBody.get(body) === 1),
		'each event once in the log, the same bytes',
	);
	const seqs = logged.map(({seq}) => seq);
	t.deepEqual(
		seqs,
		seqs.map((_, index) => index + 1),
		'seq grows by one',
	);
}
