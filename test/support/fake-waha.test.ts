import {createHmac} from 'node:crypto';
import test from 'ava';
import {eventually} from './eventually.ts';
import type {FakeWebhook} from './fake-waha-session.ts';
import {FakeWaha, type FakeWahaOptions} from './fake-waha.ts';
import {loadSampleEvents} from './sample-events.ts';
import {WebhookSink} from './webhook-sink.ts';

const SESSION = 'one';

test('every call but ping needs the key', async (t) => {
	await using waha = await FakeWaha.start();
	const refused = await fetch(`${waha.url}/api/sessions`);
	t.is(refused.status, 401);
	t.deepEqual(await refused.json(), {message: 'Unauthorized', statusCode: 401});
	t.is((await fetch(`${waha.url}/ping`)).status, 200);
	t.is((await call(waha, 'GET', '/api/server/version')).status, 200);
	t.is((await call(waha, 'GET', '/api/server/status')).status, 200);
});

test('refusals have the shapes of WAHA', async (t) => {
	await using waha = await FakeWaha.start({timing: {waitMs: 1}});
	t.like(await call(waha, 'GET', '/api/sessions/none'), {
		status: 404,
		body: {message: 'Session not found', error: 'Not Found', statusCode: 404},
	});
	t.deepEqual(await call(waha, 'POST', '/api/sendText', {session: 'none', chatId: '1@c.us', text: ''}), {
		status: 422,
		body: {error: 'Session "none" does not exist', session: 'none'},
	});
	await call(waha, 'POST', '/api/sessions', {name: SESSION});
	t.like(await call(waha, 'POST', '/api/sendText', {session: SESSION, chatId: '1@c.us', text: ''}), {
		status: 422,
		body: {session: SESSION, status: 'STOPPED', expected: ['WORKING']},
	});
	t.like(await call(waha, 'POST', '/api/sessions', {name: SESSION}), {
		status: 422,
		body: {statusCode: 422, message: "Session 'one' already exists. Use PUT to update it."},
	});
	t.is((await call(waha, 'POST', '/api/sessions', {name: 'no spaces'})).status, 400);
});

test('only all=true lists stopped sessions', async (t) => {
	await using waha = await FakeWaha.start();
	await call(waha, 'POST', '/api/sessions', {name: SESSION});
	t.deepEqual((await call(waha, 'GET', '/api/sessions')).body, []);
	t.like((await call(waha, 'GET', '/api/sessions?all=true')).body, [{name: SESSION, status: 'STOPPED'}]);
});

test('QR codes follow each other until nobody has scanned the last one', async (t) => {
	await using waha = await FakeWaha.start({timing: {startMs: 1, qrLifetimesMs: [1, 1]}});
	await using sink = await WebhookSink.start();
	await call(waha, 'POST', '/api/sessions', {name: SESSION, start: true, config: {webhooks: [webhookTo(sink)]}});
	await eventually(() => sink.deliveries.length === 4);
	t.deepEqual(
		sink.deliveries.map(({body}) => (JSON.parse(body) as {payload: {status: string}}).payload.status).sort(),
		['FAILED', 'SCAN_QR_CODE', 'SCAN_QR_CODE', 'STARTING'],
	);
});

test('QR codes come as text, as a picture and as a picture in JSON', async (t) => {
	await using waha = await FakeWaha.start({timing: {waitMs: 10_000}});
	await call(waha, 'POST', '/api/sessions', {name: SESSION, start: true});
	const path = `/api/${SESSION}/auth/qr`;
	t.deepEqual((await call(waha, 'GET', `${path}?format=raw`)).body, {value: waha.session(SESSION).qr});
	const headers = {'x-api-key': waha.apiKey};
	const picture = await fetch(waha.url + path, {headers});
	t.is(picture.headers.get('content-type'), 'image/png');
	const wrapped = await fetch(waha.url + path, {headers: {...headers, accept: 'application/json'}});
	t.like(await wrapped.json(), {mimetype: 'image/png'});
});

test('an event is posted compact and signed, and again with the same bytes and request id until any 2xx', async (t) => {
	await using sink = await WebhookSink.start();
	await using waha = await startWith({...webhookTo(sink), hmac: {key: 'k'}});
	const answers = [500, 401, 302, 204];
	sink.answer = (_request, response) => response.writeHead(answers.shift() ?? 200).end();
	const [sample] = loadSampleEvents();
	const [delivery] = await waha.emit(SESSION, sample?.envelope ?? {});
	t.deepEqual(delivery?.statuses, [500, 401, 302, 204]);
	t.true(delivery?.delivered);
	t.is(new Set(sink.deliveries.map(({body}) => body)).size, 1);
	t.is(new Set(sink.deliveries.map(({headers}) => headers['x-webhook-request-id'])).size, 1);

	const {headers, body = ''} = sink.deliveries[0] ?? {};
	t.is(body, JSON.stringify({...sample?.envelope, session: SESSION}));
	t.is(headers?.['x-webhook-hmac'], createHmac('sha512', 'k').update(body).digest('hex'));
	t.is(headers?.['x-webhook-hmac-algorithm'], 'sha512');
	t.is(headers?.['x-webhook-timestamp'], String(sample?.envelope['timestamp']));
});

test('retries end after as many as were asked for', async (t) => {
	await using sink = await WebhookSink.start();
	const retries = {policy: 'exponential', delaySeconds: 0.1, attempts: 3};
	await using waha = await startWith({...webhookTo(sink), retries});
	sink.answer = (_request, response) => response.writeHead(503).end();
	const [delivery] = await waha.emit(SESSION, {event: 'message'});
	t.deepEqual(delivery?.statuses, [503, 503, 503, 503]);
	t.false(delivery?.delivered);
});

test('a Retry-After that is longer than the policy is honoured', async (t) => {
	await using sink = await WebhookSink.start();
	await using waha = await startWith({...webhookTo(sink), retries: {policy: 'constant', delaySeconds: 0}});
	const answers = [{'retry-after': '30'}, undefined];
	sink.answer = (_request, response) => {
		const headers = answers.shift();
		response.writeHead(headers === undefined ? 200 : 503, headers ?? {}).end();
	};
	await waha.emit(SESSION, {event: 'message'});
	const [first, second] = sink.deliveries;
	t.true((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 295, '30 s, scaled by 0.01');
});

test('a session that subscribes to all gets all but the raw events of its engine', async (t) => {
	await using sink = await WebhookSink.start();
	await using waha = await startWith(webhookTo(sink));
	const session = waha.session(SESSION);
	session.report('engine.event', {});
	session.report('state.change', {});
	session.report('message', {body: 'the one'});
	await eventually(() => sink.deliveries.some(({body}) => body.includes('the one')));
	t.deepEqual(
		sink.deliveries
			.map(({body}) => (JSON.parse(body) as {event: string}).event)
			.filter((event) => event !== 'session.status'),
		['message'],
	);
});

const IMAGE = {mimetype: 'image/jpeg', filename: 'a.jpeg', data: Buffer.from('picture').toString('base64')};

const STUMBLES: readonly {call: string; body: object}[] = [
	{call: 'sendText', body: {}},
	{call: 'sendText', body: {text: 7}},
	{call: 'sendImage', body: {caption: ''}},
	{call: 'sendImage', body: {caption: '', file: {...IMAGE, mimetype: undefined}}},
	{call: 'sendImage', body: {caption: '', file: {...IMAGE, data: 'no base64!'}}},
	{call: 'sendImage', body: {file: IMAGE}},
	{call: 'sendVideo', body: {caption: '', file: {...IMAGE, mimetype: 'video/webm'}}},
	{call: 'sendVoice', body: {file: {...IMAGE, mimetype: 'audio/mpeg'}}},
	{call: 'sendVoice', body: {file: {...IMAGE, mimetype: 'audio/mpeg'}, convert: true, mentions: ['1@c.us']}},
	{call: 'sendLocation', body: {latitude: '1', longitude: 2}},
	{call: 'sendContactVcard', body: {}},
	{call: 'sendPoll', body: {poll: {name: 'Tea?', options: ['yes'], multipleAnswers: undefined}}},
	{call: 'sendPoll', body: {chatId: '15550001111', poll: {name: 'Tea?', options: ['yes'], multipleAnswers: false}}},
];

test('what WAHA needs and does not get ends in an exception that repeats the request', async (t) => {
	await using waha = await startWorking();
	for (const {call: name, body} of STUMBLES) {
		const answer = await call(waha, 'POST', `/api/${name}`, {session: SESSION, chatId: '1@c.us', ...body});
		t.is(answer.status, 500, JSON.stringify(body));
		t.like(answer.body, {statusCode: 500, request: {path: `/api/${name}`, body: {session: SESSION}}});
	}
	t.deepEqual(waha.session(SESSION).chats.ids, []);
});

test('a send is answered in the shape of its engine', async (t) => {
	const body = {session: SESSION, chatId: '1@c.us', caption: 'Look', file: IMAGE, id: '3EB0A0F1B2C3D4E5F6071829'};
	const shapes = {
		GOWS: {id: `true_1@c.us_${body.id}`, _data: {Info: {ID: body.id, IsFromMe: true}}},
		NOWEB: {key: {remoteJid: '1@s.whatsapp.net', fromMe: true, id: body.id}, status: 'PENDING'},
		WEBJS: {id: {fromMe: true, remote: '1@c.us'}, hasMedia: true, body: 'Look'},
	};
	for (const engine of ['GOWS', 'NOWEB', 'WEBJS'] as const) {
		await using waha = await startWorking({engine});
		const {status, body: answer} = await call(waha, 'POST', '/api/sendImage', body);
		t.is(status, 201);
		t.like(answer, shapes[engine]);
		const forwarded = {
			session: SESSION,
			chatId: '2@c.us',
			messageId: waha.session(SESSION).chats.messagesOf('1@c.us')[0]?.id,
		};
		const {status: forwardStatus, body: forward} = await call(waha, 'POST', '/api/forwardMessage', forwarded);
		t.is(forwardStatus, engine === 'GOWS' ? 501 : 201);
		if (engine === 'WEBJS') t.deepEqual(forward, {sent: true});
		if (engine === 'NOWEB') t.true(String((forward as {id: unknown}).id).startsWith('true_2@c.us_'));
	}
});

test('files are served under the address that WAHA has by default, with the key, until they are forgotten', async (t) => {
	await using waha = await startWorking();
	const bytes = Buffer.from('picture');
	const {mediaUrl} = waha.receive(SESSION, {
		from: '1@c.us',
		content: {kind: 'file', type: 'image', mimetype: 'image/jpeg', filename: null, caption: '', bytes},
	});
	const {origin, pathname} = new URL(mediaUrl ?? '');
	t.is(origin, 'http://localhost:3000');
	t.is((await fetch(waha.url + pathname)).status, 401);
	const served = await fetch(waha.url + pathname, {headers: {'x-api-key': waha.apiKey}});
	t.is(served.headers.get('content-type'), 'image/jpeg');
	t.deepEqual(Buffer.from(await served.arrayBuffer()), bytes);
	waha.expireFiles();
	t.like(await call(waha, 'GET', pathname), {status: 404, body: {error: {code: 404, key: 'FILE_NOT_FOUND'}}});
});

test('a filter that there is not is refused', async (t) => {
	await using waha = await startWorking();
	const path = `/api/${SESSION}/chats/1%40c.us/messages?limit=10`;
	t.is((await call(waha, 'GET', `${path}&filter.timestamp.lte=1`)).status, 200);
	t.is((await call(waha, 'GET', `${path}&before=1`)).status, 400);
});

test('an incoming message is reported twice: as one that came, and as any', async (t) => {
	await using sink = await WebhookSink.start();
	await using waha = await startWith(webhookTo(sink));
	waha.receive(SESSION, {from: '1@c.us', content: {kind: 'text', text: 'hello'}});
	await eventually(() => sink.deliveries.length === 2);
	const events = sink.deliveries.map(({body}) => JSON.parse(body) as {event: string; id: string});
	t.deepEqual(events.map(({event}) => event).sort(), ['message', 'message.any']);
	t.is(events[0]?.id, events[1]?.id, 'the same id for both, on GOWS');
});

/** A fake with one linked session. */
async function startWorking(options: FakeWahaOptions = {}): Promise<FakeWaha> {
	const waha = await FakeWaha.start(options);
	await call(waha, 'POST', '/api/sessions', {name: SESSION, start: true});
	await eventually(() => waha.session(SESSION).status === 'SCAN_QR_CODE');
	waha.scan(SESSION);
	await eventually(() => waha.session(SESSION).status === 'WORKING');
	return waha;
}

function webhookTo(sink: WebhookSink): FakeWebhook {
	return {url: sink.url, events: ['*']};
}

/** A fake with one stopped session. */
async function startWith(webhook: FakeWebhook): Promise<FakeWaha> {
	const waha = await FakeWaha.start();
	await call(waha, 'POST', '/api/sessions', {name: SESSION, config: {webhooks: [webhook]}});
	return waha;
}

async function call(
	waha: FakeWaha,
	method: string,
	path: string,
	body?: object,
): Promise<{status: number; body: unknown}> {
	const response = await fetch(waha.url + path, {
		method,
		headers: {'x-api-key': waha.apiKey, 'content-type': 'application/json'},
		...(body !== undefined && {body: JSON.stringify(body)}),
	});
	return {status: response.status, body: await response.json()};
}
