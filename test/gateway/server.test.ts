import {once} from 'node:events';
import {Agent, request as httpRequest, type RequestListener} from 'node:http';
import {connect} from 'node:net';
import test from 'ava';
import {SetupError} from '../../domain/errors.ts';
import {HttpServer} from '../../gateway/http/server.ts';

const HOST = '127.0.0.1';
const PUBLIC_URL = 'https://gateway.example';

const serve = (listener: RequestListener = () => undefined): Promise<HttpServer> =>
	HttpServer.listen({listener, host: HOST, port: 0, publicUrl: PUBLIC_URL});

test('a port in use, and a host that is not ours, are one line that names the setting', async (t) => {
	await using server = await serve();
	const taken = await t.throwsAsync(
		HttpServer.listen({listener: () => undefined, host: HOST, port: server.port, publicUrl: PUBLIC_URL}),
		{
			instanceOf: SetupError,
		},
	);
	t.is(taken.message, `port ${server.port} on ${HOST} is in use: stop what listens there, or set another PORT`);
	const foreign = await t.throwsAsync(
		HttpServer.listen({listener: () => undefined, host: '192.0.2.1', port: 0, publicUrl: PUBLIC_URL}),
		{
			instanceOf: SetupError,
		},
	);
	t.regex(foreign.message, /set HOST/);
});

test('idle connections are kept longer than clients keep theirs, slow requests are cut', async (t) => {
	await using server = await serve();
	t.true(server.server.keepAliveTimeout > 60_000);
	t.true(server.server.headersTimeout <= 30_000);
	t.true(server.server.requestTimeout <= 120_000);
});

test('closing takes no more connections, ends idle ones and lets requests in progress finish', async (t) => {
	let finish = (): void => undefined;
	const server = await serve((_request, response) => {
		finish = () => response.end('done');
	});
	const {port} = server;
	const idle = connect(port, HOST);
	await once(idle, 'connect');
	const agent = new Agent({keepAlive: true});
	const answered = new Promise<string>((resolve, reject) => {
		httpRequest({host: HOST, port, agent}, (response) => {
			response.setEncoding('utf8').on('data', resolve);
		})
			.on('error', reject)
			.end();
	});
	await once(server.server, 'request');
	const startedAt = Date.now();
	const closed = server[Symbol.asyncDispose]();
	const refused = connect(port, HOST);
	await once(refused, 'error');
	finish();
	t.is(await answered, 'done');
	await closed;
	t.true(Date.now() - startedAt < 5000, 'kept-alive connections do not hold it up');
	idle.destroy();
	agent.destroy();
});

test('what has not finished after 10 s is cut, upgraded sockets included', async (t) => {
	const server = await serve();
	server.server.on('upgrade', (_request, socket) => {
		socket.on('error', () => undefined);
		socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
	});
	const upgraded = connect(server.port, HOST);
	upgraded.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
	await once(upgraded, 'data');
	const hanging = connect(server.port, HOST);
	hanging.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
	await once(server.server, 'request');
	const ends = [upgraded, hanging].map(async (socket) => {
		socket.on('error', () => undefined);
		await once(socket, 'close');
	});
	const startedAt = Date.now();
	await server[Symbol.asyncDispose]();
	await Promise.all(ends);
	const tookMs = Date.now() - startedAt;
	t.true(tookMs > 9000 && tookMs < 13_000, `${tookMs} ms`);
});

test('a client that offers HTTP/2 by an upgrade gets its answer over HTTP/1.1', async (t) => {
	await using server = await serve((_, response) => response.end('hello'));
	server.server.on('upgrade', (_request, socket) => socket.destroy());
	const client = connect(server.port, HOST);
	client.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n');
	const [answer] = (await once(client, 'data')) as [Buffer];
	t.true(answer.toString().startsWith('HTTP/1.1 200'));
	client.destroy();
});
