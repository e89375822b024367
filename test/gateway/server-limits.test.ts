import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {HttpServer, type RequestLimits} from '../../gateway/http/server.ts';
import {createGatewayHarness, PUBLIC_URL} from '../support/gateway-harness.ts';

const HOST = '127.0.0.1';
const FAST: Partial<RequestLimits> = {headersTimeoutMs: 300, requestTimeoutMs: 600, checkEveryMs: 50};

const serve = (limits: Partial<RequestLimits> = FAST): Promise<HttpServer> =>
	HttpServer.listen({
		listener: (request, response) => {
			request.resume().once('end', () => response.end('served'));
		},
		host: HOST,
		port: 0,
		publicUrl: PUBLIC_URL,
		limits,
	});

/** Everything that the server says until it ends the connection. */
async function readToEnd(socket: Socket): Promise<string> {
	const chunks: Buffer[] = [];
	socket.on('data', (chunk: Buffer) => chunks.push(chunk));
	socket.on('error', () => undefined);
	if (!socket.closed) await once(socket, 'close');
	return Buffer.concat(chunks).toString();
}

/** Says one byte at a time, for as long as the connection lasts. */
function drip(socket: Socket, everyMs: number): void {
	const timer = setInterval(() => {
		if (socket.writable) socket.write('x');
	}, everyMs);
	socket.once('close', () => {
		clearInterval(timer);
	});
}

function errorOf(answer: string): ErrorBody {
	const [head = '', body = ''] = answer.split('\r\n\r\n');
	const error = JSON.parse(body) as ErrorBody;
	const requestId = /^X-Request-Id: (.*)$/m.exec(head)?.[1]?.trim();
	if (requestId !== error.requestId) throw new Error(`header ${String(requestId)}, body ${error.requestId}`);
	return error;
}

test('headers that drip in are cut with 408, however many connections do it', async (t) => {
	await using server = await serve();
	const startedAt = Date.now();
	const slow = Array.from({length: 50}, () => {
		const socket = connect(server.port, HOST);
		socket.write('GET / HTTP/1.1\r\nX-Slow: ');
		drip(socket, 40);
		return readToEnd(socket);
	});
	const healthy = await fetch(`http://${HOST}:${server.port}/`);
	t.is(await healthy.text(), 'served', 'others are served meanwhile');
	for (const answer of await Promise.all(slow)) {
		t.true(answer.startsWith('HTTP/1.1 408 '), answer);
		t.like(errorOf(answer), {code: 'REQUEST_TIMEOUT', statusCode: 408, retryable: true});
	}
	t.true(Date.now() - startedAt < 3000);
});

test('a body that drips in is cut', async (t) => {
	await using server = await serve();
	const socket = connect(server.port, HOST);
	socket.write('POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n');
	drip(socket, 40);
	const startedAt = Date.now();
	t.regex(await readToEnd(socket), /^HTTP\/1\.1 408 |^$/);
	t.true(Date.now() - startedAt < 3000);
});

test('a connection that says nothing at all is cut', async (t) => {
	await using server = await serve();
	const socket = connect(server.port, HOST);
	t.regex(await readToEnd(socket), /^HTTP\/1\.1 408 |^$/);
});

for (const [what, headers] of [
	['headers over 16 KB', `X-Large: ${'x'.repeat(17 * 1024)}\r\n`],
	['more than 200 headers', Array.from({length: 201}, (_, index) => `X-${index}: 1\r\n`).join('')],
] as const) {
	test(`${what} are 431, in the shape of every error`, async (t) => {
		await using server = await serve({});
		const socket = connect(server.port, HOST);
		socket.write(`GET / HTTP/1.1\r\n${headers}\r\n`);
		t.like(errorOf(await readToEnd(socket)), {code: 'HEADERS_TOO_LARGE', statusCode: 431, retryable: false});
	});
}

for (const [what, bytes] of [
	['no HTTP', 'hello\r\n\r\n'],
	['an unknown method', 'BREW / HTTP/1.1\r\n\r\n'],
	['two lengths', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
	['a length and chunks', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
	['a broken chunk', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
	['a NUL in a header', 'GET / HTTP/1.1\r\nX-A: a\0b\r\n\r\n'],
	['a line feed in a header name', 'GET / HTTP/1.1\r\nX\nA: b\r\n\r\n'],
] as const) {
	test(`${what} is 400, in the shape of every error`, async (t) => {
		await using server = await serve({});
		const socket = connect(server.port, HOST);
		socket.write(bytes);
		const answer = await readToEnd(socket);
		t.true(answer.startsWith('HTTP/1.1 400 Bad Request\r\n'), answer);
		t.like(errorOf(answer), {code: 'VALIDATION_FAILED', message: 'The request is not valid HTTP/1.1'});
	});
}

test('a request without Host, or with an unknown expectation, is served', async (t) => {
	await using server = await serve({});
	for (const header of ['', 'Host: x\r\nExpect: cake\r\n']) {
		const socket = connect(server.port, HOST);
		socket.write(`GET / HTTP/1.1\r\nConnection: close\r\n${header}\r\n`);
		t.regex(await readToEnd(socket), /^HTTP\/1\.1 200 OK[^]*served/);
	}
});

test('a client that is cut in the middle of a request leaves no line in the log', async (t) => {
	await using gateway = await createGatewayHarness();
	const {token} = await gateway.createTenant();
	const {port} = new URL(gateway.url);
	for (let index = 0; index < 20; index++) {
		const socket = connect(Number(port), HOST);
		const head = `POST /api/connections HTTP/1.1\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json`;
		await new Promise((resolve) => {
			socket.write(`${head}\r\nContent-Length: 100\r\n\r\n{"name`, resolve);
		});
		// Again, until the server has seen the beginning for sure.
		await fetch(`${gateway.url}/api`);
		socket.destroy();
	}
	t.is((await fetch(`${gateway.url}/api`)).status, 200);
	t.deepEqual(
		gateway.log.entries.filter(({level}) => level === 'error'),
		[],
	);
});
