import {request as httpRequest} from 'node:http';
import test from 'ava';
import {
	CommandFailedError,
	ERROR_CODES,
	MalformedMessageError,
	QrNotReadyError,
	StoreUnavailableError,
	type ErrorCode,
} from '../../domain/errors.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {ERROR_CATALOGUE} from '../../gateway/http/error-catalogue.ts';
import {createGatewayHarness, PUBLIC_URL, type ConnectionView} from '../support/gateway-harness.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const FIELDS = ['message', 'error', 'statusCode', 'code', 'requestId', 'retryable', 'docs'];

/** Sends a body as it is. */
function post(token: string, body: string, headers: Record<string, string>): Promise<Response> {
	return fetch(`${gateway.url}/api/connections`, {
		method: 'POST',
		headers: {authorization: `Bearer ${token}`, ...headers},
		body,
	});
}

test('every kind of failure has the same shape', async (t) => {
	const {client, token} = await gateway.createTenant();
	const json = {'content-type': 'application/json'};
	for (const [response, status, code] of [
		[await post(token, '{', json), 400, 'VALIDATION_FAILED'],
		[await fetch(`${gateway.url}/api/connections`), 401, 'UNAUTHENTICATED'],
		[await client.fetch('GET', '/connections/x'), 404, 'NOT_FOUND'],
		[await client.fetch('GET', '/nope'), 404, 'ROUTE_NOT_FOUND'],
		[await fetch(`${gateway.url}/nope`), 404, 'ROUTE_NOT_FOUND'],
		[await client.fetch('GET', '/connections/%E0%A4%A'), 400, 'VALIDATION_FAILED'],
		[await post(token, JSON.stringify({name: 'x'.repeat(1024 * 1024)}), json), 413, 'PAYLOAD_TOO_LARGE'],
		[await post(token, 'name=x', {'content-type': 'text/plain'}), 415, 'UNSUPPORTED_MEDIA_TYPE'],
		[await post(token, '{}', {'content-type': 'application/json; charset=latin1'}), 415, 'UNSUPPORTED_MEDIA_TYPE'],
		[await post(token, '{}', {...json, 'content-encoding': 'rot13'}), 415, 'UNSUPPORTED_MEDIA_TYPE'],
	] as const) {
		t.is(response.status, status);
		t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
		const body = (await response.json()) as ErrorBody;
		t.deepEqual(Object.keys(body), FIELDS);
		t.is(body.statusCode, status);
		t.is(body.code, code);
		t.is(body.retryable, ERROR_CATALOGUE[code].retryable);
		t.is(body.docs, `${PUBLIC_URL}/docs/errors#${code}`);
		t.is(response.headers.get('x-request-id'), body.requestId);
	}
});

test('an unknown route is named by method and path, without its query', async (t) => {
	const response = await fetch(`${gateway.url}/api/nope?token=wh_secret`, {method: 'DELETE'});
	t.is(((await response.json()) as ErrorBody).message, 'Cannot DELETE /api/nope');
});

test('malformed JSON is told in the words of the parser', async (t) => {
	const {token} = await gateway.createTenant();
	const response = await post(token, '{"name": x}', {'content-type': 'application/json'});
	const {message, error} = (await response.json()) as ErrorBody;
	t.regex(String(message), /JSON/);
	t.is(error, 'Bad Request');
});

test('a body is JSON without a content type too, and may be a form', async (t) => {
	const {client, token} = await gateway.createTenant();
	t.like(await (await postWithoutType(token, '{"name":"Untyped"}')).json(), {name: 'Untyped'});
	const form = await post(token, 'name=A+form', {'content-type': 'application/x-www-form-urlencoded'});
	t.like(await form.json(), {name: 'A form'});
	t.like(await (await post(token, 'null', {'content-type': 'application/json'})).json(), {name: null});
	t.is((await client.call<unknown[]>('GET', '/connections')).length, 3);
});

test('a failure that nobody foresaw is 500, tells nothing and is logged with its stack', async (t) => {
	await using harness = await createGatewayHarness();
	const {client} = await harness.createTenant();
	const defect = new TypeError('secret detail of mongodb://admin:pw@10.0.0.1');
	harness.storeFaults.connectionStore = defect;
	const response = await client.fetch('GET', '/connections');
	t.is(response.status, 500);
	const body = (await response.json()) as ErrorBody;
	t.deepEqual(body, {
		message: 'Internal server error',
		error: 'Internal Server Error',
		statusCode: 500,
		code: 'INTERNAL',
		requestId: body.requestId,
		retryable: false,
		docs: `${PUBLIC_URL}/docs/errors#INTERNAL`,
	});
	const [entry] = harness.log.of('http.failed');
	t.like(entry, {level: 'error', fields: {error: defect, requestId: body.requestId, path: '/api/connections'}});
	harness.storeFaults.connectionStore = new MalformedMessageError('header x is missing');
	t.is(((await (await client.fetch('GET', '/connections')).json()) as ErrorBody).message, 'Internal server error');
});

test('while the store is away reads are 503 with Retry-After, and no token is called invalid', async (t) => {
	await using harness = await createGatewayHarness();
	for (const store of ['connectionStore', 'tokenStore'] as const) {
		// A token that is new here: known ones are remembered for a moment.
		const {client} = await harness.createTenant();
		harness.storeFaults[store] = new StoreUnavailableError('switched off by the test');
		const response = await client.fetch('GET', '/connections');
		t.is(response.status, 503);
		t.is(response.headers.get('retry-after'), '5');
		t.like(await response.json(), {code: 'STORE_UNAVAILABLE', error: 'Service Unavailable', retryable: true});
		harness.storeFaults[store] = undefined;
		t.is((await client.fetch('GET', '/connections')).status, 200);
	}
});

test('every code has a status that is an error, and upstream failures are 502 to 504', (t) => {
	for (const code of ERROR_CODES) {
		const {status} = ERROR_CATALOGUE[code];
		t.true(status >= 400 && status < 600);
	}
	const upstream: ErrorCode[] = ['ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT', 'ENGINE_REFUSED', 'BROKER_UNAVAILABLE'];
	for (const code of upstream) t.true([502, 503, 504].includes(ERROR_CATALOGUE[code].status), code);
});

test('a failure that came back over the broker keeps its code', async (t) => {
	await using harness = await createGatewayHarness();
	const {client} = await harness.createTenant();
	harness.storeFaults.connectionStore = new CommandFailedError({
		code: 'ENGINE_TIMEOUT',
		message: 'The worker did not answer',
		retryAfterMs: 1500,
	});
	const response = await client.fetch('GET', '/connections');
	t.is(response.status, 504);
	t.is(response.headers.get('retry-after'), '2');
	t.like(await response.json(), {
		message: 'The worker did not answer',
		error: 'Gateway Timeout',
		code: 'ENGINE_TIMEOUT',
		retryable: true,
	});
});

test('what the catalogue says of an engine failure is what its error says', (t) => {
	for (const code of ERROR_CODES) {
		const {retryable} = new CommandFailedError({code, message: 'x'});
		// Codes that are not an engine's carry a delay where they can be retried.
		if (retryable) t.true(ERROR_CATALOGUE[code].retryable, code);
	}
	t.false(new CommandFailedError({code: 'OUTCOME_UNKNOWN', message: 'x'}).retryable);
});

test('a code with several causes tells programs which one it is', async (t) => {
	await using harness = await createGatewayHarness();
	const {client} = await harness.createTenant();
	harness.storeFaults.connectionStore = new QrNotReadyError('worker_pending', 'please wait');
	const body = (await (await client.fetch('GET', '/connections')).json()) as ErrorBody;
	t.deepEqual(Object.keys(body), [...FIELDS, 'reason']);
	t.is(body.reason, 'worker_pending');
});

test('a sane request id is taken over, any other is replaced', async (t) => {
	const idFor = async (sent: string | undefined): Promise<string | null> => {
		const headers = sent === undefined ? {} : {'x-request-id': sent};
		return (await fetch(`${gateway.url}/api`, {headers})).headers.get('x-request-id');
	};
	t.is(await idFor('order-17:step.3'), 'order-17:step.3');
	for (const sent of [undefined, 'two words', '<script>', 'x'.repeat(129)]) {
		t.regex((await idFor(sent)) ?? '', /^[0-9a-f-]{36}$/);
	}
});

test('lines of the log carry the request id and no query', async (t) => {
	const {client, tokenId} = await gateway.createTenant();
	await client.fetch('GET', '/connections?limit=5', undefined, {'x-request-id': 'trace-me'});
	const line = gateway.log.of('http.answered').find(({fields}) => fields['requestId'] === 'trace-me');
	t.like(line?.fields, {method: 'GET', path: '/api/connections', status: 200, tokenId});
	t.is(typeof line?.fields['durationMs'], 'number');
});

test('whatever is logged for a request carries its id, however deep and late', async (t) => {
	await using harness = await createGatewayHarness();
	const {client} = await harness.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const {log} = harness;
	const deep = new Promise<void>((resolve) => {
		harness.storeFaults.connectionStore = Object.defineProperty(new StoreUnavailableError('away'), 'message', {
			get: () => {
				setTimeout(() => {
					log.info({}, 'late');
					resolve();
				});
				return 'away';
			},
		});
	});
	// Its body is read first, which happens in the server's own time.
	await client.fetch('PATCH', `/connections/${id}`, {name: 'x'}, {'x-request-id': 'deep'});
	await deep;
	const lines = log.entries.filter(({event}) => event === 'late' || event.startsWith('http.'));
	t.is(log.of('late')[0]?.fields['requestId'], 'deep');
	for (const {event, fields} of lines) t.is(typeof fields['requestId'], 'string', event);
	const refused = await harness.ingest('u_nobody_s_1', '{}', {headers: {'x-request-id': 'ingest-1'}});
	t.is(refused.headers.get('x-request-id'), 'ingest-1');
	t.is(log.of('ingestion.signature.wrong')[0]?.fields['requestId'], 'ingest-1');
});

test('any origin may call: preflights are 204 and every answer allows it', async (t) => {
	const preflight = await fetch(`${gateway.url}/api/connections`, {
		method: 'OPTIONS',
		headers: {
			origin: 'https://app.example',
			'access-control-request-method': 'PATCH',
			'access-control-request-headers': 'authorization,content-type',
		},
	});
	t.is(preflight.status, 204);
	t.is(preflight.headers.get('access-control-allow-origin'), '*');
	t.is(preflight.headers.get('access-control-allow-methods'), 'GET,HEAD,PUT,PATCH,POST,DELETE');
	t.is(preflight.headers.get('access-control-allow-headers'), 'authorization,content-type');
	const {client} = await gateway.createTenant();
	for (const response of [
		await client.fetch('GET', '/connections'),
		await client.fetch('GET', '/nope'),
		await fetch(`${gateway.url}/api/connections`),
	]) {
		t.is(response.headers.get('access-control-allow-origin'), '*');
		t.is(
			response.headers.get('access-control-expose-headers'),
			'Accept-Ranges,Content-Disposition,Content-Range,ETag,Link,Retry-After,X-Request-Id,X-RateLimit-Limit,X-RateLimit-Remaining,X-RateLimit-Reset',
		);
	}
});

test('answers are hardened, and promise nothing about TLS', async (t) => {
	const {headers} = await fetch(`${gateway.url}/api`);
	t.is(headers.get('x-content-type-options'), 'nosniff');
	t.is(headers.get('x-powered-by'), null);
	t.is(headers.get('strict-transport-security'), null);
	t.false((headers.get('content-security-policy') ?? '').includes('upgrade-insecure-requests'));
});

test('the landing page loads nothing from elsewhere', async (t) => {
	const response = await fetch(gateway.url);
	t.is(response.status, 200);
	t.regex(response.headers.get('content-type') ?? '', /^text\/html/);
	const page = await response.text();
	t.regex(page, /href="\/api\/health"/);
	t.regex(page, /href="\/docs"/);
	t.regex(page, /1\.2\.3/);
	t.notRegex(page, /<script|<link|<img|src=/);
});

test('HEAD answers as GET without a body', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const response = await client.fetch('HEAD', `/connections/${id}`);
	t.is(response.status, 200);
	t.is(await response.text(), '');
});

/** `fetch` always names a content type. */
function postWithoutType(token: string, body: string): Promise<Response> {
	return new Promise((resolve, reject) => {
		const request = httpRequest(
			`${gateway.url}/api/connections`,
			{method: 'POST', headers: {authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(body)}},
			(response) => {
				const chunks: Buffer[] = [];
				response.on('data', (chunk: Buffer) => chunks.push(chunk));
				response.on('end', () => {
					resolve(new Response(Buffer.concat(chunks), {status: response.statusCode ?? 0}));
				});
			},
		);
		request.on('error', reject);
		request.end(body);
	});
}
