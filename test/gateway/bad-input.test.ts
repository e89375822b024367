import {once} from 'node:events';
import {connect} from 'node:net';
import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';

// What strange, broken and hostile clients send. Accepted and harmless, or a clear 4xx in the shape of every error; never a 5xx.

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const JSON_TYPE = {'content-type': 'application/json'};

/** Sends bytes as they are. */
function send(
	{token}: Tenant,
	method: string,
	path: string,
	body: string | Uint8Array<ArrayBuffer>,
	headers: Record<string, string> = JSON_TYPE,
): Promise<Response> {
	return fetch(`${gateway.url}/api${path}`, {method, headers: {authorization: `Bearer ${token}`, ...headers}, body});
}

async function errorOf(response: Response): Promise<ErrorBody> {
	const body = (await response.json()) as ErrorBody;
	if (body.statusCode !== response.status) throw new Error(`status ${response.status}, body ${JSON.stringify(body)}`);
	return body;
}

async function tenantWithConnection(): Promise<{tenant: Tenant; id: string}> {
	const tenant = await gateway.createTenant();
	const {id} = await tenant.client.call<ConnectionView>('POST', '/connections');
	return {tenant, id};
}

test('null for optional fields, an empty body and unknown keys are accepted', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	for (const body of [
		'',
		'{}',
		'null',
		'{"name":null}',
		'{"name":null,"nope":{"deep":[1,2,3]}}',
		'\ufeff{}',
		'  {}\n',
	]) {
		const response = await send(tenant, 'PATCH', `/connections/${id}`, body);
		t.is(response.status, 200, JSON.stringify(body));
	}
});

test('__proto__, constructor and prototype as keys change nothing but what they name', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	for (const body of [
		'{"__proto__":{"name":"hacked","isAdmin":true}}',
		'{"constructor":{"prototype":{"isAdmin":true}}}',
		'{"prototype":{"isAdmin":true},"toString":1,"hasOwnProperty":2}',
	]) {
		const response = await send(tenant, 'PATCH', `/connections/${id}`, body);
		t.is(response.status, 200);
		t.like(await response.json(), {name: null});
	}
	const form = await send(tenant, 'PATCH', `/connections/${id}`, '__proto__[isAdmin]=1&constructor[prototype][x]=1', {
		'content-type': 'application/x-www-form-urlencoded',
	});
	t.is(form.status, 200);
	t.is((await tenant.client.fetch('GET', '/connections?__proto__[limit]=x&constructor=1')).status, 200);
	t.false('isAdmin' in {});
	t.is((await tenant.client.call<{isAdmin: boolean}>('GET', '/me')).isAdmin, false);
});

test('of a key that is there twice the last one counts, in bodies, forms and queries', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	const json = await send(tenant, 'PATCH', `/connections/${id}`, '{"name":"first","name":"last"}');
	t.like(await json.json(), {name: 'last'});
	const form = await send(tenant, 'PATCH', `/connections/${id}`, 'name=first&name=last+one', {
		'content-type': 'application/x-www-form-urlencoded',
	});
	t.like(await form.json(), {name: 'last one'});
	await tenant.client.call('POST', '/connections');
	t.is((await tenant.client.call<unknown[]>('GET', '/connections?limit=x&limit=1')).length, 1);
	t.is((await tenant.client.fetch('GET', '/connections?limit=1&limit=x')).status, 400);
});

test('an id that is no UUID is 404, whatever it is', async (t) => {
	const {tenant} = await tenantWithConnection();
	for (const id of [
		'1',
		'null',
		'undefined',
		'%00',
		'%0d%0aX-Injected:1',
		'..%2f..%2fadmin',
		'%F0%9F%92%A9',
		'x'.repeat(5000),
	]) {
		const response = await tenant.client.fetch('GET', `/connections/${id}`);
		t.is(response.status, 404, id);
		t.like(await errorOf(response), {code: 'NOT_FOUND', message: 'Connection not found'});
		t.false(response.headers.has('x-injected'));
	}
	t.is((await tenant.client.fetch('GET', '/connections/%E0%A4%A')).status, 400, 'encoded wrongly');
});

test('10,000 levels of nesting are dropped or refused, in JSON, forms and queries', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	const depth = 10_000;
	const array = `${'['.repeat(depth)}${']'.repeat(depth)}`;
	const object = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
	for (const nested of [array, object]) {
		t.is((await send(tenant, 'PATCH', `/connections/${id}`, `{"unknown":${nested}}`)).status, 200);
		t.is((await send(tenant, 'PATCH', `/connections/${id}`, `{"name":${nested}}`)).status, 400);
		t.is(
			(await send(tenant, 'POST', `/connections/${id}/webhooks`, `{"url":"https://example.com","events":${nested}}`))
				.status,
			400,
		);
	}
	t.is((await send(tenant, 'PATCH', `/connections/${id}`, array)).status, 400);
	const form = `name=${'a[b]'.repeat(1)}&name${'[a]'.repeat(depth)}=1`;
	const type = {'content-type': 'application/x-www-form-urlencoded'};
	t.true([200, 400].includes((await send(tenant, 'PATCH', `/connections/${id}`, form, type)).status));
	t.true((await tenant.client.fetch('GET', `/connections?limit${'[a]'.repeat(1000)}=1`)).status < 500);
	t.true((await tenant.client.fetch('GET', `/connections?${'a=1&'.repeat(1500)}limit=1`)).status < 500);
});

test('lone surrogates, NUL and line breaks are refused where a line is expected', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	for (const name of ['\\ud800', '\\udfff text', 'a\\u0000b', 'a\\r\\nX-Injected: 1', 'tab\\there', '\\u007f']) {
		for (const [method, path] of [
			['PATCH', `/connections/${id}`],
			['POST', '/tokens'],
			['POST', '/connections'],
		] as const) {
			const response = await send(tenant, method, path, `{"name":"${name}"}`);
			t.is(response.status, 400, name);
			t.like(await errorOf(response), {
				message: 'name must be one line of valid Unicode without control characters',
				code: 'VALIDATION_FAILED',
			});
		}
	}
	const invalid = await send(tenant, 'PATCH', `/connections/${id}`, Buffer.from('7b226e616d65223a22ff22', 'hex'));
	t.true(invalid.status < 500);
});

test('names of any script, with emoji and right-to-left text, come back as they were', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	for (const name of [
		'Müller & Söhne <b>',
		'👩‍👩‍👧‍👦',
		'متجر',
		'店',
		"Robert'); DROP TABLE connections;--",
		'${7*7}{{7*7}}',
		'%00%0a',
	]) {
		t.is((await tenant.client.call<{name: string}>('PATCH', `/connections/${id}`, {name})).name, name);
	}
});

test('a 60 MB body is 413 on every kind of route, and the next request is served', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const large = Buffer.alloc(60 * 1024 * 1024, 'A');
	for (const [method, path, start] of [
		['PATCH', `/connections/${id}`, '{"name":"'],
		['POST', `/connections/${id}/send`, '{"text":"'],
		['POST', `/connections/${id}/send-image`, '{"chatId":"15550110000","data":"'],
		['POST', `/connections/${id}/send-image`, '{"chatId":"15550110000","caption":"'],
	] as const) {
		large.write(start);
		const status = await statusOfLargeBody(tenant, method, path, large);
		t.is(status, 413, path);
	}
	t.is((await tenant.client.fetch('GET', `/connections/${id}`)).status, 200);
});

test('what is not JSON is 415, and says what would do', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	for (const type of [
		'text/plain',
		'text/html',
		'application/xml',
		'multipart/form-data; boundary=x',
		'image/png',
		'x',
		'*/*',
	]) {
		const response = await send(tenant, 'PATCH', `/connections/${id}`, '{"name":"x"}', {'content-type': type});
		t.is(response.status, 415, type);
		t.regex(String((await errorOf(response)).message), /application\/json/);
	}
	for (const headers of [
		{'content-type': 'application/json; charset=iso-8859-1'},
		{...JSON_TYPE, 'content-encoding': 'compress'},
		{...JSON_TYPE, 'content-encoding': 'gzip, gzip'},
	] as Record<string, string>[]) {
		t.is((await send(tenant, 'PATCH', `/connections/${id}`, '{}', headers)).status, 415);
	}
	const broken = await send(tenant, 'PATCH', `/connections/${id}`, 'no gzip', {
		...JSON_TYPE,
		'content-encoding': 'gzip',
	});
	t.is(broken.status, 400, 'bytes that are not what they claim to be');
});

test('a small body that inflates beyond the limit is 413', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	const {gzipSync} = await import('node:zlib');
	const bomb = gzipSync(`{"name":"${'a'.repeat(100 * 1024 * 1024)}"}`);
	t.true(bomb.byteLength < 200 * 1024);
	const response = await send(tenant, 'PATCH', `/connections/${id}`, new Uint8Array(bomb), {
		...JSON_TYPE,
		'content-encoding': 'gzip',
	});
	t.is(response.status, 413);
});

test('a file name never leads out of its folder', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	for (const filename of [
		'..%2f..%2f..%2fetc%2fpasswd',
		'..%5c..%5cwindows',
		'%2e%2e%2fstore.db',
		'a%2fb',
		'..',
		'%2e%2e',
		'%00',
		'x%00.png',
		'con%0d%0aX-Injected:%201',
		'x'.repeat(1000),
	]) {
		// Not by `fetch`: it resolves dots itself.
		const answer = await rawGet(tenant, `/api/connections/${id}/media/${filename}`);
		t.regex(answer, /^HTTP\/1\.1 404 /, filename);
		t.regex(answer, /"code":"(MEDIA_NOT_FOUND|NOT_FOUND|ROUTE_NOT_FOUND)"/, filename);
		t.notRegex(answer, /root:|^X-Injected/m);
	}
});

test('header values that are no token, key or id of ours are refused or ignored', async (t) => {
	const {tenant, id} = await tenantWithConnection();
	const body = JSON.stringify({chatId: '15550110000', text: 'x', skipPresence: true});
	for (const key of ['with space', 'ü', 'x'.repeat(256)]) {
		const response = await send(tenant, 'POST', `/connections/${id}/send`, body, {
			...JSON_TYPE,
			'idempotency-key': Buffer.from(key).toString('latin1'),
		});
		t.is(response.status, 400, key);
	}
	for (const authorization of [
		'Bearer',
		'Bearer ',
		'Bearer  a b',
		'bearer wh_',
		`Bearer ${'x'.repeat(8000)}`,
		'Basic eA==',
	]) {
		t.is((await fetch(`${gateway.url}/api/connections`, {headers: {authorization}})).status, 401, authorization);
	}
});

test('a body that claims a length it does not have harms nobody', async (t) => {
	const {tenant} = await tenantWithConnection();
	const head = `POST /api/connections HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tenant.token}\r\nContent-Type: application/json\r\n`;
	for (const rest of ['Content-Length: 5\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz']) {
		const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
		socket.on('error', () => undefined);
		socket.end(head + rest);
		socket.resume();
		await once(socket, 'close');
	}
	t.is((await tenant.client.fetch('GET', '/connections')).status, 200);
});

test.after('nothing of it was an unhandled error', (t) => {
	t.deepEqual(
		gateway.log.entries.filter(({level}) => level === 'error'),
		[],
	);
});

/** Writes until the server has answered, as clients do that read while they write. */
async function statusOfLargeBody({token}: Tenant, method: string, path: string, body: Buffer): Promise<number> {
	const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
	socket.on('error', () => undefined);
	const head = `${method} /api${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json`;
	socket.write(`${head}\r\nContent-Length: ${body.byteLength}\r\n\r\n`);
	socket.write(body);
	const [answer] = (await once(socket, 'data')) as [Buffer];
	socket.destroy();
	return Number(/^HTTP\/1\.1 (\d+)/.exec(answer.toString())?.[1]);
}

async function rawGet({token}: Tenant, path: string): Promise<string> {
	const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
	socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`);
	const chunks: Buffer[] = [];
	for await (const chunk of socket) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}
