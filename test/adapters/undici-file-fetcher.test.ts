import {createHash, randomBytes} from 'node:crypto';
import type {IncomingMessage, OutgoingHttpHeaders, ServerResponse} from 'node:http';
import {gzipSync} from 'node:zlib';
import test, {type ExecutionContext} from 'ava';
import type {ResolveName} from '../../adapters/http/guarded-lookup.ts';
import {UndiciFileFetcher} from '../../adapters/http/undici-file-fetcher.ts';
import {MediaFetchFailedError, SetupError} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import {readAll} from '../support/media-content.ts';
import {Receiver} from '../support/receiver.ts';

const SILENCE_MS = 300;

function createFetcher({
	allowCidrs = ['127.0.0.0/8'],
	silenceMs = SILENCE_MS,
	resolveName,
}: {allowCidrs?: string[]; silenceMs?: number; resolveName?: ResolveName} = {}): UndiciFileFetcher {
	return new UndiciFileFetcher({
		version: '1.2.3',
		allowCidrs,
		silenceMs,
		...(resolveName !== undefined && {resolveName}),
	});
}

const unlimited = (): AbortSignal => new AbortController().signal;

/** A server that answers by path. */
function serve(
	answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void>,
): Promise<Receiver> {
	return Receiver.http((request, response) => {
		const answer = answers[request.url ?? ''];
		if (answer === undefined) response.writeHead(404).end('nothing here');
		else answer(request, response);
	});
}

const base = (receiver: Receiver): string => `http://127.0.0.1:${receiver.port}`;

const redirectTo =
	(location: string, status = 302) =>
	(_request: IncomingMessage, response: ServerResponse): void => {
		response.writeHead(status, {location}).end('elsewhere');
	};

async function failureOf(t: ExecutionContext, work: Promise<unknown>): Promise<string> {
	const error = await t.throwsAsync(work, {instanceOf: MediaFetchFailedError});
	const prefix = 'The file could not be fetched: ';
	t.true(error.message.startsWith(prefix), error.message);
	return error.message.slice(prefix.length);
}

test('a file comes with its type, name, size and bytes', async (t) => {
	const bytes = randomBytes(3_000_000);
	let seen: IncomingMessage['headers'] = {};
	await using receiver = await serve({
		'/files/holiday%20%C3%BC.jpeg?size=1': (request, response) => {
			seen = request.headers;
			response.writeHead(200, {'content-type': 'image/jpeg', 'content-length': bytes.length}).end(bytes);
		},
	});
	await using fetcher = createFetcher();
	const {content, ...facts} = await fetcher.fetch(
		`${base(receiver)}/files/holiday%20%C3%BC.jpeg?size=1#top`,
		unlimited(),
	);
	t.deepEqual(facts, {contentType: 'image/jpeg', filename: 'holiday ü.jpeg', sizeBytes: bytes.length});
	t.is(sha(await readAll(content)), sha(bytes));
	t.like(seen, {'user-agent': 'WAHooks/1.2.3', 'accept-encoding': 'identity', accept: '*/*'});
	await eventually(() => receiver.open === 0);
});

test('a server that says nothing about its file is taken as it is', async (t) => {
	await using receiver = await serve({
		'/': (_request, response) => {
			response.write('a');
			response.end('b');
		},
	});
	await using fetcher = createFetcher();
	const {content, ...facts} = await fetcher.fetch(base(receiver), unlimited());
	t.deepEqual(facts, {contentType: null, filename: null, sizeBytes: null});
	t.is((await readAll(content)).toString(), 'ab');
});

test('the name is what the server calls the file, else what the URL does', async (t) => {
	const cases: readonly (readonly [string, string | undefined, string | null])[] = [
		['/a.jpg', 'attachment; filename=report.pdf', 'report.pdf'],
		['/a.jpg', 'attachment; filename="a \\"quoted\\" name; really.pdf"', 'a "quoted" name; really.pdf'],
		['/a.jpg', "attachment; filename=plain.pdf; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%91%8B.pdf", 'Grüße 👋.pdf'],
		['/a.jpg', "attachment; filename*=iso-8859-1''%E4.pdf", 'ä.pdf'],
		['/a.jpg', "attachment; filename*=UTF-8''%FF; filename=fallback.pdf", 'fallback.pdf'],
		['/a.jpg', 'INLINE ; FILENAME = "spaces.pdf" ', 'spaces.pdf'],
		['/a.jpg', Buffer.from('attachment; filename="Grüße.pdf"').toString('latin1'), 'Grüße.pdf'],
		['/a.jpg', Buffer.from('attachment; filename="Grüße.pdf"', 'latin1').toString('latin1'), 'Grüße.pdf'],
		['/a.jpg', 'attachment; filename="../../etc/passwd"', 'passwd'],
		['/a.jpg', 'attachment; filename="C:\\\\windows\\\\evil.exe"', 'evil.exe'],
		['/a.jpg', 'attachment', 'a.jpg'],
		['/a.jpg', 'attachment; filename=""', 'a.jpg'],
		['/a.jpg', ';;;===', 'a.jpg'],
		['/folder/', undefined, null],
		['/broken%E0%A4%A.txt', undefined, 'broken%E0%A4%A.txt'],
		['/up%2F..%2Fdown.txt', undefined, 'down.txt'],
	];
	let header: string | undefined;
	await using receiver = await Receiver.http((_request, response) => {
		response.writeHead(200, header === undefined ? {} : {'content-disposition': header}).end('x');
	});
	await using fetcher = createFetcher();
	for (const [path, disposition, expected] of cases) {
		header = disposition;
		const {filename, content} = await fetcher.fetch(base(receiver) + path, unlimited());
		await readAll(content);
		t.is(filename, expected, disposition ?? path);
	}
});

test('redirects are followed, three of them, each on a connection of its own', async (t) => {
	await using receiver = await serve({
		'/1': redirectTo('/2', 301),
		'/2': redirectTo('3?a=1', 307),
		'/3?a=1': (request, response) => {
			redirectTo(`http://${request.headers.host ?? ''}/final.png`, 308)(request, response);
		},
		'/final.png': (_request, response) => response.end('here'),
		'/0': redirectTo('/1', 303),
	});
	await using fetcher = createFetcher();
	const {filename, content} = await fetcher.fetch(`${base(receiver)}/1`, unlimited());
	t.is((await readAll(content)).toString(), 'here');
	t.is(filename, 'final.png', 'the one with an extension');
	t.is(receiver.connections, 4);
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/0`, unlimited())), 'more than 3 redirects');
	await eventually(() => receiver.open === 0);
});

test('a redirect that leads nowhere is a failure', async (t) => {
	await using receiver = await serve({
		'/loop': redirectTo('/loop'),
		'/bad': redirectTo('http://['),
		'/none': (_request, response) => response.writeHead(302).end(),
	});
	await using fetcher = createFetcher();
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/loop`, unlimited())), 'more than 3 redirects');
	t.is(
		await failureOf(t, fetcher.fetch(`${base(receiver)}/bad`, unlimited())),
		'its server redirects to what is no URL',
	);
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/none`, unlimited())), 'its server answered 302');
});

test('no address is asked that is not open, neither at first nor by a redirect, literal or resolved', async (t) => {
	await using secret = await Receiver.http((_request, response) => response.end('secret'));
	const host = (address: string): string => `http://${address}:${secret.port}/`;
	await using receiver = await serve({
		'/literal': redirectTo(host('127.0.0.2')),
		'/resolved': redirectTo(host('inside.example')),
		'/metadata': redirectTo('http://169.254.169.254/latest/meta-data/'),
		'/file': redirectTo('file:///etc/passwd'),
		'/credentials': redirectTo('http://user:password@example.com/'),
	});
	const resolveName: ResolveName = () => Promise.resolve([{address: '127.0.0.2', family: 4}]);
	await using fetcher = createFetcher({allowCidrs: ['127.0.0.1/32'], resolveName});
	for (const url of [host('127.0.0.2'), host('[::1]'), host('0x7f000002'), `${base(receiver)}/literal`]) {
		t.is(await failureOf(t, fetcher.fetch(url, unlimited())), 'url must not point to a private or reserved address');
	}
	for (const url of [host('inside.example'), `${base(receiver)}/resolved`]) {
		t.regex(await failureOf(t, fetcher.fetch(url, unlimited())), /resolves to an address that must not be called/);
	}
	t.regex(await failureOf(t, fetcher.fetch(`${base(receiver)}/metadata`, unlimited())), /private or reserved/);
	for (const url of ['file:///etc/passwd', 'ftp://example.com/', `${base(receiver)}/file`]) {
		t.is(await failureOf(t, fetcher.fetch(url, unlimited())), 'url must start with http:// or https://');
	}
	t.regex(await failureOf(t, fetcher.fetch(`${base(receiver)}/credentials`, unlimited())), /user name or password/);
	t.regex(await failureOf(t, fetcher.fetch('nonsense', unlimited())), /must be a URL/);
	t.is(secret.connections, 0);
});

test('the address that was checked is the one that is asked, whatever the name says a moment later', async (t) => {
	await using receiver = await Receiver.http((_request, response) => response.end('here'));
	const addresses = ['127.0.0.1', '127.0.0.2'];
	const resolveName: ResolveName = () => Promise.resolve([{address: addresses.shift() ?? '127.0.0.2', family: 4}]);
	await using fetcher = createFetcher({allowCidrs: ['127.0.0.1/32'], resolveName});
	const url = `http://rebinding.example:${receiver.port}/`;
	t.is((await readAll((await fetcher.fetch(url, unlimited())).content)).toString(), 'here');
	t.regex(await failureOf(t, fetcher.fetch(url, unlimited())), /must not be called/, 'no connection is used twice');
	t.is(receiver.connections, 1);
});

test('ranges that are none are told at the start', (t) => {
	t.throws(() => createFetcher({allowCidrs: ['nonsense']}), {instanceOf: SetupError});
});

test('only a whole answer in clear is a file', async (t) => {
	const answer =
		(status: number, headers: OutgoingHttpHeaders = {}, body: Buffer | string = 'x') =>
		(_request: IncomingMessage, response: ServerResponse): void => {
			response.writeHead(status, headers).end(body);
		};
	await using receiver = await serve({
		'/500': answer(500),
		'/304': answer(304),
		'/gzip': answer(200, {'content-encoding': 'gzip'}, gzipSync('bomb')),
	});
	await using fetcher = createFetcher();
	for (const status of [404, 500, 304]) {
		t.is(
			await failureOf(t, fetcher.fetch(`${base(receiver)}/${status}`, unlimited())),
			`its server answered ${status}`,
		);
	}
	t.regex(await failureOf(t, fetcher.fetch(`${base(receiver)}/gzip`, unlimited())), /sends it compressed \(gzip\)/);
	await eventually(() => receiver.open === 0);
});

test('a server that does not answer is given up, and one that falls silent within its answer', async (t) => {
	await using receiver = await serve({
		'/mute': () => undefined,
		'/stalls': (_request, response) => response.writeHead(200, {'content-length': 10}).write('12345'),
		'/drips': (_request, response) => {
			response.writeHead(200);
			let sent = 0;
			const drip = setInterval(() => {
				if (++sent <= 8) response.write('.');
				else response.end();
			}, SILENCE_MS / 4);
			response.on('close', () => {
				clearInterval(drip);
			});
		},
	});
	await using fetcher = createFetcher();
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/mute`, unlimited())), 'no answer within 0.3 s');
	const {content} = await fetcher.fetch(`${base(receiver)}/stalls`, unlimited());
	t.is(await failureOf(t, readAll(content)), 'nothing came for 0.3 s');
	const slow = await fetcher.fetch(`${base(receiver)}/drips`, unlimited());
	t.is((await readAll(slow.content)).length, 8, 'slow is not silent');
	await eventually(() => receiver.open === 0);
});

test('the signal ends it at any time: before, while the name is resolved, before the answer, and within it', async (t) => {
	await using receiver = await serve({
		'/mute': () => undefined,
		'/endless': (_request, response) => response.writeHead(200).write('12345'),
	});
	await using fetcher = createFetcher({silenceMs: 10_000, resolveName: () => new Promise(() => undefined)});
	const late = 'it was not here in time';
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/mute`, AbortSignal.abort())), late);
	t.is(receiver.connections, 0);
	t.is(await failureOf(t, fetcher.fetch('http://slow.example/', AbortSignal.timeout(50))), late);
	t.is(await failureOf(t, fetcher.fetch(`${base(receiver)}/mute`, AbortSignal.timeout(50))), late);
	const {content} = await fetcher.fetch(`${base(receiver)}/endless`, AbortSignal.timeout(200));
	t.is(await failureOf(t, readAll(content)), late);
	await eventually(() => receiver.open === 0);
});

test('an answer that breaks off is a failure, and no port is one too', async (t) => {
	await using receiver = await serve({
		'/': (request, response) => {
			response.writeHead(200, {'content-length': 10}).write('12345', () => request.socket.destroy());
		},
	});
	await using fetcher = createFetcher();
	const {content} = await fetcher.fetch(base(receiver), unlimited());
	t.regex(await failureOf(t, readAll(content)), /^The connection was closed before the answer was complete/);
	const url = base(receiver);
	await receiver[Symbol.asyncDispose]();
	t.is(await failureOf(t, fetcher.fetch(url, unlimited())), 'No connection could be made (ECONNREFUSED)');
});

test('who stops reading, or never starts, ends the transfer; a slow reader slows the server', async (t) => {
	let written = 0;
	await using receiver = await Receiver.http((_request, response) => {
		const write = (): void => {
			while (!response.destroyed) {
				written += 65_536;
				if (!response.write(Buffer.alloc(65_536))) break;
			}
			response.once('drain', write);
		};
		write();
	});
	await using fetcher = createFetcher({silenceMs: 10_000});
	const unread = (await fetcher.fetch(base(receiver), unlimited())).content[Symbol.asyncIterator]();
	let before = -1;
	await eventually(() => {
		const isStill = written === before;
		before = written;
		return isStill;
	});
	t.true(written < 32 * 1024 * 1024, `${written} bytes were sent to nobody`);
	await unread.return?.();
	await eventually(() => receiver.open === 0);
	for await (const chunk of (await fetcher.fetch(base(receiver), unlimited())).content) {
		t.true(chunk.length > 0);
		break;
	}
	await eventually(() => receiver.open === 0);
});

function sha(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}
