import {createHmac, randomUUID} from 'node:crypto';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {createApp} from '../../gateway/http/app.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type GatewayHarness} from '../support/gateway-harness.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {loadSampleEvents} from '../support/sample-events.ts';
import {sampleConnection} from '../support/samples.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface Known {
	readonly id: string;
	readonly userId: string;
	readonly session: string;
}

/** A connection whose session posts events by HTTP. */
async function createConnection({stores}: GatewayHarness = gateway): Promise<Known> {
	const connection = sampleConnection({status: 'connected'});
	await stores.connectionStore.insert(connection);
	return {id: connection.id, userId: connection.userId, session: connection.sessionName};
}

function eventBody(session: string, changes: object = {}): string {
	const [sample] = loadSampleEvents().filter(({name}) => name === 'message.text.noweb');
	return JSON.stringify({...sample?.envelope, id: `evt_${randomUUID()}`, session, ...changes});
}

/** How many messages about a session went to the broker, resolved or not. */
function publishedAbout({id, session}: Known, {broker}: GatewayHarness = gateway): number {
	return broker.published.filter(({headers}) => headers['connection'] === id || headers['session'] === session).length;
}

test('a signed event is answered 201 once the broker has it, and reaches the log of its owner', async (t) => {
	const known = await createConnection();
	const response = await gateway.ingest(known.session, eventBody(known.session, {payload: {body: 'Grüße 👋'}}));
	t.is(response.status, 201);
	t.is(publishedAbout(known), 1, 'published before the answer');
	t.deepEqual(await response.json(), {received: true});
	const [logged] = await eventually(async () => {
		const events = await gateway.stores.eventStore.listAfter(known.userId, 0, 10);
		if (events.length === 0) throw new Error('nothing is logged yet');
		return events;
	});
	t.like(JSON.parse(logged?.body ?? ''), {
		event: 'message',
		connectionId: known.id,
		session: known.session,
		payload: {body: 'Grüße 👋'},
	});
});

test('a missing or wrong signature is 401 and nothing happens, not even a look at the body', async (t) => {
	const known = await createConnection();
	const other = await createConnection();
	const {ingestionSecret} = gateway.dependencies.settings;
	const body = eventBody(known.session);
	const hmac = (key: string, message = body, algorithm = 'sha512'): string =>
		createHmac(algorithm, key).update(message).digest('hex');
	const key = ingestionKey(ingestionSecret, known.session);
	for (const [why, headers] of [
		['none', {}],
		['empty', {'x-webhook-hmac': ''}],
		['not hex', {'x-webhook-hmac': 'z'.repeat(128)}],
		['another session', {'x-webhook-hmac': hmac(ingestionKey(ingestionSecret, other.session))}],
		['the secret itself', {'x-webhook-hmac': hmac(ingestionSecret)}],
		['another body', {'x-webhook-hmac': hmac(key, `${body} `)}],
		['another algorithm', {'x-webhook-hmac': hmac(key, body, 'sha256')}],
		['one digit off', {'x-webhook-hmac': hmac(key).replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}],
	] as const) {
		const response = await gateway.ingest(known.session, body, {headers});
		t.is(response.status, 401, why);
		t.like(await response.json(), {error: 'Unauthorized', statusCode: 401, code: 'UNAUTHENTICATED'});
	}
	t.is((await gateway.ingest(known.session, 'not JSON', {headers: {}})).status, 401);
	t.is(publishedAbout(known), 0);
});

test('an unknown worker is 404, however well it signs', async (t) => {
	const known = await createConnection();
	const response = await gateway.ingest(known.session, eventBody(known.session), {worker: 'stranger'});
	t.is(response.status, 404);
	t.like(await response.json(), {message: 'Worker not found', code: 'NOT_FOUND'});
	t.is(publishedAbout(known), 0);
});

test('what is not an event, or one of another session, is 400 and nothing happens', async (t) => {
	const known = await createConnection();
	const {session} = known;
	for (const [why, body] of [
		['empty', ''],
		['not JSON', '{"event":'],
		['not an object', '[]'],
		['no event', eventBody(session, {event: undefined})],
		['no session', eventBody(session, {session: undefined})],
		['a session of wrong type', eventBody(session, {session: 5})],
		['a name that is none', eventBody(session, {event: 'Message Any'})],
		['a name that is too long', eventBody(session, {event: 'a'.repeat(65)})],
		['another session', eventBody((await createConnection()).session)],
	] as const) {
		const response = await gateway.ingest(session, body);
		t.is(response.status, 400, why);
		t.like(await response.json(), {error: 'Bad Request', statusCode: 400, code: 'VALIDATION_FAILED'});
	}
	t.is(publishedAbout(known), 0);
});

test('the same event twice is one event; message and message.any of one id are two', async (t) => {
	const known = await createConnection();
	const body = eventBody(known.session);
	t.is((await gateway.ingest(known.session, body)).status, 201);
	t.is((await gateway.ingest(known.session, body)).status, 201);
	t.is(publishedAbout(known), 1);
	const any = JSON.stringify({...(JSON.parse(body) as object), event: 'message.any'});
	t.is((await gateway.ingest(known.session, any)).status, 201);
	t.is(publishedAbout(known), 2);
});

test('a session that nobody knows yet is answered 201 and waits in the broker', async (t) => {
	const unknown = {id: '', userId: '', session: `u_${randomUUID().slice(0, 8)}_s_1`};
	t.is((await gateway.ingest(unknown.session, eventBody(unknown.session))).status, 201);
	const published = gateway.broker.published.filter(({headers}) => headers['session'] === unknown.session);
	t.is(published.length, 1);
	t.is(published[0]?.headers['kind'], 'unresolved');
});

test('names of sessions are decoded from the path', async (t) => {
	const session = `a name/with %2F ${randomUUID()}`;
	t.is((await gateway.ingest(session, eventBody(session))).status, 201);
});

test('events of several megabytes are accepted; a body over 20 MB is 413', async (t) => {
	const known = await createConnection();
	const large = eventBody(known.session, {payload: {body: 'x'.repeat(3 * 1024 * 1024)}});
	t.is((await gateway.ingest(known.session, large)).status, 201);
	const response = await gateway.ingest(known.session, 'x'.repeat(20 * 1024 * 1024 + 1));
	t.is(response.status, 413);
	t.like(await response.json(), {
		message: 'request entity too large',
		error: 'Payload Too Large',
		statusCode: 413,
		code: 'PAYLOAD_TOO_LARGE',
	});
});

test('a compressed body is 415: signatures are over the bytes as sent', async (t) => {
	const {session} = await createConnection();
	const response = await fetch(`${gateway.url}/api/events/waha/simulator/${session}`, {
		method: 'POST',
		headers: {'content-type': 'application/json', 'content-encoding': 'gzip'},
		body: gzipSync(eventBody(session)),
	});
	t.is(response.status, 415);
	t.is(((await response.json()) as ErrorBody).code, 'UNSUPPORTED_MEDIA_TYPE');
});

test('the chain is its own: no limit on requests, no headers for pages', async (t) => {
	await using limited = await createGatewayHarness({rateLimitPerMinute: 2});
	const known = await createConnection(limited);
	const before = limited.log.entries.length;
	const responses = await Promise.all(
		Array.from({length: 20}, () => limited.ingest(known.session, eventBody(known.session))),
	);
	t.deepEqual(new Set(responses.map(({status}) => status)), new Set([201]));
	for (const header of ['content-security-policy', 'x-ratelimit-limit']) {
		t.is(responses[0]?.headers.get(header), null);
	}
	t.deepEqual(
		limited.log.entries
			.slice(before)
			.filter(({level}) => level !== 'debug')
			.map(({event}) => event),
		[],
		'nothing is logged per event',
	);
});

test('every answer may be read from any origin, as all answers may', async (t) => {
	const {session} = await createConnection();
	const post = (path: string, body = ''): Promise<Response> =>
		fetch(`${gateway.url}/api/events/waha/${path}`, {method: 'POST', body});
	for (const [status, response] of [
		[201, gateway.ingest(session, eventBody(session))],
		[400, gateway.ingest(session, '{}')],
		[401, post(`simulator/${session}`)],
		[404, post(`nobody/${session}`)],
		[413, gateway.ingest(session, 'x'.repeat(20 * 1024 * 1024 + 1))],
	] as const) {
		const {status: actual, headers} = await response;
		t.is(actual, status);
		t.is(headers.get('access-control-allow-origin'), '*', String(status));
	}
});

test('only POST enters', async (t) => {
	t.is((await fetch(`${gateway.url}/api/events/waha/simulator/x`)).status, 404);
	t.is((await fetch(`${gateway.url}/api/events/waha`, {method: 'POST'})).status, 404);
});

test('while the broker is away the answer is 503 with Retry-After, and the repeat is one event', async (t) => {
	await using away = await createGatewayHarness();
	const known = await createConnection(away);
	const body = eventBody(known.session);
	away.broker.mode = 'away';
	const refused = await away.ingest(known.session, body);
	t.is(refused.status, 503);
	t.is(refused.headers.get('retry-after'), '30');
	t.like(await refused.json(), {error: 'Service Unavailable', code: 'BROKER_UNAVAILABLE'});
	away.broker.mode = 'working';
	t.is((await away.ingest(known.session, body)).status, 201);
	t.is(publishedAbout(known, away), 1);
});

test('a broker that never confirms is given up after 4.5 s', async (t) => {
	await using silent = await createGatewayHarness();
	const clock = new ManualClock();
	const listener = createApp({...silent.dependencies, clock});
	await using server = await HttpServer.listen({listener, host: '127.0.0.1', port: 0, publicUrl: silent.publicUrl});
	const {session} = await createConnection(silent);
	const body = eventBody(session);
	const key = ingestionKey(silent.dependencies.settings.ingestionSecret, session);
	silent.broker.mode = 'silent';
	let answered = false;
	const answer = fetch(`http://127.0.0.1:${server.port}/api/events/waha/simulator/${session}`, {
		method: 'POST',
		headers: {'x-webhook-hmac': createHmac('sha512', key).update(body).digest('hex')},
		body,
	}).finally(() => {
		answered = true;
	});
	await eventually(() => clock.timers > 0);
	await clock.advance(4499);
	t.false(answered);
	await clock.advance(1);
	const refused = await answer;
	t.is(refused.status, 503);
	t.is(refused.headers.get('retry-after'), '30');
	silent.broker.mode = 'working';
});

test('while the store is away events are taken all the same', async (t) => {
	await using harness = await createGatewayHarness({roles: ['gateway']});
	const known = await createConnection(harness);
	harness.storeFaults.connectionStore = new StoreUnavailableError('switched off by the test');
	t.is((await harness.ingest(known.session, eventBody(known.session))).status, 201);
	t.is(publishedAbout(known, harness), 1);
});

/** A message that quotes another, and so on. */
function quoting(levels: number, file: (level: number) => string): string {
	const levelsOfJson = Array.from({length: levels}, (_, level) => `{"media":{"url":"${file(level)}"},"replyTo":`);
	return `${levelsOfJson.join('')}null${'}'.repeat(levels)}`;
}

for (const [name, payload] of [
	[
		'100,000 files, each in a quote of the one before',
		quoting(100_000, (level) => `http://waha:3000/api/files/s/${level}`),
	],
	['a file with an address of 200 KB', quoting(1, () => `http://waha:3000/api/files/s/${'x'.repeat(200_000)}`)],
	['files whose addresses are all escapes', quoting(5, () => `http://waha:3000/${'\\u0001'.repeat(2000)}`)],
] as const) {
	test(`an event with ${name} is taken, and still tells nothing of the worker`, async (t) => {
		const known = await createConnection();
		const body = eventBody(known.session, {payload: 'PAYLOAD'}).replace('"PAYLOAD"', payload);
		t.is((await gateway.ingest(known.session, body)).status, 201);
		const [logged] = await eventually(async () => {
			const events = await gateway.stores.eventStore.listAfter(known.userId, 0, 10);
			if (events.length === 0) throw new Error('nothing is logged yet');
			return events;
		});
		t.false(logged?.body.includes('waha:3000'));
	});
}

test('an event that is nested beyond all measure is 400, whether its session and id are known or not', async (t) => {
	const known = await createConnection();
	const stranger = {...known, session: `u_${randomUUID().slice(0, 8)}_s_1`};
	const nested = (levels: number): string => `${'{"a":'.repeat(levels)}null${'}'.repeat(levels)}`;
	const post = async ({session}: Known, levels: number, changes: object = {}): Promise<number> => {
		const body = eventBody(session, {payload: 'PAYLOAD', ...changes}).replace('"PAYLOAD"', nested(levels));
		const {status} = await gateway.ingest(session, body);
		return status;
	};
	for (const levels of [1000, 100_000]) {
		t.is(await post(known, levels), 400);
		t.is(await post(known, levels, {id: ''}), 400);
		t.is(await post(stranger, levels), 400);
		t.is(await post(known, levels, {payload: {}, metadata: {a: 'PAYLOAD'}}), 400);
	}
	t.is(publishedAbout(known) + publishedAbout(stranger), 0);
	t.is(await post(known, 400), 201);
});
