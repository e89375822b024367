import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {ResolveName} from '../../adapters/http/guarded-lookup.ts';
import {UndiciWebhookSender} from '../../adapters/http/undici-webhook-sender.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import type {WebhookRequest, WebhookResponse} from '../../domain/ports/webhook-sender.ts';
import {eventually} from '../support/eventually.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {Receiver} from '../support/receiver.ts';

const KB = 1024;

function createSender({
	allowCidrs = ['127.0.0.0/8'],
	resolveName,
}: {allowCidrs?: string[]; resolveName?: ResolveName} = {}): UndiciWebhookSender {
	return new UndiciWebhookSender({
		clock: new SystemClock(),
		version: '1.2.3',
		allowCidrs,
		...(resolveName !== undefined && {resolveName}),
	});
}

function requestTo(url: string, changes: Partial<WebhookRequest> = {}): WebhookRequest {
	return {url, headers: {'content-type': 'application/json'}, body: Buffer.from('{}'), timeoutMs: 10_000, ...changes};
}

function assertAnswer(
	t: ExecutionContext,
	response: WebhookResponse,
): asserts response is Extract<WebhookResponse, {kind: 'answer'}> {
	if (response.kind !== 'answer') t.fail(`expected an answer, got ${response.errorClass}: ${response.error}`);
}

function assertFailure(
	t: ExecutionContext,
	response: WebhookResponse,
	errorClass: string,
): asserts response is Extract<WebhookResponse, {kind: 'failure'}> {
	t.is(response.kind === 'failure' ? response.errorClass : `${response.kind} ${response.status}`, errorClass);
}

test('posts the body as it is, with the given headers and our name, and reports the answer', async (t) => {
	const body = Buffer.from(Array.from({length: 256}, (_, byte) => byte));
	let seen: {method?: string; url?: string; headers?: NodeJS.Dict<string | string[]>; body?: Buffer} = {};
	await using receiver = await Receiver.http((request, response) => {
		void request.toArray().then((chunks: Buffer[]) => {
			const {method, url, headers} = request;
			seen = {method: method ?? '', url: url ?? '', headers, body: Buffer.concat(chunks)};
			response.writeHead(201).end('done');
		});
	});
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url, {headers: {'x-wahooks-event': 'message'}, body}));

	assertAnswer(t, response);
	t.is(response.status, 201);
	t.is(response.body, 'done');
	t.true(response.durationMs >= 0 && response.durationMs < 5000);
	t.is(seen.method, 'POST');
	t.is(seen.url, '/hook?a=1');
	t.deepEqual(seen.body, body);
	t.is(seen.headers?.['x-wahooks-event'], 'message');
	t.is(seen.headers?.['user-agent'], 'WAHooks/1.2.3');
	t.is(seen.headers?.['content-length'], '256');
});

test('errors of the receiver are answers', async (t) => {
	await using receiver = await Receiver.http((request, response) => {
		response.writeHead(Number(request.headers['x-status'])).end();
	});
	await using sender = createSender();
	for (const status of [200, 204, 304, 400, 410, 429, 500, 503]) {
		const response = await sender.send(requestTo(receiver.url, {headers: {'x-status': String(status)}}));
		assertAnswer(t, response);
		t.is(response.status, status);
		t.is(response.body, '');
	}
});

test('a redirect is an answer and is not followed', async (t) => {
	await using elsewhere = await Receiver.http((_request, response) => response.end());
	await using receiver = await Receiver.http((request, response) => {
		response.writeHead(Number(request.headers['x-status']), {location: elsewhere.url}).end();
	});
	await using sender = createSender();
	for (const status of [301, 302, 307, 308]) {
		const response = await sender.send(requestTo(receiver.url, {headers: {'x-status': String(status)}}));
		assertAnswer(t, response);
		t.is(response.status, status);
		t.is(response.location, elsewhere.url);
	}
	t.is(elsewhere.connections, 0);
});

test('Retry-After is read as seconds and as a date', async (t) => {
	const values = ['30', new Date(Date.now() + 60_000).toUTCString(), 'later'];
	await using receiver = await Receiver.http((_request, response) => {
		response.writeHead(503, {'retry-after': values.shift() ?? ''}).end();
	});
	await using sender = createSender();
	const delays: (number | undefined)[] = [];
	while (values.length > 0) {
		const response = await sender.send(requestTo(receiver.url));
		assertAnswer(t, response);
		delays.push(response.retryAfterMs);
	}
	t.is(delays[0], 30_000);
	t.true(delays[1] !== undefined && delays[1] > 50_000 && delays[1] <= 60_000, `${delays[1]} ms`);
	t.is(delays[2], undefined);
});

test('informational answers are passed over', async (t) => {
	await using receiver = await Receiver.http((_request, response) => {
		response.writeEarlyHints({link: '</style.css>; rel=preload'}, () => response.writeHead(202).end('ok'));
	});
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url));
	assertAnswer(t, response);
	t.is(response.status, 202);
	t.is(response.body, 'ok');
});

test('attempts one after the other share a connection, also when answers are 64 KB long', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end(Buffer.alloc(64 * KB, 'a')));
	await using sender = createSender();
	for (let attempt = 0; attempt < 10; attempt++) {
		const response = await sender.send(requestTo(receiver.url));
		assertAnswer(t, response);
		t.is(response.body.length, 4 * KB);
	}
	t.is(receiver.connections, 1);
});

test('attempts side by side have a connection each, however many hang', async (t) => {
	await using receiver = await Receiver.http((request, response) => {
		if (request.headers['x-hang'] === undefined) response.end();
	});
	await using sender = createSender();
	const hanging = Array.from({length: 200}, () =>
		sender.send(requestTo(receiver.url, {headers: {'x-hang': '1'}, timeoutMs: 2000})),
	);
	assertAnswer(t, await sender.send(requestTo(receiver.url, {timeoutMs: 1900})));
	for (const response of await Promise.all(hanging)) assertFailure(t, response, 'timeout');
});

test('a connection that the receiver closed while it was idle is replaced', async (t) => {
	await using receiver = await Receiver.http((request, response) => {
		response.end(() => setImmediate(() => request.socket.destroy()));
	});
	await using sender = createSender();
	for (let attempt = 1; attempt <= 3; attempt++) {
		assertAnswer(t, await sender.send(requestTo(receiver.url)));
		await eventually(() => receiver.open === 0);
		t.is(receiver.connections, attempt);
	}
});

test('of a long answer the status counts, the first 4 KB are kept, and the connection is given up', async (t) => {
	let finished = false;
	await using receiver = await Receiver.http((_request, response) => {
		response.on('finish', () => (finished = true));
		response.writeHead(200, {'content-length': 32 * KB * KB}).end(Buffer.alloc(32 * KB * KB, 'x'));
	});
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url));
	assertAnswer(t, response);
	t.is(response.status, 200);
	t.is(response.body, 'x'.repeat(4 * KB));
	await eventually(() => receiver.open === 0);
	t.false(finished);
});

test('an answer without end is cut, its status counts', async (t) => {
	await using receiver = await Receiver.http((_request, response) => {
		const write = (): void => {
			if (!response.destroyed && response.write('x'.repeat(KB))) setImmediate(write);
			else response.once('drain', write);
		};
		write();
	});
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url));
	assertAnswer(t, response);
	t.is(response.status, 200);
	await eventually(() => receiver.open === 0);
});

test('an answer that is no text is kept with its bad bytes replaced', async (t) => {
	await using receiver = await Receiver.http((_request, response) =>
		response.end(Buffer.from([0x6f, 0x6b, 0xff, 0xfe, 0x00])),
	);
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url));
	assertAnswer(t, response);
	t.is(response.body, 'ok\ufffd\ufffd\0');
});

test('a character that the 4 KB limit cuts in two is left out', async (t) => {
	await using receiver = await Receiver.http((_request, response) =>
		response.end(`${'a'.repeat(4 * KB - 2)}👋${'b'.repeat(KB)}`),
	);
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url));
	assertAnswer(t, response);
	t.is(response.body, 'a'.repeat(4 * KB - 2));
});

test('a receiver that does not answer is given up at the deadline, and its connection closed', async (t) => {
	await using receiver = await Receiver.http(() => undefined);
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url, {timeoutMs: 200}));
	assertFailure(t, response, 'timeout');
	t.is(response.error, 'No complete answer within 200 ms');
	t.true(response.durationMs >= 195 && response.durationMs < 2000, `${response.durationMs} ms`);
	await eventually(() => receiver.open === 0);
});

test('an answer that drips is cut at the deadline', async (t) => {
	await using receiver = await Receiver.http((_request, response) => {
		response.writeHead(200);
		const drip = setInterval(() => response.write('.'), 20);
		response.on('close', () => {
			clearInterval(drip);
		});
	});
	await using sender = createSender();
	const response = await sender.send(requestTo(receiver.url, {timeoutMs: 300}));
	assertFailure(t, response, 'timeout');
	t.true(response.durationMs >= 295 && response.durationMs < 2000, `${response.durationMs} ms`);
	await eventually(() => receiver.open === 0);
});

test('a deadline that passes while the name is being resolved counts, and nothing is sent afterwards', async (t) => {
	let requests = 0;
	await using receiver = await Receiver.http((_request, response) => {
		requests++;
		response.end();
	});
	const resolution = Promise.withResolvers<{address: string; family: number}[]>();
	await using sender = createSender({resolveName: () => resolution.promise});
	const response = await sender.send(requestTo(`http://slow.example:${receiver.port}/`, {timeoutMs: 100}));
	assertFailure(t, response, 'timeout');

	resolution.resolve([{address: '127.0.0.1', family: 4}]);
	await eventually(() => receiver.connections === 1 && receiver.open === 0);
	t.is(requests, 0);
});

test('the deadline is over when the answer is complete', async (t) => {
	const clock = new ManualClock();
	await using receiver = await Receiver.http((_request, response) => response.end('ok'));
	await using sender = new UndiciWebhookSender({clock, version: '1', allowCidrs: ['127.0.0.1']});
	assertAnswer(t, await sender.send(requestTo(receiver.url)));
	await clock.advance(60_000);
	assertAnswer(t, await sender.send(requestTo(receiver.url)));
	t.is(receiver.connections, 1);
});

test('a connection that is cut before or within the answer is a reset', async (t) => {
	await using before = await Receiver.http((request) => request.socket.resetAndDestroy());
	await using within = await Receiver.http((request, response) => {
		response.writeHead(200, {'content-length': 10}).write('12345', () => request.socket.destroy());
	});
	await using silent = await Receiver.raw('');
	await using sender = createSender();
	for (const {url} of [before, within, silent]) assertFailure(t, await sender.send(requestTo(url)), 'reset');
});

test('a port where nothing listens is a failure to connect', async (t) => {
	const receiver = await Receiver.http(() => undefined);
	const {url} = receiver;
	await receiver[Symbol.asyncDispose]();
	await using sender = createSender();
	const response = await sender.send(requestTo(url));
	assertFailure(t, response, 'connect');
	t.is(response.error, 'No connection could be made (ECONNREFUSED)');
});

test('a name none of whose addresses takes the connection is a failure to connect', async (t) => {
	const receiver = await Receiver.http(() => undefined);
	const {port} = receiver;
	await receiver[Symbol.asyncDispose]();
	const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({address, family: 4}));
	await using sender = createSender({resolveName: () => Promise.resolve(addresses)});
	assertFailure(t, await sender.send(requestTo(`http://several.example:${port}/`)), 'connect');
});

test('a name that does not exist is a DNS failure', async (t) => {
	await using sender = createSender();
	const response = await sender.send(requestTo('http://does-not-exist.invalid/'));
	assertFailure(t, response, 'dns');
	t.regex(response.error, /^The host name could not be resolved \((ENOTFOUND|EAI_AGAIN)\)$/);
});

test('TLS to a port that speaks none is a TLS failure', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	await using sender = createSender();
	assertFailure(t, await sender.send(requestTo(receiver.url.replace('http:', 'https:'))), 'tls');
});

for (const [name, bytes] of [
	['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n'],
	['HTTP/0.9', '<html>hello</html>'],
	['a status that is none', 'HTTP/1.1 abc OK\r\n\r\n'],
	['a bad chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'],
	['headers without end', `HTTP/1.1 200 OK\r\n${'x-filler: 1234567890\r\n'.repeat(2000)}\r\n`],
] as const) {
	test(`an answer that cannot be read is a reset, and the line says so: ${name}`, async (t) => {
		await using receiver = await Receiver.raw(bytes);
		await using sender = createSender();
		const response = await sender.send(requestTo(receiver.url));
		assertFailure(t, response, 'reset');
		t.regex(response.error, /^The answer is not HTTP that can be read( \(UND_ERR_HEADERS_OVERFLOW\))?$/);
		await eventually(() => receiver.open === 0);
	});
}

test('what fails on our side is another failure: a header that cannot be sent', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	await using sender = createSender();
	assertFailure(t, await sender.send(requestTo(receiver.url, {headers: {'x-bad': 'a\nb'}})), 'other');
	t.is(receiver.connections, 0);
});

test('closed literal addresses, other schemes and credentials are not called', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	await using sender = createSender({allowCidrs: []});
	for (const url of [
		receiver.url,
		`http://2130706433:${receiver.port}/`,
		`http://[::ffff:127.0.0.1]:${receiver.port}/`,
		`http://localhost:${receiver.port}/`,
		'http://169.254.169.254/latest/meta-data/',
		'ftp://example.com/',
		'https://user:pass@example.com/',
		'no URL',
	]) {
		const response = await sender.send(requestTo(url));
		assertFailure(t, response, 'blocked');
		t.is<string | undefined, string | undefined>(response.error, sender.refusal(url));
	}
	t.is(receiver.connections, 0);
});

test('a name that resolves to closed addresses is not called, and they are not told', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	const closed = [
		{address: '127.0.0.1', family: 4},
		{address: '10.1.2.3', family: 4},
		{address: '::ffff:127.0.0.1', family: 6},
	];
	await using sender = createSender({allowCidrs: [], resolveName: () => Promise.resolve(closed)});
	const url = `http://internal.example:${receiver.port}/`;
	t.is(sender.refusal(url), undefined);
	const response = await sender.send(requestTo(url));
	assertFailure(t, response, 'blocked');
	t.notRegex(response.error, /127|10\.1/);
	t.is(receiver.connections, 0);
});

test('of a name with several addresses only allowed ones are called', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	const mixed = [
		{address: '127.0.0.9', family: 4},
		{address: '::1', family: 6},
		{address: '127.0.0.1', family: 4},
	];
	await using sender = createSender({allowCidrs: ['127.0.0.1'], resolveName: () => Promise.resolve(mixed)});
	assertAnswer(t, await sender.send(requestTo(`http://mixed.example:${receiver.port}/`)));
	t.is(receiver.connections, 1);
});

test('a name is resolved once per connection: it cannot change between the check and the call', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	let resolutions = 0;
	await using sender = createSender({
		allowCidrs: ['127.0.0.1'],
		resolveName: () => Promise.resolve([{address: ++resolutions === 1 ? '127.0.0.1' : '127.0.0.2', family: 4}]),
	});
	for (let attempt = 0; attempt < 3; attempt++) {
		assertAnswer(t, await sender.send(requestTo(`http://rebinding.example:${receiver.port}/`)));
	}
	t.is(resolutions, 1);
});

test('connections that open at the same time share one resolution of their name', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end());
	let resolutions = 0;
	await using sender = createSender({
		resolveName: async () => {
			resolutions++;
			await sleep(20);
			return [{address: '127.0.0.1', family: 4}];
		},
	});
	const url = `http://shared.example:${receiver.port}/`;
	await Promise.all(
		Array.from({length: 20}, async () => {
			assertAnswer(t, await sender.send(requestTo(url)));
		}),
	);
	t.is(resolutions, 1);
	t.is(receiver.connections, 20);
});

test('disposal ends what is running and closes idle connections', async (t) => {
	await using receiver = await Receiver.http((request, response) => {
		if (request.headers['x-hang'] === undefined) response.end();
	});
	const sender = createSender();
	const hanging = sender.send(requestTo(receiver.url, {headers: {'x-hang': '1'}}));
	assertAnswer(t, await sender.send(requestTo(receiver.url)));
	await eventually(() => receiver.open === 2);
	await sender[Symbol.asyncDispose]();
	assertFailure(t, await hanging, 'other');
	await eventually(() => receiver.open === 0);
	assertFailure(t, await sender.send(requestTo(receiver.url)), 'other');
});
