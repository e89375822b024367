import {once} from 'node:events';
import {connect} from 'node:net';
import {inspect} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {EngineError, type EngineErrorCode, type SideEffect} from '../../domain/errors.ts';
import type {SendResult} from '../../domain/messaging/outbound.ts';
import {eventually} from '../support/eventually.ts';
import {FakeWahaServer} from '../support/fake-waha-server.ts';
import {FakeWaha, type FakeFault, type FakeWahaOptions} from '../support/fake-waha.ts';
import {freePort} from '../support/gateway-process.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {startWahaFixture, type WahaFixture} from '../support/waha-fixture.ts';

const SESSION = 'u_1_s_1';
const KEY = '3EB0A0F1B2C3D4E5F6071829';
const SEND = '/api/sendText';
const DETAILS = `/api/sessions/${SESSION}`;
const CONFIG = {callbackUrl: 'http://127.0.0.1:9/api/events/waha/one/u_1_s_1', ingestionKey: 'key-of-the-session'};

test('a session is created with our whole configuration, and nothing else', async (t) => {
	await using fixture = await startWahaFixture();
	await fixture.engine.sessions.ensure(SESSION, CONFIG);
	const [request] = fixture.waha.requestsTo('POST', '/api/sessions');
	t.deepEqual(request?.body, {
		name: SESSION,
		start: true,
		config: {
			noweb: {markOnline: false, store: {enabled: true, fullSync: true}},
			webhooks: [
				{
					url: CONFIG.callbackUrl,
					events: ['*'],
					hmac: {key: CONFIG.ingestionKey},
					retries: {policy: 'exponential', delaySeconds: 2, attempts: 12},
				},
			],
		},
	});
});

test('a session whose configuration is right is left alone, whatever else is set on it', async (t) => {
	await using fixture = await startWahaFixture();
	await fixture.engine.sessions.ensure(SESSION, CONFIG);
	const session = fixture.waha.session(SESSION);
	const webhooks = (session.config?.webhooks ?? []).map((webhook) => ({...webhook, customHeaders: null}));
	session.config = {...session.config, webhooks, debug: false, proxy: {server: 'proxy:3128'}};
	await fixture.engine.sessions.ensure(SESSION, CONFIG);
	t.deepEqual(fixture.waha.requestsTo('PUT', DETAILS), []);
});

test('a session whose configuration differs gets ours, keeps the rest, and stays linked', async (t) => {
	await using fixture = await startLinked();
	const session = fixture.waha.session(SESSION);
	session.config = {...session.config, proxy: {server: 'proxy:3128'}};
	const moved = {...CONFIG, callbackUrl: 'http://127.0.0.1:9/moved'};
	const {me} = await fixture.engine.sessions.ensure(SESSION, moved);
	t.truthy(me);
	t.is(session.config.webhooks?.[0]?.url, moved.callbackUrl);
	t.deepEqual(session.config['proxy'], {server: 'proxy:3128'});
	t.is(fixture.waha.requestsTo('PUT', DETAILS).length, 1);
	await eventually(() => session.status === 'WORKING');
});

test('ensure restarts a session that has failed', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.session(SESSION).fail();
	await fixture.engine.sessions.ensure(SESSION, CONFIG);
	await eventually(() => fixture.waha.session(SESSION).status === 'WORKING');
	t.pass();
});

test('an empty answer to a change says that there is no such session', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', `${DETAILS}/logout`, answer(201, ''));
	await fails(t, fixture.engine.sessions.logout(SESSION), 'SESSION_NOT_FOUND', 'none');
});

test('an account that WAHA answers as null is none', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('GET', `${DETAILS}/me`, {kind: 'answer', status: 200, body: 'null'});
	t.is(await fixture.engine.me(SESSION), null);
});

for (const engine of ['GOWS', 'NOWEB', 'WEBJS'] as const) {
	test(`${engine}: groups and linked ids have receipts that match their events`, async (t) => {
		await using fixture = await startWahaFixture({engine});
		await fixture.linkSession(SESSION);
		for (const [chatId, suffix] of [
			['1231231232@g.us', '_79222222222@c.us'],
			['172078351257794@lid', ''],
		] as const) {
			const {id} = await send(fixture.engine, chatId);
			t.true(id?.startsWith(`true_${chatId}_3EB0`), id ?? 'no id');
			t.true(id?.endsWith(suffix), id ?? 'no id');
			await eventually(() =>
				fixture.events(SESSION).some(({event, payload}) => event === 'message.any' && idOf(payload) === id),
			);
		}
	});
}

test('WEBJS: an empty answer to a send is a success without an id', async (t) => {
	await using fixture = await startLinked({engine: 'WEBJS'});
	fixture.waha.failNext('POST', SEND, {kind: 'empty'});
	const {id, timestamp} = await send(fixture.engine);
	t.is(id, null);
	t.true(Number.isInteger(timestamp));
});

test('every call carries the API key, and a wrong one is an error that says so', async (t) => {
	await using waha = await FakeWaha.start();
	using engine = new WahaEngine({baseUrl: waha.url, apiKey: 'another', clock: new ManualClock()});
	const error = await fails(t, engine.sessions.list(), 'ENGINE_REFUSED', 'none');
	t.regex(error?.message ?? '', /key/);
	t.is(waha.requests[0]?.headers['x-api-key'], 'another');
});

test('a read is repeated when its connection breaks', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('GET', DETAILS, {kind: 'reset'}, 2);
	const before = fixture.waha.requestsTo('GET', DETAILS).length;
	t.is((await fixture.engine.sessions.find(SESSION))?.status, 'WORKING');
	t.is(fixture.waha.requestsTo('GET', DETAILS).length - before, 3);

	fixture.waha.failNext('GET', DETAILS, {kind: 'reset'}, 3);
	await fails(t, fixture.engine.sessions.find(SESSION), 'ENGINE_UNAVAILABLE', 'none');
});

test('a change of a session is not repeated when its connection breaks', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', `${DETAILS}/restart`, {kind: 'reset'});
	await fails(t, fixture.engine.sessions.restart(SESSION), 'ENGINE_TIMEOUT', 'possible');
	t.is(fixture.waha.requestsTo('POST', `${DETAILS}/restart`).length, 1);
});

test('a send whose connection breaks is never repeated: nobody knows whether it went out', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', SEND, {kind: 'reset'});
	const error = await fails(t, send(fixture.engine), 'OUTCOME_UNKNOWN', 'possible');
	t.false(error?.retryable);
	t.is(fixture.waha.requestsTo('POST', SEND).length, 1);
	await eventually(() => fixture.events(SESSION).some(({event}) => event === 'message.any'));
});

test('a call that could not connect is repeated, a send too', async (t) => {
	const port = await freePort();
	using engine = new WahaEngine({baseUrl: `http://127.0.0.1:${port}`, apiKey: 'waha-key', clock: new ManualClock()});
	const sent = send(engine);
	for (let probe = 0; probe < 3; probe++) await isRefused(port);
	await using waha = await FakeWaha.start({port});
	await fails(t, sent, 'SESSION_NOT_FOUND', 'none');
	t.is(waha.requestsTo('POST', SEND).length, 1);
});

test('a server that is not there is unavailable, and nothing was sent', async (t) => {
	using engine = new WahaEngine({
		baseUrl: 'http://127.0.0.1:9',
		apiKey: 'waha-key',
		clock: new ManualClock(),
	});
	await fails(t, send(engine), 'ENGINE_UNAVAILABLE', 'none');
	await fails(t, engine.sessions.list(), 'ENGINE_UNAVAILABLE', 'none');
	await fails(t, engine.ping(AbortSignal.timeout(5000)), 'ENGINE_UNAVAILABLE', 'none');
});

// Serial: nothing else may use up the time.
test.serial('each kind of call has a deadline', async (t) => {
	await using fixture = await startLinked();
	const {waha} = fixture;
	const deadlines = {readMs: 300, controlMs: 400, sendMs: 500};
	using engine = new WahaEngine({baseUrl: waha.url, apiKey: waha.apiKey, clock: new ManualClock(), deadlines});
	waha.failNext('GET', DETAILS, {kind: 'hang'});
	waha.failNext('POST', `${DETAILS}/start`, {kind: 'hang'});
	waha.failNext('POST', SEND, {kind: 'hang'});
	await Promise.all([
		fails(t, engine.sessions.find(SESSION), 'ENGINE_TIMEOUT', 'possible'),
		fails(t, engine.sessions.start(SESSION), 'ENGINE_TIMEOUT', 'possible'),
		fails(t, send(engine), 'OUTCOME_UNKNOWN', 'possible'),
	]);
	t.is(waha.requestsTo('POST', SEND).length, 1);
});

test.serial('a deadline counts for the whole answer, not only for its start', async (t) => {
	await using server = await FakeWahaServer.start((_request, response) => {
		response.writeHead(200, {'content-type': 'application/json'}).write('[');
	});
	const deadlines = {readMs: 300};
	using engine = new WahaEngine({baseUrl: server.url, apiKey: 'k', clock: new ManualClock(), deadlines});
	await fails(t, engine.sessions.list(), 'ENGINE_TIMEOUT', 'possible');
});

test('a send that is called off while it is under way has an unknown outcome', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', SEND, {kind: 'hang'});
	const caller = new AbortController();
	const sent = send(fixture.engine, undefined, caller.signal);
	const failed = fails(t, sent, 'OUTCOME_UNKNOWN', 'possible');
	await eventually(() => fixture.waha.requestsTo('POST', SEND).length === 1);
	caller.abort();
	await failed;
});

test('an error body without end is not read to its end', async (t) => {
	let closed = false;
	await using server = await FakeWahaServer.start((_request, response) => {
		response.writeHead(500, {'content-type': 'application/json'}).write('{"statusCode":500,"request":{"body":"');
		const pump = (): void => {
			while (!response.destroyed && response.write('x'.repeat(65_536)));
		};
		response.on('drain', pump).on('close', () => (closed = true));
		pump();
	});
	using engine = new WahaEngine({baseUrl: server.url, apiKey: 'k', clock: new ManualClock()});
	await fails(t, send(engine), 'OUTCOME_UNKNOWN', 'possible');
	await eventually(() => closed);
});

test('connections are kept and used again', async (t) => {
	let connections = 0;
	await using server = await FakeWahaServer.start((_request, response) => {
		response.writeHead(200, {'content-type': 'application/json'}).end('[]');
	});
	server.onConnection(() => (connections += 1));
	using engine = new WahaEngine({baseUrl: server.url, apiKey: 'k', clock: new ManualClock()});
	for (let call = 0; call < 5; call++) await engine.sessions.list();
	t.is(connections, 1);
});

test('neither what WAHA writes in an error nor the API key is in any error of ours', async (t) => {
	await using fixture = await startLinked();
	const secrets = ['secret stack', 'Hi there!', fixture.waha.apiKey];
	const faults: readonly FakeFault[] = [
		{kind: 'exception', message: 'secret stack'},
		{kind: 'reset'},
		{kind: 'answer', status: 422, body: '{"statusCode":422,"message":"secret stack","error":"Unprocessable Entity"}'},
		{kind: 'answer', status: 400, body: 'secret stack'},
	];
	for (const fault of faults) {
		fixture.waha.failNext('POST', SEND, fault);
		const error = await t.throwsAsync(send(fixture.engine), {instanceOf: EngineError});
		const shown = inspect(error, {depth: null, showHidden: true, getters: true});
		for (const secret of secrets) t.false(shown.includes(secret), `${fault.kind}: ${shown}`);
	}
});

interface Meaning {
	readonly title: string;
	readonly fault: FakeFault;
	readonly onSend: EngineErrorCode;
	readonly onRead: EngineErrorCode;
}

const MEANINGS: readonly Meaning[] = [
	{
		title: 'WhatsApp error 463',
		fault: exception('2 UNKNOWN: server returned error 463'),
		onSend: 'ACCOUNT_RESTRICTED',
		onRead: 'ACCOUNT_RESTRICTED',
	},
	{
		title: 'a busy session',
		fault: exception('async-lock timed out in queue u_1_s_1'),
		onSend: 'SESSION_STARTING',
		onRead: 'SESSION_STARTING',
	},
	{title: 'any other exception', fault: exception('boom'), onSend: 'OUTCOME_UNKNOWN', onRead: 'ENGINE_UNAVAILABLE'},
	{
		title: 'an operation that the engine lacks',
		fault: answer(501, {
			statusCode: 501,
			message: "The method is not implemented by 'X' engine",
			error: 'Not Implemented',
		}),
		onSend: 'NOT_SUPPORTED',
		onRead: 'NOT_SUPPORTED',
	},
	{
		title: 'a key without the right',
		fault: answer(403, {message: 'Forbidden', statusCode: 403}),
		onSend: 'ENGINE_REFUSED',
		onRead: 'ENGINE_REFUSED',
	},
	{
		title: 'a body that WAHA does not take',
		fault: answer(400, {statusCode: 400, message: ['no'], error: 'Bad Request'}),
		onSend: 'ENGINE_REFUSED',
		onRead: 'ENGINE_REFUSED',
	},
	{
		title: 'a session in a status of newer releases',
		fault: answer(422, {
			error: 'Session status is not as expected',
			session: SESSION,
			status: 'NEW',
			expected: ['WORKING'],
		}),
		onSend: 'SESSION_STARTING',
		onRead: 'SESSION_STARTING',
	},
	{
		title: 'a wrong base URL',
		fault: answer(404, {message: 'Cannot POST /waha/api/sendText', error: 'Not Found', statusCode: 404}),
		onSend: 'ENGINE_UNAVAILABLE',
		onRead: 'ENGINE_UNAVAILABLE',
	},
	{
		title: 'a page of something else',
		fault: answer(404, '<html>nginx</html>'),
		onSend: 'ENGINE_UNAVAILABLE',
		onRead: 'ENGINE_UNAVAILABLE',
	},
	{
		title: 'a proxy without its WAHA',
		fault: answer(502, '<html>Bad Gateway</html>'),
		onSend: 'OUTCOME_UNKNOWN',
		onRead: 'ENGINE_UNAVAILABLE',
	},
	{
		title: 'a redirect, which is not followed',
		fault: {kind: 'answer', status: 302, body: '', location: '/ping'},
		onSend: 'ENGINE_REFUSED',
		onRead: 'ENGINE_REFUSED',
	},
];

for (const {title, fault, onSend, onRead} of MEANINGS) {
	test(`meaning of an answer: ${title}`, async (t) => {
		await using fixture = await startLinked();
		fixture.waha.failNext('POST', SEND, fault);
		fixture.waha.failNext('GET', '/api/sessions', fault);
		const sendError = await fails(t, send(fixture.engine), onSend);
		t.is(sendError?.sideEffect, onSend === 'OUTCOME_UNKNOWN' ? 'possible' : 'none');
		await fails(t, fixture.engine.sessions.list(), onRead);
	});
}

test('a 463 in what the request says is no restriction', async (t) => {
	await using fixture = await startLinked();
	fixture.waha.failNext('POST', SEND, {kind: 'exception', message: 'boom'});
	await fails(t, send(fixture.engine, '463@c.us'), 'OUTCOME_UNKNOWN', 'possible');
});

test('a page instead of a session is not taken for a session that is gone', async (t) => {
	await using fixture = await startLinked();
	for (const body of ['<html>welcome</html>', '{"hello":"world"}']) {
		fixture.waha.failNext('GET', DETAILS, answer(200, body));
		await fails(t, fixture.engine.sessions.find(SESSION), 'ENGINE_UNAVAILABLE', 'none');
		fixture.waha.failNext('GET', '/api/sessions', answer(200, body));
		await fails(t, fixture.engine.sessions.list(), 'ENGINE_UNAVAILABLE', 'none');
		fixture.waha.failNext('GET', '/ping', answer(200, body));
		await fails(t, fixture.engine.ping(AbortSignal.timeout(5000)), 'ENGINE_UNAVAILABLE', 'none');
	}
});

function exception(message: string): FakeFault {
	return {kind: 'exception', message};
}

function answer(status: number, body: string | object): FakeFault {
	return {kind: 'answer', status, body: typeof body === 'string' ? body : JSON.stringify(body)};
}

/** A fixture with one linked session. */
async function startLinked(options: FakeWahaOptions = {}): Promise<WahaFixture> {
	const fixture = await startWahaFixture(options);
	await fixture.linkSession(SESSION);
	return fixture;
}

function send(
	engine: WahaEngine,
	chatId = '15550001111@c.us',
	signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<SendResult> {
	return engine.messages.send(SESSION, {chatId, content: {kind: 'text', text: 'Hi there!'}}, KEY, signal);
}

async function fails(
	t: ExecutionContext,
	call: Promise<unknown>,
	code: EngineErrorCode,
	sideEffect?: SideEffect,
): Promise<EngineError | undefined> {
	const error = await t.throwsAsync<EngineError>(call, {instanceOf: EngineError});
	t.is(error.code, code, error.message);
	if (sideEffect !== undefined) t.is(error.sideEffect, sideEffect);
	return error;
}

function idOf(payload: unknown): string | undefined {
	return (payload as {id?: string}).id;
}

async function isRefused(port: number): Promise<void> {
	await once(connect(port, '127.0.0.1'), 'error');
}
